/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "t/script_parts.h"

#define ITEMS 64

struct item {
	struct ewb_item item;
	char key[64];
	bool used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static struct item items[ITEMS];
static uint64_t last_cas;

static void
take_lock(void)
{
	SCRIPT_MUST(pthread_mutex_lock(&lock) == 0);
}

static void
give_lock(void)
{
	SCRIPT_MUST(pthread_mutex_unlock(&lock) == 0);
}

void
script_begin_items(void)
{
	take_lock();
	for (unsigned i = 0; i < ITEMS; i++)
		free((void *)items[i].item.value);
	memset(items, 0, sizeof items);
	last_cas = 0;
	give_lock();
}

/* Under the lock. */
static struct item *
find(const void *key, size_t n)
{
	for (unsigned i = 0; i < ITEMS; i++)
		if (items[i].used && items[i].item.nkey == n &&
		    memcmp(items[i].key, key, n) == 0)
			return &items[i];
	return NULL;
}

static struct item *
make(const void *key, size_t n)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		struct item *it = &items[i];

		if (it->used)
			continue;
		it->used = true;
		memcpy(it->key, key, n);
		it->item = (struct ewb_item){ .size = sizeof it->item,
			                      .key = it->key,
			                      .nkey = n };
		return it;
	}
	return NULL;
}

static void
unset(struct item *it)
{
	free((void *)it->item.value);
	memset(it, 0, sizeof *it);
}

/* 0, or -1: no memory. */
static int
set(struct item *it, const void *value, size_t n)
{
	void *copy = malloc(n ? n : 1);

	if (copy == NULL) {
		if (it->item.value == NULL)
			unset(it); /* it is new */
		return -1;
	}
	if (n)
		memcpy(copy, value, n);
	free((void *)it->item.value);
	it->item.value = copy;
	it->item.nvalue = n;
	it->item.cas = ++last_cas;
	return 0;
}

void
script_put(const char *key, const char *value)
{
	struct item *it;

	take_lock();
	it = find(key, strlen(key));
	if (it == NULL)
		it = make(key, strlen(key));
	SCRIPT_MUST(it != NULL);
	SCRIPT_MUST(set(it, value, strlen(value)) == 0);
	give_lock();
}

const struct ewb_item *
script_item(const char *key)
{
	struct item *it;

	take_lock();
	it = find(key, strlen(key));
	give_lock();
	return it ? &it->item : NULL;
}

const char *
script_text(const char *key)
{
	static char text[256];
	const struct ewb_item *it = script_item(key);
	size_t n;

	if (it == NULL)
		return NULL;
	n = it->nvalue < sizeof text ? it->nvalue : sizeof text - 1;
	memcpy(text, it->value, n);
	text[n] = '\0';
	return text;
}

void
script_drop(const char *key)
{
	struct item *it;

	take_lock();
	it = find(key, strlen(key));
	if (it)
		unset(it);
	give_lock();
}

/* What the commands do. */

struct loan {
	struct script *script;
	char bytes[];
};

static void
release(void *arg)
{
	struct loan *l = arg;

	l->script->releases++;
	free(l);
}

static enum ewb_status
lend(struct script *s, struct ewb_cookie *c, struct ewb_item it)
{
	struct loan *l = malloc(sizeof *l + it.nvalue);

	if (l == NULL)
		return EWB_NO_MEMORY;
	l->script = s;
	memcpy(l->bytes, it.value, it.nvalue);
	it.value = l->bytes;
	return ewb_reply_item(c, &it, release, l);
}

enum ewb_status
script_act_get(struct script *s, struct ewb_cookie *c,
               const struct ewb_request *r)
{
	enum ewb_status status = EWB_NOT_FOUND;
	struct item *it;

	take_lock();
	it = find(r->key, r->nkey);
	if (it && s && s->lend)
		status = lend(s, c, it->item);
	else if (it)
		status = ewb_reply_item(c, &it->item, NULL, NULL);
	give_lock();
	return status;
}

/* Under the lock. */
static enum ewb_status
expected(const struct item *it, const struct ewb_request *r)
{
	switch (r->expect) {
	case EWB_EXPECT_ABSENT: return it ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT: return it ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (it == NULL)
			return EWB_NOT_FOUND;
		return it->item.cas == r->cas ? EWB_OK : EWB_EXISTS;
	default: return EWB_OK;
	}
}

/* Under the lock. */
static enum ewb_status
store(struct ewb_cookie *c, const struct ewb_request *r)
{
	struct item *it = find(r->key, r->nkey);
	enum ewb_status status = expected(it, r);

	if (status != EWB_OK)
		return status;
	if (it == NULL)
		it = make(r->key, r->nkey);
	if (it == NULL)
		return EWB_NO_MEMORY;
	if (set(it, r->value, r->nvalue))
		return EWB_NO_MEMORY;
	it->item.flags = r->flags;
	it->item.expiry = r->expiry;
	it->item.datatype = r->datatype;
	ewb_reply_cas(c, it->item.cas);
	return EWB_OK;
}

enum ewb_status
script_act_store(struct script *s, struct ewb_cookie *c,
                 const struct ewb_request *r)
{
	enum ewb_status status;

	(void)s;
	take_lock();
	status = store(c, r);
	give_lock();
	return status;
}

enum ewb_status
script_act_remove(struct script *s, struct ewb_cookie *c,
                  const struct ewb_request *r)
{
	enum ewb_status status = EWB_OK;
	struct item *it;

	(void)s;
	(void)c;
	take_lock();
	it = find(r->key, r->nkey);
	if (it == NULL)
		status = EWB_NOT_FOUND;
	else if (r->cas && r->cas != it->item.cas)
		status = EWB_EXISTS;
	else
		unset(it);
	give_lock();
	return status;
}

enum ewb_status
script_act_flush(struct script *s, struct ewb_cookie *c,
                 const struct ewb_request *r)
{
	(void)s;
	(void)c;
	(void)r;
	take_lock();
	for (unsigned i = 0; i < ITEMS; i++)
		if (items[i].used)
			unset(&items[i]);
	give_lock();
	return EWB_OK;
}

enum ewb_status
script_act_stats(struct script *s, struct ewb_cookie *c,
                 const struct ewb_request *r)
{
	(void)s;
	(void)r;
	return ewb_reply_stat(c, "script", "%d", 1);
}
