/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/dispatch.h"
#include "cookie/stream.h"
#include "lib/check.h"
#include "protocol/binary.h"

#define STREAM_OF(p, member) \
	((struct ewb_stream *)((char *)(p) - offsetof(struct ewb_stream, member)))

static void deliver_data(struct ewb_letter *l);
static void granted(struct ewb_ask *a);

/* Opening. */

static struct ewb_stream *
take_stream(struct ewb_dispatch *d) EWB_ON_FRONT
{
	struct ewb_stream *s = d->free_streams;

	if (s) {
		d->free_streams = s->next_free;
		memset(s, 0, sizeof *s);
		return s;
	}
	return calloc(1, sizeof *s);
}

/* One more, within the limit; with its own chunk. */
static struct ewb_chunk *
take_base(struct ewb_core *core)
{
	struct ewb_chunk *ch;

	if (atomic_fetch_add(&core->streams, 1) < core->limits.max_streams) {
		ch = ewb_chunk_take(&core->chunks, EWB_CHUNK_MIN);
		if (ch)
			return ch;
	}
	atomic_fetch_sub(&core->streams, 1);
	return NULL;
}

/* A piece in the text protocol is this line, and so many bytes after it. */
#define TEXT_HEAD "DATA 0000000000\r\n"
#define TEXT_DIGITS 5

static void
make_head(struct ewb_stream *s, const struct ewb_frame *f)
{
	struct ewb_bin_reply r = { .opcode = f->opcode, .opaque = f->opaque };

	if (!(f->is & EWB_IS_BINARY)) {
		s->text = 1;
		s->nhead = sizeof TEXT_HEAD - 1;
		memcpy(s->head, TEXT_HEAD, s->nhead);
		return;
	}
	ewb_bin_head(s->head, &r);
	s->nhead = EWB_BIN_HEAD;
}

static struct ewb_cookie *
whole(struct ewb_cookie *c)
{
	while (c->parent)
		c = c->parent;
	return c;
}

enum ewb_status
ewb_stream_open(struct ewb_cookie *c, void (*wake)(void *arg), void *arg)
{
	struct ewb_dispatch *d = c->dispatch;
	struct ewb_stream *s;

	if (!pthread_equal(d->thread, pthread_self()) || !c->running) {
		ewb_slip(c, "ewb_stream_open() outside of its callback");
		return EWB_INTERNAL;
	}
	ewb_now_on_front(d->thread);
	if (ewb_cookie_blocked(c)) {
		ewb_mistake(c, "ewb_stream_open() after the block");
		return EWB_INTERNAL;
	}
	if (!c->command->streams || c->stream || whole(c)->stream)
		return EWB_NOT_SUPPORTED;
	s = take_stream(d);
	if (s == NULL)
		return EWB_BUSY;
	s->base = take_base(d->core);
	if (s->base == NULL) {
		free(s);
		return EWB_BUSY;
	}
	s->magic = EWB_STREAM_MAGIC;
	s->core = d->core;
	s->dispatch = d;
	s->cookie = c;
	s->wake = wake;
	s->wake_arg = arg;
	s->next_cap = EWB_CHUNK_MIN;
	s->data.deliver = deliver_data;
	s->ask.wake = granted;
	atomic_store(&s->base_home, 1);
	make_head(s, &whole(c)->frame);
	/* a filter's part of a command fills it, the whole is what is sent */
	c->stream = whole(c)->stream = s;
	return EWB_OK;
}

void
ewb_stream_extras(struct ewb_cookie *c, const void *extras, size_t n)
{
	struct ewb_stream *s = c->stream;

	if (s->text)
		return;
	EWB_MUST(EWB_BIN_HEAD + n <= sizeof s->head);
	s->head[4] = (uint8_t)n;
	memcpy(s->head + EWB_BIN_HEAD, extras, n);
	s->nhead = (uint32_t)(EWB_BIN_HEAD + n);
}

void
ewb_stream_plain(struct ewb_cookie *c)
{
	EWB_MUST(c->stream->text);
	c->stream->nhead = 0;
}

/* The producer's half. */

static void
post(struct ewb_stream *s)
{
	if (atomic_exchange(&s->posted, 1) == 0)
		ewb_inbox_post(&s->dispatch->inbox, &s->data);
}

static void
tell(struct ewb_stream *s)
{
	s->untold = 0;
	s->told = atomic_load_explicit(&s->sealed, memory_order_relaxed);
	s->told_at = ewb_clock_us(&s->core->clock);
	post(s);
}

/* A piece was sealed at that position. */
static int
is_worth_a_wake(const struct ewb_stream *s, uint32_t at)
{
	return at < EWB_STREAM_EAGER || s->untold > s->core->limits.high / 2 ||
	       ewb_clock_us(&s->core->clock) - s->told_at >=
	               EWB_STREAM_QUIET_US;
}

void
ewb_stream_tell(struct ewb_stream *s)
{
	if (s->untold)
		tell(s);
}

static void
patch(const struct ewb_stream *s, struct ewb_chunk *ch, uint16_t status)
{
	uint32_t len = ch->len - s->nhead;

	if (s->text && s->nhead == 0)
		return;
	if (s->text) {
		for (uint8_t *p = ch->data + TEXT_DIGITS + 9; len; len /= 10)
			*p-- = (uint8_t)('0' + len % 10);
		return;
	}
	ewb_put16(ch->data + 6, status);
	ewb_put32(ch->data + 8, ch->len - EWB_BIN_HEAD);
}

static int
ring_full(const struct ewb_stream *s)
{
	/* sealed is ours; pulled: acquire in the default order, so that the
	 * slot's old chunk was read before it is overwritten */
	return atomic_load_explicit(&s->sealed, memory_order_relaxed) -
	               atomic_load(&s->pulled) >=
	       EWB_STREAM_RING;
}

/* Of what was told, nothing was waiting: the reader keeps up, and larger pieces
 * are cheaper. */
static void
adapt(struct ewb_stream *s)
{
	size_t most = s->core->limits.high / 4;
	int32_t waiting = (int32_t)(s->told - atomic_load(&s->pulled));

	if (most > EWB_CHUNK_MAX)
		most = EWB_CHUNK_MAX;
	if (waiting <= 1 && s->next_cap * 2 <= most)
		s->next_cap *= 2;
}

static void
seal(struct ewb_stream *s)
{
	struct ewb_chunk *ch = s->filling;
	uint32_t at = atomic_load_explicit(&s->sealed, memory_order_relaxed);

	patch(s, ch, EWB_OK);
	s->filling = NULL;
	adapt(s);
	s->ring[at % EWB_STREAM_RING] = ch;
	s->untold += ch->cap;
	/* release, in the default order: the chunk before its position; it is
	 * not ours after */
	atomic_store(&s->sealed, at + 1);
	if (!ewb_inbox_asleep(&s->dispatch->inbox) || is_worth_a_wake(s, at))
		tell(s);
}

/* Says that it waits, then looks again: the front end gives back, then looks
 * whether somebody waits; so one of the two sees the other.  1: look again. */
static int
starve(struct ewb_stream *s, enum ewb_starved kind, size_t need)
{
	int better;

	atomic_store(&s->starved, kind);
	if (kind == EWB_STARVED_HIGH)
		better = atomic_load(&s->held) <= s->core->limits.low;
	else if (kind == EWB_STARVED_RING)
		better = !ring_full(s);
	else if (kind == EWB_STARVED_NEVER)
		better = 0;
	else
		better = atomic_load(&s->ask.granted) != 0 ||
		         (need <= s->base->cap && atomic_load(&s->base_home));
	if (better)
		atomic_store(&s->starved, EWB_FED);
	return better;
}

static struct ewb_chunk *
use(struct ewb_stream *s, struct ewb_chunk *ch)
{
	size_t held = atomic_fetch_add(&s->held, ch->cap) + ch->cap;

	if (held > s->most)
		s->most = held;
	ch->start = 0;
	ch->len = s->nhead;
	memcpy(ch->data, s->head, s->nhead);
	ch->owner = s;
	return ch;
}

static struct ewb_chunk *
use_base(struct ewb_stream *s)
{
	atomic_store(&s->base_home, 0);
	return use(s, s->base);
}

/* Bytes of capacity that a chunk for need will have. */
static size_t
capacity(const struct ewb_stream *s, size_t need)
{
	return need <= s->next_cap ? s->next_cap : ewb_chunk_cap(need);
}

/* From the budget: 1 when cap bytes are ours. */
static int
grant(struct ewb_stream *s, size_t cap)
{
	size_t had = atomic_exchange(&s->ask.granted, 0);

	if (had == cap)
		return 1;
	if (had)
		ewb_budget_give(&s->core->budget, had);
	return ewb_budget_take(&s->core->budget, &s->ask, cap);
}

static struct ewb_chunk *
grow(struct ewb_stream *s, size_t cap, enum ewb_starved *why)
{
	struct ewb_chunk *ch;

	if (!grant(s, cap))
		return NULL;
	ch = ewb_chunk_take(&s->core->chunks, cap);
	if (ch == NULL) {
		ewb_budget_give(&s->core->budget, cap);
		*why = EWB_STARVED_MEMORY;
	} else {
		EWB_MUST(ch->cap == cap);
	}
	return ch;
}

/* At most the high mark; a record that is larger than that alone waits for
 * the low mark and then may exceed it. */
static int
fits(const struct ewb_stream *s, size_t cap)
{
	size_t held = atomic_load(&s->held);

	return held + cap <= s->core->limits.high || held <= s->core->limits.low;
}

/* A new chunk for need bytes; or why there is none now. */
static struct ewb_chunk *
fresh(struct ewb_stream *s, size_t need, enum ewb_starved *why)
{
	size_t cap = capacity(s, need);
	struct ewb_chunk *ch;
	int base = need <= s->base->cap && atomic_load(&s->base_home);

	*why = EWB_STARVED_NEVER;
	if (need > s->base->cap && cap > s->core->budget.total)
		return NULL;
	*why = EWB_STARVED_RING;
	if (ring_full(s))
		return NULL;
	*why = EWB_STARVED_ANY;
	if (base && cap <= s->base->cap)
		return use_base(s);
	if (!fits(s, cap)) {
		*why = EWB_STARVED_HIGH;
		return NULL;
	}
	ch = grow(s, cap, why);
	if (ch)
		return use(s, ch);
	return base ? use_base(s) : NULL;
}

static void give_back(struct ewb_stream *s, struct ewb_chunk *ch);

static void
put_away(struct ewb_stream *s)
{
	struct ewb_chunk *ch = s->filling;

	if (ch == NULL)
		return;
	if (ch->len > s->nhead) {
		seal(s);
	} else {
		s->filling = NULL;
		give_back(s, ch);
	}
}

void *
ewb_stream_reserve(struct ewb_cookie *c, size_t n)
{
	struct ewb_stream *s = c->stream;

	if (s == NULL)
		return NULL;
	s->reserved = 0;
	s->refused = EWB_STARVED_NEVER;
	if (n > UINT32_MAX / 2)
		return NULL;
	if (s->filling && s->filling->cap - s->filling->len >= n) {
		s->reserved = n;
		return s->filling->data + s->filling->len;
	}
	put_away(s);
	while ((s->filling = fresh(s, n + s->nhead, &s->refused)) == NULL) {
		/* before it starves: once woken, another thread may go on */
		ewb_stream_tell(s);
		if (!starve(s, s->refused, n + s->nhead))
			return NULL;
	}
	s->reserved = n;
	return s->filling->data + s->filling->len;
}

void
ewb_stream_commit(struct ewb_cookie *c, size_t n)
{
	struct ewb_stream *s = c->stream;

	if (s == NULL || s->filling == NULL || n > s->reserved) {
		ewb_slip(c, "ewb_stream_commit() of more than was reserved");
		return; /* not to be sent */
	}
	s->filling->len += (uint32_t)n;
	s->reserved = 0;
	ewb_stream_moves(s);
}

void
ewb_stream_flush(struct ewb_cookie *c)
{
	struct ewb_stream *s = c->stream;

	if (s == NULL)
		return;
	s->reserved = 0; /* it may not be at the same place any more */
	if (s->filling && s->filling->len > s->nhead)
		seal(s);
	ewb_stream_tell(s);
}

void
ewb_stream_tail(struct ewb_cookie *c, const void *framing, size_t n)
{
	struct ewb_stream *s = c->stream;

	EWB_MUST(n <= sizeof s->tail);
	memcpy(s->tail, framing, n);
	s->ntail = (uint32_t)n;
}

/* Between the halves. */

static void
wake_producer(struct ewb_stream *s)
{
	if (s->wake == NULL)
		ewb_task_wake_job(&s->cookie->task);
	else
		post(s); /* the front end calls wake() */
}

static void
granted(struct ewb_ask *a)
{
	struct ewb_stream *s = STREAM_OF(a, ask);
	int kind = EWB_STARVED_ANY;

	if (atomic_compare_exchange_strong(&s->starved, &kind, EWB_FED))
		wake_producer(s);
}

static void
give_back(struct ewb_stream *s, struct ewb_chunk *ch)
{
	size_t cap = ch->cap;

	if (ch == s->base) {
		atomic_store(&s->base_home, 1);
	} else {
		ewb_chunk_give(&s->core->chunks, ch);
		ewb_budget_give(&s->core->budget, cap);
	}
	atomic_fetch_sub(&s->held, cap);
}

/* The consumer's half. */

static void
feed(struct ewb_stream *s) EWB_ON_FRONT
{
	int kind = atomic_load(&s->starved);

	if (kind == EWB_FED)
		return;
	if (kind == EWB_STARVED_HIGH &&
	    atomic_load(&s->held) > s->core->limits.low)
		return;
	if (atomic_exchange(&s->starved, EWB_FED) == EWB_FED)
		return;
	s->waits++;
	EWB_COUNT(&s->dispatch->counters, stream_waits);
	if (s->wake)
		s->wake(s->wake_arg);
	else
		wake_producer(s);
}

/* Watching. */

static void
watch(struct ewb_stream *s) EWB_ON_FRONT
{
	struct ewb_dispatch *d = s->dispatch;

	if (d->watched == NULL)
		d->look_at = d->now + EWB_STREAM_QUIET_US;
	/* the next look may be soon; the one after it is late enough */
	s->looks = 2;
	if (s->watch_at)
		return;
	s->watch_next = d->watched;
	s->watch_at = &d->watched;
	if (d->watched)
		d->watched->watch_at = &s->watch_next;
	d->watched = s;
}

static void
unwatch(struct ewb_stream *s) EWB_ON_FRONT
{
	if (s->watch_at == NULL)
		return;
	*s->watch_at = s->watch_next;
	if (s->watch_next)
		s->watch_next->watch_at = s->watch_at;
	s->watch_at = NULL;
}

/* There is something to pull, perhaps. */
static void
hear(struct ewb_stream *s) EWB_ON_FRONT
{
	struct ewb_cookie *c = whole(s->cookie);

	if (c->session && !c->answered)
		c->dispatch->desk->data(c);
	else
		ewb_stream_drain(s);
}

void
ewb_streams_look(struct ewb_dispatch *d)
{
	struct ewb_stream *s, *next;

	for (s = d->watched; s; s = next) {
		next = s->watch_next;
		if (--s->looks == 0)
			unwatch(s); /* until its next letter */
		if (ewb_stream_waiting(s))
			hear(s);
	}
	d->look_at = d->now + EWB_STREAM_QUIET_US;
}

/* For use again. */
static void
keep(struct ewb_stream *s) EWB_ON_FRONT
{
	s->magic = 0;
	s->next_free = s->dispatch->free_streams;
	s->dispatch->free_streams = s;
}

static void
deliver_data(struct ewb_letter *l)
{
	struct ewb_stream *s = STREAM_OF(l, data);

	EWB_LIVE(s, EWB_STREAM_MAGIC);
	ewb_now_on_front(s->dispatch->thread);
	atomic_store(&s->posted, 0); /* before the ring is emptied */
	if (s->freed) {
		keep(s);
		return;
	}
	if (s->wake && atomic_load(&s->ask.granted))
		s->wake(s->wake_arg);
	watch(s);
	hear(s);
}

struct ewb_chunk *
ewb_stream_pull(struct ewb_stream *s)
{
	uint32_t at = atomic_load_explicit(&s->pulled, memory_order_relaxed);
	struct ewb_chunk *ch;

	if (at == atomic_load(&s->sealed))
		return NULL;
	ch = s->ring[at % EWB_STREAM_RING];
	atomic_store(&s->pulled, at + 1);
	EWB_COUNT(&s->dispatch->counters, stream_chunks);
	return ch;
}

int
ewb_stream_waiting(const struct ewb_stream *s)
{
	return atomic_load(&s->sealed) != atomic_load(&s->pulled);
}

int
ewb_stream_full(const struct ewb_stream *s)
{
	int kind = atomic_load(&s->starved);

	/* also when it is another stream's that holds the memory */
	return (kind != EWB_FED && kind != EWB_STARVED_MEMORY &&
	        kind != EWB_STARVED_NEVER) ||
	       atomic_load(&s->held) > s->core->limits.low;
}

int
ewb_stream_never(const struct ewb_stream *s)
{
	return s->refused == EWB_STARVED_NEVER;
}

struct ewb_chunk *
ewb_stream_last(struct ewb_stream *s, uint16_t status)
{
	struct ewb_chunk *ch = s->filling;

	s->filling = NULL;
	if (ch == NULL)
		return NULL;
	if (ch->len > s->nhead) {
		patch(s, ch, status);
		return ch;
	}
	give_back(s, ch);
	return NULL;
}

void
ewb_stream_give(struct ewb_stream *s, struct ewb_chunk *ch)
{
	EWB_LIVE(s, EWB_STREAM_MAGIC);
	give_back(s, ch);
	feed(s);
}

void
ewb_stream_drain(struct ewb_stream *s)
{
	struct ewb_chunk *ch;

	while ((ch = ewb_stream_pull(s)) != NULL)
		ewb_stream_give(s, ch);
}

void
ewb_stream_rest(struct ewb_stream *s)
{
	ewb_budget_leave(&s->core->budget, &s->ask);
	atomic_store(&s->starved, EWB_FED);
	unwatch(s);
}

void
ewb_stream_free(struct ewb_stream *s)
{
	struct ewb_chunk *ch;

	EWB_LIVE(s, EWB_STREAM_MAGIC);
	while ((ch = ewb_stream_pull(s)) != NULL)
		give_back(s, ch);
	if (s->filling)
		give_back(s, s->filling);
	s->filling = NULL;
	EWB_MUST(atomic_load(&s->held) == 0);
	ewb_stream_rest(s); /* its callback may have failed before it blocked */
	ewb_chunk_give(&s->core->chunks, s->base);
	atomic_fetch_sub(&s->core->streams, 1);
	s->freed = 1;
	if (!atomic_load(&s->posted))
		keep(s); /* else when that letter is here */
}
