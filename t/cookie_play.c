/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>

#include "t/cookie_play.h"

struct play play;
struct call play_calls[PLAY_CALLS];

/* The desk. */

static struct call *
call_of(const struct ewb_cookie *c)
{
	struct call *k = &play_calls[c->front_bits];

	SCRIPT_MUST(k->cookie == c);
	return k;
}

static void
release(struct call *k) EWB_ON_FRONT
{
	struct ewb_cookie *c = k->cookie;

	k->cookie = NULL;
	k->released = true;
	ewb_cookie_release(c);
}

static void
note_reply(struct call *k, const struct ewb_cookie *c)
{
	const struct ewb_reply *r = &c->reply;

	k->nreply = r->len;
	memcpy(k->reply, ewb_reply_data(r),
	       r->len < sizeof k->reply ? r->len : sizeof k->reply - 1);
	k->flags = r->flags;
	k->cas = r->cas;
	k->number = c->compose.number;
	k->context = r->context;
}

/* The answer leaves; of one that is away only the status. */
static void
emit(struct call *k) EWB_ON_FRONT
{
	k->emitted = true;
	if (k->cookie->away)
		return;
	note_reply(k, k->cookie);
	release(k);
}

static void
emit_all(unsigned front) EWB_ON_FRONT
{
	for (unsigned i = 0; i < play.ncalls && !play.keep; i++) {
		struct call *k = &play_calls[i];

		if (k->front == front && k->done && !k->emitted && k->cookie)
			emit(k);
	}
}

static void
desk_done(struct ewb_cookie *c)
{
	struct call *k = call_of(c);

	k->done++;
	k->done_away = c->away;
	k->status = c->status;
	SCRIPT_MUST(c->session != NULL);
	SCRIPT_MUST(c->done == 1);
}

static void
desk_home(struct ewb_cookie *c)
{
	struct call *k = call_of(c);

	ewb_now_on_front(c->dispatch->thread);
	k->home++;
	SCRIPT_MUST(c->away == 0);
	if (c->session == NULL || k->emitted)
		release(k);
}

static void
desk_data(struct ewb_cookie *c)
{
	struct call *k = call_of(c);

	k->data++;
	if (play.on_data)
		play.on_data(k);
}

static const struct ewb_desk desk = { .done = desk_done,
	                              .home = desk_home,
	                              .data = desk_data };

/* Beginning and end. */

static void
note_line(void *arg, const char *line)
{
	(void)arg;
	if (play.nlines < PLAY_LINES)
		snprintf(play.lines[play.nlines++], sizeof play.lines[0], "%s",
		         line);
}

static void
wake(void *arg)
{
	(void)arg;
}

static void
begin_front(unsigned i)
{
	struct ewb_session *s = &play.session[i];

	SCRIPT_MUST(ewb_dispatch_init(&play.d[i], &play.core, &desk, wake,
	                              NULL) == 0);
	s->id = i;
	s->dispatch = &play.d[i];
	s->instance = play.instance;
	snprintf(s->name, sizeof s->name, "client-%u", i);
}

void
play_begin_with(const struct ewb_limits *limits,
                const struct ewb_engine *engine)
{
	const struct ewb_class_options o[EWB_POOL_CLASSES] = {
		{ .name = "reader" }, { .name = "writer" }, { .name = "aux" }
	};
	char why[200] = "";

	memset(&play, 0, sizeof play);
	script_begin();
	SCRIPT_MUST(ewb_core_init(&play.core, limits, o, 64) == 0);
	ewb_clock_set(&play.core.clock, 5000000);
	play.core.log =
		(struct ewb_log){ .level = EWB_LOG_INFO, .write = note_line };
	ewb_commands_basic(&play.core);
	play.instance =
		ewb_instance_open(&play.core, engine, NULL, 0, why, sizeof why);
	ck_assert_msg(play.instance != NULL, "%s", why);
	for (unsigned i = 0; i < PLAY_FRONTS; i++)
		begin_front(i);
	for (unsigned op = 0; op < EWB_NOPS; op++) {
		play.stale[op] = play_stale(op);
		play.filling[op] = play_filling(op);
	}
}

void
play_begin(void)
{
	play_begin_with(&ewb_limits_default, &script_engine);
}

const char *
play_left(void)
{
	for (unsigned i = 0; i < PLAY_FRONTS; i++) {
		if (ewb_inbox_waiting(&play.d[i].inbox))
			return "a letter was not delivered";
		if (play.d[i].naway || play.d[i].away)
			return "a cookie is away";
		if (play.d[i].nused)
			return "a cookie was not released";
		if (play.d[i].timers.n)
			return "a timer is left";
	}
	if (atomic_load(&play.core.cookies) ||
	    atomic_load(&play.instance->cookies))
		return "a cookie is counted as in flight";
	if (atomic_load(&play.core.pinned))
		return "bytes are counted as pinned";
	if (atomic_load(&play.core.orphans))
		return "an orphan is counted";
	if (atomic_load(&play.core.chunks.out))
		return "a chunk was not given back";
	if (ewb_budget_used(&play.core.budget))
		return "bytes of the budget were not given back";
	for (unsigned i = 0; i < EWB_KEYLOCKS; i++)
		if (play.core.keylocks.at[i].holder ||
		    play.core.keylocks.at[i].first)
			return "the lock of a key is held";
	return NULL;
}

void
play_end(void)
{
	const char *left = play_left();
	char why[200] = "";

	ck_assert_msg(left == NULL, "%s", left);
	for (unsigned i = 0; i < PLAY_FRONTS; i++) {
		ewb_now_on_front(play.d[i].thread);
		ewb_dispatch_fini(&play.d[i]);
	}
	ck_assert_msg(ewb_instance_close(play.instance, why, sizeof why) ==
	                      EWB_OK,
	              "%s", why);
	ewb_core_fini(&play.core);
}

/* Commands. */

struct ewb_frame
play_frame(enum ewb_op op, const char *key, const char *value)
{
	return (struct ewb_frame){ .op = op,
		                   .key = (const uint8_t *)key,
		                   .nkey = key ? strlen(key) : 0,
		                   .nvalue = value ? strlen(value) : 0 };
}

struct call *
play_frame_call(unsigned front, const struct ewb_frame *f, const char *value)
{
	struct ewb_dispatch *d = &play.d[front];
	struct call *k = &play_calls[play.ncalls];
	struct ewb_cookie *c;

	ewb_now_on_front(d->thread);
	SCRIPT_MUST(play.ncalls < PLAY_CALLS);
	d->now = ewb_clock_us(&play.core.clock);
	c = ewb_cookie_take(d, f->op, &play.session[front]);
	if (c == NULL)
		return NULL;
	*k = (struct call){ .cookie = c, .front = front };
	c->front_bits = play.ncalls++;
	memcpy(k->key, f->key ? f->key : (const uint8_t *)"", f->nkey);
	snprintf(k->value, sizeof k->value, "%s", value ? value : "");
	c->frame = *f;
	c->frame.key = (uint8_t *)k->key;
	c->pins = 24 + f->nvalue;
	c->body = play.body;
	play.body = NULL;
	ewb_cookie_fill(c, &c->frame, c->body ? c->body : (uint8_t *)k->value);
	ewb_cookie_start(c);
	return k;
}

struct call *
play_call(unsigned front, enum ewb_op op, const char *key, const char *value)
{
	struct ewb_frame f = play_frame(op, key, value);

	return play_frame_call(front, &f, value);
}

struct call *
play_get(unsigned front, const char *key)
{
	return play_call(front, EWB_OP_GET, key, NULL);
}

struct call *
play_set(unsigned front, const char *key, const char *value)
{
	return play_call(front, EWB_OP_SET, key, value);
}

/* Steps. */

int
play_letter(unsigned front)
{
	ewb_now_on_front(play.d[front].thread);
	return (int)ewb_dispatch_letters(&play.d[front], 1);
}

int
play_task(void)
{
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		if (ewb_pool_step(play.core.pool, i))
			return 1;
	return 0;
}

void
play_turn(unsigned front)
{
	ewb_now_on_front(play.d[front].thread);
	emit_all(front);
	ewb_dispatch_submit(&play.d[front]);
}

void
play_settle(void)
{
	unsigned long steps = 0;
	int moved = 1;

	while (moved) {
		SCRIPT_MUST(steps++ < 1000000); /* it never will */
		moved = 0;
		for (unsigned i = 0; i < PLAY_FRONTS; i++) {
			moved |= play_letter(i);
			play_turn(i);
		}
		moved |= play_task();
	}
}

void
play_pass(uint64_t us)
{
	ewb_clock_advance(&play.core.clock, us);
	for (unsigned i = 0; i < PLAY_FRONTS; i++) {
		ewb_now_on_front(play.d[i].thread);
		ewb_dispatch_tick(&play.d[i]);
	}
}

void
play_hang_up(struct call *k)
{
	struct ewb_cookie *c = k->cookie;

	ewb_now_on_front(play.d[k->front].thread);
	if (c == NULL)
		return;
	if (c->away) {
		ewb_cookie_abandon(c);
		return;
	}
	c->done = 1;
	release(k);
}

void
play_stop(void)
{
	for (unsigned i = 0; i < PLAY_FRONTS; i++) {
		ewb_now_on_front(play.d[i].thread);
		play.d[i].stopping = 2;
		ewb_dispatch_cancel_all(&play.d[i], EWB_CANCEL_STOP, NULL);
	}
}

/* What was counted and said. */

uint64_t
play_count(enum ewb_counter i)
{
	uint64_t n = 0;

	for (unsigned f = 0; f < PLAY_FRONTS; f++)
		n += atomic_load(&play.d[f].counters.at[i]);
	return n;
}

unsigned
play_logged(const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < play.nlines; i++)
		n += strstr(play.lines[i], text) != NULL;
	return n;
}

uint64_t
play_stale(enum ewb_op op)
{
	struct ewb_blame *b = ewb_blame_of(script_engine.name);

	return atomic_load(&b->stale[op]) - play.stale[op];
}

uint64_t
play_filling(enum ewb_op op)
{
	struct ewb_blame *b = ewb_blame_of(script_engine.name);

	return atomic_load(&b->filling[op]) - play.filling[op];
}

TCase *
play_case(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, play_begin, play_end);
	return t;
}
