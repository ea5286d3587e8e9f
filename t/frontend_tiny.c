/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "protocol/frame.h"
#include "t/frontend_tiny.h"

#define CHAINS 1024

/* Bytes that replies may borrow. */
struct blob {
	_Atomic unsigned refs;
	size_t n;
	void *body; /* taken over from the request, or null */
	char data[];
};

struct record {
	struct record *next;
	uint32_t hash, flags, expiry;
	uint64_t cas;
	struct blob *blob;
	size_t nkey;
	char key[];
};

struct tiny tiny;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static struct record *chains[CHAINS];
static uint64_t last_cas;
static size_t nrecords;

static void
drop_blob(struct blob *b)
{
	if (atomic_fetch_sub(&b->refs, 1) > 1)
		return;
	ewb_value_free(b->body);
	free(b);
}

static void
released(void *arg)
{
	atomic_fetch_add(&tiny.released, 1);
	if (tiny.leaving)
		tiny.leaving();
	drop_blob(arg);
}

static struct blob *
new_blob(const void *data, size_t n, void *body)
{
	struct blob *b = malloc(sizeof *b + (body ? 0 : n));

	EWB_MUST(b);
	atomic_init(&b->refs, 1);
	b->n = n;
	b->body = body;
	if (body == NULL && n)
		memcpy(b->data, data, n);
	return b;
}

/* The table, under the lock. */

static struct record **
find(const struct ewb_request *r)
{
	struct record **p = &chains[r->hash % CHAINS];

	while (*p && ((*p)->nkey != r->nkey ||
	              memcmp((*p)->key, r->key, r->nkey) != 0))
		p = &(*p)->next;
	return p;
}

static void
drop_record(struct record **p)
{
	struct record *r = *p;

	*p = r->next;
	drop_blob(r->blob);
	free(r);
	nrecords--;
}

static void
drop_all(void)
{
	for (unsigned i = 0; i < CHAINS; i++)
		while (chains[i])
			drop_record(&chains[i]);
}

static enum ewb_status
refuses(const struct ewb_request *r, const struct record *old)
{
	switch (r->expect) {
	case EWB_EXPECT_ABSENT: return old ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT: return old ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (old == NULL)
			return EWB_NOT_FOUND;
		return old->cas == r->cas ? EWB_OK : EWB_EXISTS;
	case EWB_EXPECT_ANY: break;
	}
	return EWB_OK;
}

static uint64_t
put(struct record **p, const struct ewb_request *r, struct blob *b)
{
	struct record *n = *p;

	if (n) {
		drop_blob(n->blob);
	} else {
		n = malloc(sizeof *n + r->nkey);
		EWB_MUST(n);
		n->next = NULL;
		n->hash = r->hash;
		n->nkey = r->nkey;
		memcpy(n->key, r->key, r->nkey);
		*p = n;
		nrecords++;
	}
	n->flags = r->flags;
	n->expiry = r->expiry;
	n->blob = b;
	return n->cas = ++last_cas;
}

/* The commands, done at last; on any thread. */

typedef enum ewb_status perform_fn(struct ewb_cookie *c,
                                   const struct ewb_request *r);

static enum ewb_status
get(struct ewb_cookie *c, const struct ewb_request *r)
{
	struct ewb_item item = { .size = sizeof item };
	struct blob *b = NULL;
	struct record *n;

	EWB_MUST0(pthread_mutex_lock(&lock));
	n = *find(r);
	if (n) {
		b = n->blob;
		atomic_fetch_add(&b->refs, 1);
		item.flags = n->flags;
		item.expiry = n->expiry;
		item.cas = n->cas;
	}
	EWB_MUST0(pthread_mutex_unlock(&lock));
	if (b == NULL)
		return EWB_NOT_FOUND;
	item.value = b->body ? b->body : b->data;
	item.nvalue = b->n;
	if (tiny.copies) {
		ewb_reply_item(c, &item, NULL, NULL);
		drop_blob(b);
		return EWB_OK;
	}
	atomic_fetch_add(&tiny.lent, 1);
	return ewb_reply_item(c, &item, released, b);
}

static enum ewb_status
store(struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status;
	struct record **p;
	uint64_t cas = 0;
	void *body;

	atomic_store(&tiny.value_at, r->value);
	EWB_MUST0(pthread_mutex_lock(&lock));
	p = find(r);
	status = refuses(r, *p);
	if (status == EWB_OK) {
		body = ewb_value_take(c);
		if (body)
			atomic_fetch_add(&tiny.taken, 1);
		cas = put(p, r, new_blob(r->value, r->nvalue, body));
	}
	EWB_MUST0(pthread_mutex_unlock(&lock));
	if (status == EWB_OK)
		ewb_reply_cas(c, cas);
	return status;
}

static enum ewb_status
remove_key(struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = EWB_OK;
	struct record **p;

	(void)c;
	EWB_MUST0(pthread_mutex_lock(&lock));
	p = find(r);
	if (*p == NULL)
		status = EWB_NOT_FOUND;
	else if (r->cas && (*p)->cas != r->cas)
		status = EWB_EXISTS;
	else
		drop_record(p);
	EWB_MUST0(pthread_mutex_unlock(&lock));
	return status;
}

static enum ewb_status
flush(struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)c;
	(void)r;
	EWB_MUST0(pthread_mutex_lock(&lock));
	drop_all();
	EWB_MUST0(pthread_mutex_unlock(&lock));
	return EWB_OK;
}

static enum ewb_status
stats(struct ewb_cookie *c, const struct ewb_request *r)
{
	size_t n;

	EWB_MUST0(pthread_mutex_lock(&lock));
	n = nrecords;
	EWB_MUST0(pthread_mutex_unlock(&lock));
	if (r->nkey)
		ewb_reply_stat(c, "items:1:number", "%zu", n);
	else
		ewb_reply_stat(c, "limit_maxbytes", "1048576");
	return ewb_reply_stat(c, "curr_items", "%zu", n);
}

/* How they are answered. */

static struct perform {
	perform_fn *fn;
} performs[] = { { get }, { store }, { remove_key }, { flush }, { stats } };

enum { GET, STORE, REMOVE, FLUSH, STATS };

static enum ewb_status
hold(struct ewb_cookie *c, const struct ewb_request *r)
{
	struct tiny_held *h = &tiny.held[tiny.nheld];
	size_t n = r->nkey < TINY_KEY - 1 ? r->nkey : TINY_KEY - 1;

	EWB_MUST(tiny.nheld < TINY_HELD); /* ask for more room there */
	*h = (struct tiny_held){ .cookie = c };
	if (n)
		memcpy(h->key, r->key, n);
	h->ticket = ewb_cookie_block(c, h);
	if (h->ticket.word == 0)
		return EWB_BUSY;
	tiny.nheld++;
	return EWB_WOULDBLOCK;
}

static enum ewb_status
work(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct perform *p = arg;
	const struct ewb_request *r = ewb_cookie_request(c);

	if (ewb_task_runs(t) == 0 && tiny.delay_us) {
		ewb_task_sleep(t, tiny.delay_us);
		return EWB_WOULDBLOCK;
	}
	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	if (tiny.working)
		tiny.working(t, r);
	return p->fn(c, r);
}

static enum ewb_status
answer(struct ewb_cookie *c, struct perform *p)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	char first = r->nkey ? *(const char *)r->key : '\0';
	enum tiny_how how = tiny.how;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return p->fn(c, r);
	tiny.runs++;
	if (tiny.seen)
		tiny.seen(c, r);
	switch (first) {
	case 'h': how = TINY_HOLD; break;
	case 'l': how = TINY_LATE; break;
	case 'f': return tiny.fail;
	default: break;
	}
	switch (how) {
	case TINY_HOLD: return hold(c, r);
	case TINY_LATE: return ewb_offload(c, work, p);
	case TINY_AT_ONCE: break;
	}
	return p->fn(c, r);
}

static enum ewb_status
tiny_get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return answer(c, &performs[GET]);
}

static enum ewb_status
tiny_store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return answer(c, &performs[STORE]);
}

static enum ewb_status
tiny_remove(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return answer(c, &performs[REMOVE]);
}

static enum ewb_status
tiny_flush(void *self, struct ewb_cookie *c)
{
	(void)self;
	return answer(c, &performs[FLUSH]);
}

static enum ewb_status
tiny_stats(void *self, struct ewb_cookie *c)
{
	(void)self;
	return answer(c, &performs[STATS]);
}

static void
tiny_cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why,
            void *arg)
{
	struct tiny_held *h = arg;

	(void)self;
	tiny.cancels++;
	/* of an offload the argument is ours too, but no held one's */
	if (h >= tiny.held && h < tiny.held + TINY_HELD) {
		EWB_MUST(h->why == 0); /* once for a block */
		EWB_MUST(h->ticket.word == t.word);
		h->why = why;
	}
}

static enum ewb_status
tiny_open(struct ewb_host *host, const struct ewb_setting *s, size_t n,
          void **self)
{
	(void)host;
	(void)s;
	(void)n;
	memset(&tiny, 0, sizeof tiny);
	tiny.fail = EWB_INTERNAL;
	last_cas = 0;
	*self = &tiny;
	return EWB_OK;
}

static void
tiny_close(void *self)
{
	(void)self;
	drop_all();
	ck_assert_uint_eq(atomic_load(&tiny.lent), atomic_load(&tiny.released));
}

static void
tiny_prefetch(void *self, struct ewb_request *r)
{
	(void)self;
	if (tiny.coming)
		tiny.coming(r);
}

const struct ewb_engine tiny_engine = {
	.abi = EWB_ABI,
	.size = sizeof tiny_engine,
	.api = EWB_API,
	.model = EWB_NONBLOCKING,
	.name = "tiny",
	.can = EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS,
	.open = tiny_open,
	.close = tiny_close,
	.get = tiny_get,
	.store = tiny_store,
	.remove = tiny_remove,
	.flush = tiny_flush,
	.stats = tiny_stats,
	.cancel = tiny_cancel,
	.prefetch = tiny_prefetch,
};

/* The test's side. */

struct tiny_held *
tiny_held(const char *key, unsigned n)
{
	for (unsigned i = 0; i < tiny.nheld; i++)
		if (!tiny.held[i].let && strcmp(tiny.held[i].key, key) == 0 &&
		    n-- == 0)
			return &tiny.held[i];
	return NULL;
}

unsigned
tiny_blocked(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tiny.nheld; i++)
		n += !tiny.held[i].let;
	return n;
}

enum ewb_status
tiny_let(const char *key, enum ewb_status status)
{
	struct tiny_held *h = tiny_held(key, 0);

	if (h == NULL)
		return EWB_STALE;
	h->let = true;
	return ewb_notify(h->ticket, status);
}

void
tiny_let_all(void)
{
	for (unsigned i = 0; i < tiny.nheld; i++)
		if (!tiny.held[i].let) {
			tiny.held[i].let = true;
			ewb_notify(tiny.held[i].ticket, EWB_OK);
		}
	tiny.nheld = 0;
}

void
tiny_put(const char *key, const void *value, size_t n)
{
	struct ewb_request r = { .key = key,
		                 .nkey = strlen(key),
		                 .hash = ewb_key_hash(key, strlen(key)) };

	EWB_MUST0(pthread_mutex_lock(&lock));
	put(find(&r), &r, new_blob(value, n, NULL));
	EWB_MUST0(pthread_mutex_unlock(&lock));
}
