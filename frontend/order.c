/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of a connection: which may begin, whose reply is next.
 *
 *      TURN ──earlier ones on its key are done──▶ begun ──▶ done ──first──▶ emitted
 *
 * A command waits for earlier ones on its key (by hash); a barrier waits for
 * all and holds all.  Replies leave in the order of the requests, or, where the
 * client has asked for no order, when they are ready: those of one key in theirs
 * still, and a noop's behind those of the quiet commands before it.  While more
 * of them is unread than may be, nothing that has waited is begun.
 */
#include "config.h"

#include <stdlib.h>

#include "cookie/stream.h"
#include "frontend/admit.h"
#include "frontend/drain.h"
#include "frontend/flush.h"
#include "frontend/front.h"
#include "lib/check.h"
#include "lib/hot.h"
#include "lib/secret.h"
#include "protocol/meta.h"

static struct ewb_front *
front_of(const struct ewb_cookie *c)
{
	return c->dispatch->owner;
}

/* Gives the cookie back, with what it held of the input. */
static void
release(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->input) {
		ewb_front_unref(front_of(c), c->input);
		if (c->session)
			ewb_conn_of(c->session)->pinned_bytes -= c->pins;
		c->input = NULL;
	}
	ewb_cookie_release(c);
}

/* It never begins: what it says, perhaps a password, is not to stay. */
static void
forget(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->command->stops && c->request.nvalue)
		ewb_secret_wipe((void *)(uintptr_t)c->request.value,
		                c->request.nvalue);
}

static void
drop_one(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->away) {
		ewb_cookie_abandon(c);
		return;
	}
	c->done = 1; /* it had not begun, or nobody will read the answer */
	forget(c);
	release(c);
}

/* The list. */

static void
append(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	c->prev = n->last;
	c->next = NULL;
	if (n->last)
		n->last->next = c;
	else
		n->first = c;
	n->last = c;
	n->nflight++;
}

static void
take_out(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->prev)
		c->prev->next = c->next;
	else
		n->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		n->last = c->prev;
	n->nflight--;
	n->waiting_bytes -= c->stream ? 0 : c->front_bytes;
	if (c->stream == NULL)
		c->front_bytes = 0;
}

/* It is no command of its own: it comes with the last key's answer. */
static int
add_end(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;

	if (n->pause & EWB_PAUSE_CLOSING)
		return 0;
	if (f->ngathered)
		f->gathered[f->ngathered - 1]->front_bits |= EWB_FRONT_END;
	else if (n->last)
		n->last->front_bits |= EWB_FRONT_END;
	else
		return ewb_answer_end(n);
	return 0;
}

static void
cut(struct ewb_conn *n) EWB_ON_FRONT
{
	EWB_COUNT(&n->front->d.counters, closed_cut);
	n->pause |= EWB_PAUSE_CLOSING;
}

EWB_HOT static void
answer(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (ewb_answer(n, c) ||
	    (c->front_bits & EWB_FRONT_END && ewb_answer_end(n)))
		cut(n);
	if (c->frame.parse_ns || c->nblocks)
		ewb_drain_begin(n, c);
}

/* Replies. */

void
ewb_order_unlinger(struct ewb_cookie *c)
{
	if (c->front_bits & EWB_FRONT_LINGERS)
		release(c);
}

/* It was answered and has left the list. */
static void
retire(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->away) {
		c->front_bits |= EWB_FRONT_HELD;
		c->next = n->held;
		n->held = c;
	} else if (c->stream && c->front_bytes) {
		c->front_bits |= EWB_FRONT_LINGERS;
	} else {
		release(c);
	}
}

static int
pull_all(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_chunk *ch;

	while ((ch = ewb_stream_pull(c->stream)) != NULL) {
		c->front_bits |= EWB_FRONT_STARTED;
		if (ewb_out_stream(n->front, &n->out, c, ch))
			return -1;
	}
	return 0;
}

/* Tells what c has to tell.  1: all, and it has left the list; 0: it is not done;
 * -1: nothing may follow. */
static int
leave(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (n->pause & EWB_PAUSE_CLOSING)
		return -1; /* a reply was cut, or the last one is out */
	/* once answered it is not ours to look into its stream */
	if (c->stream && !c->answered && pull_all(n, c)) {
		cut(n);
		return -1;
	}
	if (!c->done)
		return 0;
	answer(n, c);
	if (c->op == EWB_OP_QUIT || (c->frame.is & EWB_IS_LAST))
		n->pause |= EWB_PAUSE_CLOSING;
	take_out(n, c);
	retire(n, c);
	return 1;
}

EWB_HOT void
ewb_order_emit(struct ewb_conn *n)
{
	struct ewb_cookie *c, *next;
	int left;

	for (c = n->first; c; c = next) {
		next = c->next;
		left = leave(n, c);
		if (left < 0 || (left == 0 && !(c->front_bits & EWB_FRONT_FREE)))
			return;
	}
}

/* Commands come. */

/* As a rule a command ends where it begins, and nothing else is in flight: then
 * it has no need of a place in the list.  0: it was answered. */
static int
run_alone(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	c->front_bits |= EWB_FRONT_ALONE;
	ewb_cookie_start(c);
	c->front_bits &= ~EWB_FRONT_ALONE;
	if (!c->done || c->away)
		return 1;
	answer(n, c);
	release(c);
	return 0;
}

/* It will be here for longer than the input is. */
static void
hold_input(struct ewb_conn *n, struct ewb_cookie *c, struct ewb_chunk *in)
	EWB_ON_FRONT
{
	if (in == NULL)
		return;
	c->input = in;
	in->refs++;
	n->pinned_bytes += c->pins;
}

/* Takes its place in the list; done, if it was answered though it is away. */
static void
take_place(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	append(n, c);
	if (!c->done) {
		n->npending++;
		n->nbarriers += (c->front_bits & EWB_FRONT_BARRIER) != 0;
	}
	if (!c->done || c->command->mutates)
		ewb_turn_enchain(n, c);
}

static int
may_be_alone(struct ewb_conn *n, const struct ewb_cookie *c)
{
	return n->first == NULL && c->command->keyed &&
	       !c->command->streams && *ewb_conn_chain(n, c) == NULL;
}

static void
await_turn(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	c->wait = EWB_WAIT_TURN;
	n->nturn++;
}

/* It will not have its turn. */
static void
refuse(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	n->nturn--;
	c->wait = EWB_WAIT_NOTHING;
	forget(c);
	ewb_cookie_refuse(c);
}

/* c is the last, and done.  Where the connection is to be looked at, others may
 * be done, and leave before. */
static int
may_leave(const struct ewb_conn *n, const struct ewb_cookie *c)
{
	return n->first == c ||
	       (!n->touched &&
	        n->first->front_bits & c->front_bits & EWB_FRONT_FREE);
}

/* What was received in one go with c, or before. */
EWB_HOT static void
enter(struct ewb_conn *n, struct ewb_cookie *c, struct ewb_chunk *in)
	EWB_ON_FRONT
{
	if (may_be_alone(n, c)) {
		if (run_alone(n, c) == 0)
			return;
		hold_input(n, c, in);
		take_place(n, c);
		if (c->done)
			ewb_order_emit(n);
		return;
	}
	hold_input(n, c, in);
	take_place(n, c);
	if (ewb_turn_must_wait(n, c)) {
		await_turn(n, c);
		return;
	}
	ewb_cookie_start(c);
	if (c->done && may_leave(n, c))
		(void)leave(n, c);
}

/* Commands that came together are gathered before the first of them begins, so
 * that the engine can fetch what they will touch, for all of them at once. */

static int
may_gather(struct ewb_conn *n, const struct ewb_cookie *c,
           const struct ewb_chunk *in)
{
	const struct ewb_front *f = n->front;

	if (!ewb_instance_fetcher(c->instance) || in != n->in || c->body)
		return 0;
	if (f->ngathered == 0 && n->end - n->start <= 2)
		return 0; /* it is the only one, or its line's end follows */
	return may_be_alone(n, c);
}

static void
gather(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;
	struct ewb_instance *i = ewb_instance_fetcher(c->instance);

	i->engine.prefetch(i->self, &c->request);
	f->gathered[f->ngathered++] = c;
	if (f->ngathered == EWB_GATHER)
		ewb_order_run(n);
}

/* One of those gathered. */
static void
enter_late(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (n->pause & EWB_PAUSE_CLOSING) {
		drop_one(c); /* a reply before it was cut */
	} else if (ewb_conn_full(n)) {
		hold_input(n, c, n->in);
		take_place(n, c);
		await_turn(n, c);
	} else {
		enter(n, c, n->in);
	}
}

EWB_HOT void
ewb_order_run(struct ewb_conn *n)
{
	struct ewb_front *f = n->front;

	for (unsigned i = 0; i < f->ngathered; i++)
		enter_late(n, f->gathered[i]);
	f->ngathered = 0;
}

/* Null: no memory. */
static struct ewb_cookie *
make(struct ewb_conn *n, const struct ewb_frame *frame, const uint8_t *value,
     struct ewb_chunk *in, uint8_t *body) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;
	struct ewb_cookie *c = ewb_cookie_take(&f->d, frame->op, &n->session);

	if (c == NULL) {
		free(body);
		return NULL;
	}
	c->frame = *frame;
	c->body = body;
	if (frame->is & EWB_IS_BASE64)
		ewb_meta_decode(&c->frame);
	if (frame->op == EWB_OP_OWN)
		ewb_own_begin(c, frame);
	if (n->session.features || c->command->barrier) {
		ewb_mode_set(n, c);
		n->pause |= c->command->stops ? EWB_PAUSE_SESSION : 0;
	}
	if (in) {
		c->pins = frame->head + frame->nvalue;
		ewb_cookie_fill(c, &c->frame, value);
		if (n->session.checks)
			ewb_admit(c);
	}
	ewb_tally_command(f, c);
	return c;
}

EWB_HOT int
ewb_order_add(struct ewb_conn *n, const struct ewb_frame *frame,
              const uint8_t *value, struct ewb_chunk *in, uint8_t *body)
{
	struct ewb_cookie *c;

	if (frame->op == EWB_OP_END)
		return add_end(n);
	c = make(n, frame, value, in, body);
	if (c == NULL)
		return -1;
	if (may_gather(n, c, in)) {
		gather(n, c);
		return 0;
	}
	ewb_order_run(n);
	if (c->op == EWB_OP_QUIT || (frame->is & EWB_IS_LAST))
		n->pause |= EWB_PAUSE_ENDED;
	enter(n, c, in);
	return 0;
}

int
ewb_order_room(const struct ewb_conn *n, const struct ewb_cookie *c)
{
	/* what waits for the first one's reply leaves after it */
	size_t bytes = n->out.bytes + (c == n->first ? 0 : n->waiting_bytes);

	return !ewb_conn_is_much(n, bytes);
}

EWB_HOT const struct ewb_cookie *
ewb_order_advance(struct ewb_conn *n)
{
	struct ewb_cookie *c, *next;

	if (n->pause & EWB_PAUSE_CLOSING)
		return NULL;
	for (c = n->first; c && n->nturn; c = next) {
		next = c->next;
		if (c->wait != EWB_WAIT_TURN || c->done)
			continue;
		if (ewb_turn_behind_an_orphan(c))
			refuse(n, c);
		if (c->done || ewb_turn_must_wait(n, c))
			continue;
		if (!ewb_order_room(n, c))
			return c;
		n->nturn--;
		ewb_cookie_start(c);
		if (c->done && (c->frame.is & EWB_IS_LAST))
			return NULL; /* nobody will be told of those behind it */
	}
	return NULL;
}

void
ewb_order_refuse(struct ewb_conn *n)
{
	for (struct ewb_cookie *c = n->first; c && n->nturn; c = c->next) {
		if (c->wait != EWB_WAIT_TURN || c->done)
			continue;
		refuse(n, c);
	}
}

/* What the dispatch tells. */

EWB_HOT static void
desk_done(struct ewb_cookie *c)
{
	struct ewb_conn *n = ewb_conn_of(c->session);

	ewb_now_on_front(c->dispatch->thread);
	if (c->front_bits & EWB_FRONT_ALONE)
		return; /* run_alone() sees it */
	if (c->front_bits & EWB_FRONT_FLUSH) {
		ewb_flush_done(c);
		return;
	}
	n->npending--;
	n->nbarriers -= (c->front_bits & EWB_FRONT_BARRIER) != 0;
	if (c->command->stops)
		n->pause &= ~EWB_PAUSE_SESSION;
	if (!(c->away && c->command->mutates))
		ewb_turn_unchain(n, c);
	if (!c->away && c->stream == NULL) {
		c->front_bytes = c->reply.len;
		n->waiting_bytes += c->reply.len;
	}
	ewb_front_touch(n->front, n);
}

static void
unhold(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_cookie **p;

	for (p = &n->held; *p != c; p = &(*p)->next)
		;
	*p = c->next;
}

static void
desk_home(struct ewb_cookie *c)
{
	struct ewb_conn *n;

	ewb_now_on_front(c->dispatch->thread);
	if (c->front_bits & EWB_FRONT_FLUSH) {
		ewb_flush_home(c);
		return;
	}
	if (c->session == NULL) {
		release(c);
		return;
	}
	n = ewb_conn_of(c->session);
	ewb_turn_unchain(n, c);
	ewb_front_touch(n->front, n);
	if (!(c->front_bits & EWB_FRONT_HELD))
		return; /* its answer waits for its place still */
	unhold(n, c);
	if (c->stream && c->front_bytes)
		c->front_bits |= EWB_FRONT_LINGERS;
	else
		release(c);
}

static void
desk_data(struct ewb_cookie *c)
{
	ewb_now_on_front(c->dispatch->thread);
	ewb_front_touch(front_of(c), ewb_conn_of(c->session));
}

/* What waits for it need not. */
static void
desk_orphan(struct ewb_cookie *c)
{
	ewb_now_on_front(c->dispatch->thread);
	if (!(c->front_bits & EWB_FRONT_FLUSH))
		ewb_front_touch(front_of(c), ewb_conn_of(c->session));
}

const struct ewb_desk ewb_front_desk = { .done = desk_done,
	                                 .home = desk_home,
	                                 .data = desk_data,
	                                 .orphan = desk_orphan };

/* The client has gone. */

void
ewb_order_drop(struct ewb_conn *n)
{
	struct ewb_cookie *c, *next;

	for (c = n->held; c; c = next) {
		next = c->next;
		c->front_bits &= ~EWB_FRONT_HELD;
		ewb_cookie_abandon(c);
	}
	n->held = NULL;
	for (c = n->first; c; c = next) {
		next = c->next;
		drop_one(c);
	}
	n->first = n->last = NULL;
	n->nflight = n->npending = n->nturn = n->nbarriers = 0;
}
