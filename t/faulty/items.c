/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/faulty/faulty.h"

#include <stdlib.h>
#include <string.h>

int
compare(const void *a, size_t na, const void *b, size_t nb)
{
	int order = memcmp(a, b, na < nb ? na : nb);

	return order ? order : (na > nb) - (na < nb);
}

bool
expired(struct faulty *f, const struct item *i)
{
	if (i->expiry == 0 || is(f, "never-expires"))
		return false;
	return i->expiry <= ewb_host_time(f->host);
}

void
hold(struct item *i)
{
	i->refs++;
}

/* Under the lock. */
static void
let_go(struct item *i)
{
	if (--i->refs)
		return;
	if (i->taken)
		ewb_value_free(i->value);
	else
		free(i->value);
	free(i);
}

void
drop(struct faulty *f, struct item *i)
{
	pthread_mutex_lock(&f->lock);
	let_go(i);
	pthread_mutex_unlock(&f->lock);
}

/* Where it is, or would be. */
static struct item **
place(struct faulty *f, const void *key, size_t nkey)
{
	struct item **p = &f->first;

	while (*p && compare((*p)->key, (*p)->nkey, key, nkey) < 0)
		p = &(*p)->next;
	return p;
}

struct item *
find(struct faulty *f, const void *key, size_t nkey)
{
	struct item *i;

	if (is(f, "cuts-keys") && nkey > 249)
		nkey = 249;
	i = *place(f, key, nkey);
	if (i == NULL || compare(i->key, i->nkey, key, nkey) != 0)
		return NULL;
	return expired(f, i) ? NULL : i;
}

enum ewb_status
check(struct faulty *f, const struct ewb_request *r)
{
	const struct item *old = find(f, r->key, r->nkey);

	switch (r->expect) {
	case EWB_EXPECT_ABSENT:
		if (is(f, "ignores-absent"))
			return EWB_OK;
		return old ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT:
		if (is(f, "ignores-present"))
			return EWB_OK;
		if (is(f, "replace-with-nothing") && r->nvalue == 0)
			return EWB_NOT_FOUND;
		return old ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (old == NULL)
			return EWB_NOT_FOUND;
		if (is(f, "ignores-cas"))
			return EWB_OK;
		return old->cas == r->cas ? EWB_OK : EWB_EXISTS;
	default: return EWB_OK;
	}
}

static uint64_t
new_cas(struct faulty *f, const struct ewb_request *r)
{
	uint64_t sum = 7;

	if (!is(f, "same-cas"))
		return ++f->cas;
	for (size_t i = 0; i < r->nvalue; i++)
		sum = sum * 31 + ((const uint8_t *)r->value)[i];
	return sum;
}

/* The mutation that was made last. */
static void
say_token(struct faulty *f, struct ewb_cookie *c)
{
	ewb_reply_token(c, 77, f->seqno + is(f, "token-runs-ahead"));
}

enum ewb_status
tell(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	struct faulty *f = self;

	(void)vbucket;
	v->uuid = 77;
	pthread_mutex_lock(&f->lock);
	v->seqno = f->seqno;
	for (const struct item *i = f->first; i; i = i->next)
		v->items++;
	pthread_mutex_unlock(&f->lock);
	return EWB_OK;
}

static bool
all_digits(const struct ewb_request *r)
{
	const uint8_t *p = r->value;
	size_t i;

	for (i = 0; i < r->nvalue && p[i] >= '0' && p[i] <= '9'; i++)
		;
	return i == r->nvalue && i > 0;
}

/* What is stored wrongly. */
static void
spoil(struct faulty *f, struct item *i, const struct ewb_request *r,
      const struct item *old)
{
	char digits[32] = "";

	if (is(f, "short-flags"))
		i->flags &= 0xffff;
	if (is(f, "narrow-datatype"))
		i->datatype &= 7;
	if (is(f, "cuts-large") && i->nvalue > 65536)
		i->nvalue = 65536;
	if (is(f, "counts-to-32") && all_digits(r) && r->nvalue < 30) {
		memcpy(digits, r->value, r->nvalue);
		if (strtoull(digits, NULL, 10) > UINT32_MAX)
			i->nvalue = 10;
	}
	if (old && is(f, "stale-tail") && old->nvalue - i->nvalue == 17)
		i->nvalue = 2;
	if (old && is(f, "appends-in-place") && old->nvalue &&
	    i->nvalue > old->nvalue &&
	    memcmp(i->value, old->value, old->nvalue) == 0)
		i->nvalue--;
	if (old && is(f, "forgets-touch") && old->nvalue == i->nvalue &&
	    memcmp(i->value, old->value, i->nvalue) == 0)
		i->expiry = old->expiry;
}

static struct item *
make(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct item *i = calloc(1, sizeof *i);

	if (i == NULL)
		return NULL;
	i->refs = 1;
	i->nkey = is(f, "cuts-keys") && r->nkey > 249 ? 249 : r->nkey;
	memcpy(i->key, r->key, i->nkey);
	i->nvalue = r->nvalue;
	i->flags = r->flags;
	i->datatype = r->datatype;
	i->expiry = r->expiry;
	i->value = ewb_value_take(c);
	i->taken = i->value != NULL;
	if (is(f, "keeps-pointer") && r->nvalue == 3000) {
		i->taken = false;
		i->value = (uint8_t *)(uintptr_t)r->value;
		i->refs = 1000; /* it is never freed */
	} else if (!i->taken) {
		i->value = malloc(r->nvalue + 1);
		if (i->value)
			memcpy(i->value, r->value, r->nvalue);
	}
	if (i->value)
		return i;
	if (!is(f, "leaks-when-short"))
		free(i);
	return NULL;
}

enum ewb_status
put(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r,
    bool checked)
{
	enum ewb_status status = checked ? EWB_OK : check(f, r);
	struct item **p = place(f, r->key, r->nkey), *i, *old;

	if (status != EWB_OK)
		return status;
	i = make(f, c, r);
	old = *p && compare((*p)->key, (*p)->nkey, i ? i->key : r->key,
	                    i ? i->nkey : r->nkey) == 0
	              ? *p
	              : NULL;
	if (i == NULL) {
		if (old && is(f, "loses-when-short")) {
			*p = old->next;
			let_go(old);
		}
		return EWB_NO_MEMORY;
	}
	spoil(f, i, r, old);
	if (r->expect == EWB_EXPECT_CAS && ++f->ncas == 250 &&
	    is(f, "loses-the-250th")) {
		let_go(i);
		ewb_reply_cas(c, ++f->cas);
		f->seqno++;
		say_token(f, c);
		return EWB_OK;
	}
	i->cas = new_cas(f, r);
	i->seqno = ++f->seqno;
	i->next = old ? old->next : *p;
	*p = i;
	if (old && is(f, "reuses-lent") && old->nvalue)
		memset(old->value, 0, old->nvalue);
	if (old && !(is(f, "leaks-taken") && old->taken))
		let_go(old);
	ewb_reply_cas(c, i->cas);
	say_token(f, c);
	return EWB_OK;
}

enum ewb_status
take_out(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct item **p = place(f, r->key, r->nkey), *old;

	old = find(f, r->key, r->nkey);
	if (old == NULL)
		return is(f, "removes-nothing") ? EWB_OK : EWB_NOT_FOUND;
	if (r->cas && r->cas != old->cas && !is(f, "ignores-cas"))
		return EWB_EXISTS;
	p = place(f, old->key, old->nkey);
	*p = old->next;
	if (!is(f, "leaks-removed"))
		let_go(old);
	f->seqno++;
	say_token(f, c);
	return EWB_OK;
}

void
clear(struct faulty *f, bool half)
{
	struct item **p = &f->first, *i;

	while ((i = *p) != NULL) {
		if (half && i->cas % 2) {
			p = &i->next;
			continue;
		}
		*p = i->next;
		let_go(i);
	}
}

/* Gets. */

struct loan {
	struct faulty *f;
	struct item *i;
};

static void
give_back(void *arg)
{
	struct loan *l = arg;

	drop(l->f, l->i);
	free(l);
}

enum ewb_status
answer(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct ewb_item out = { .size = sizeof out };
	struct loan *l;
	struct item *i;

	pthread_mutex_lock(&f->lock);
	i = find(f, r->key, r->nkey);
	if (i == NULL || (is(f, "empty-is-missing") && i->nvalue == 0)) {
		pthread_mutex_unlock(&f->lock);
		return EWB_NOT_FOUND;
	}
	hold(i);
	pthread_mutex_unlock(&f->lock);
	l = malloc(sizeof *l);
	if (l == NULL) {
		drop(f, i);
		return EWB_NO_MEMORY;
	}
	*l = (struct loan){ f, i };
	out.value = i->value;
	out.nvalue = i->nvalue;
	out.flags = i->flags;
	out.datatype = i->datatype;
	out.expiry = i->expiry;
	out.cas = i->cas;
	out.seqno = i->seqno;
#ifdef FAULTY_PLAIN
	if (!is(f, "undeclared-cas"))
		out.cas = 0;
#endif
	return ewb_reply_item(c, &out, give_back, l);
}
