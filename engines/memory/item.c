/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "item.h"

/* Where the value of a MEM_ITEM_TAKEN is; unaligned, behind the key. */
struct taken {
	void *buffer;
	const void *value;
};

#define HEADER offsetof(struct mem_item, data)

struct mem_item *
mem_item_new(const struct ewb_request *r, void *taken)
{
	struct taken where = { .buffer = taken, .value = r->value };
	size_t n = taken ? sizeof where : r->nvalue;
	struct mem_item *it;

	it = malloc(HEADER + r->nkey + n < sizeof *it ? sizeof *it
	                                              : HEADER + r->nkey + n);
	if (!it)
		return NULL;
	atomic_init(&it->obj.link, mem_use(0, false));
	it->obj.born = 0;
	it->obj.kind = taken ? MEM_ITEM_TAKEN : MEM_ITEM;
	it->obj.nkey = (uint8_t)r->nkey;
	it->obj.keyat = HEADER;
	it->obj.tag = r->datatype;
	atomic_init(&it->obj.refs, 1);
	it->flags = r->flags;
	it->expiry = r->expiry;
	it->nvalue = (uint32_t)r->nvalue;
	memcpy(it->data, r->key, r->nkey);
	if (n)
		memcpy(it->data + r->nkey, taken ? &where : r->value, n);
	return it;
}

size_t
mem_item_cost(size_t nkey, size_t nvalue)
{
	return mem_fit(HEADER + nkey + nvalue);
}

size_t
mem_item_bytes(const struct mem_item *it)
{
	if (it->obj.kind == MEM_ITEM)
		return mem_item_cost(it->obj.nkey, it->nvalue);
	return mem_item_cost(it->obj.nkey, sizeof(struct taken)) +
	       mem_fit(it->nvalue);
}

static struct taken
where(const struct mem_item *it)
{
	struct taken t;

	memcpy(&t, it->data + it->obj.nkey, sizeof t);
	return t;
}

const void *
mem_item_value(const struct mem_item *it)
{
	if (it->obj.kind == MEM_ITEM)
		return it->data + it->obj.nkey;
	return where(it).value;
}

void
mem_item_release(void *obj)
{
	struct mem_item *it = obj;

	/* acq_rel: what others read of the item was before they let go, and
	 * the last one frees after that */
	if (atomic_fetch_sub_explicit(&it->obj.refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	if (it->obj.kind == MEM_ITEM_TAKEN)
		ewb_value_free(where(it).buffer);
	free(it);
}
