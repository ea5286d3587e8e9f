/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "item.h"
#include "node.h"
#include "obj.h"

struct sep {
	struct mem_obj obj;
	unsigned char key[];
};

size_t
mem_key_common(const struct mem_obj *a, const struct mem_obj *b)
{
	const unsigned char *x = mem_obj_key(a), *y = mem_obj_key(b);
	size_t n = a->nkey < b->nkey ? a->nkey : b->nkey, i = 0;

	while (i < n && x[i] == y[i])
		i++;
	return i;
}

size_t
mem_obj_bytes(const struct mem_obj *o)
{
	switch (o->kind) {
	case MEM_ITEM:
	case MEM_ITEM_TAKEN: return mem_item_bytes((const struct mem_item *)o);
	case MEM_SEP: return mem_fit(sizeof(struct sep) + o->nkey);
	default: return mem_node_bytes((const struct mem_node *)o);
	}
}

size_t
mem_obj_drop(struct mem_obj *o)
{
	size_t n = mem_obj_bytes(o);

	if (o->kind == MEM_ITEM || o->kind == MEM_ITEM_TAKEN)
		mem_item_release(o);
	else
		free(o);
	return n;
}

size_t
mem_obj_drop_all(struct mem_obj *list)
{
	size_t n = 0;

	while (list)
		n += mem_obj_drop(mem_obj_pop(&list));
	return n;
}

struct mem_obj *
mem_sep_new(const void *key, size_t n, uint64_t born)
{
	struct sep *s = malloc(sizeof *s + n);

	if (!s)
		return NULL;
	atomic_init(&s->obj.link, 0);
	s->obj.born = born;
	s->obj.kind = MEM_SEP;
	s->obj.nkey = (uint8_t)n;
	s->obj.keyat = offsetof(struct sep, key);
	s->obj.tag = 0;
	atomic_init(&s->obj.refs, 1);
	memcpy(s->key, key, n);
	return &s->obj;
}
