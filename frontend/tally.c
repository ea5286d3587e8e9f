/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts commands and what became of them, as memcached does: a get that touches
 * is a touch, and of the meta commands me alone is called one. */
#include "config.h"

#include "cookie/meta.h"
#include "frontend/front.h"

#define COUNT(f, name) EWB_COUNT(&(f)->d.counters, name)

/* One in EWB_SAMPLE has been timed by its parser.  Of one whose body was awaited,
 * the next was counted from then on. */
static void
space_samples(struct ewb_latency *l, const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->frame.parse_ns && c->body == NULL)
		l->skip = EWB_SAMPLE - 1;
	else if (l->skip)
		l->skip--;
}

void
ewb_tally_other(struct ewb_front *f, const struct ewb_cookie *c)
{
	space_samples(&f->d.latency, c);
	switch (c->op) {
	case EWB_OP_GET:
	case EWB_OP_META_GET: COUNT(f, cmd_get); break;
	case EWB_OP_META_SET:
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE:
	case EWB_OP_APPEND:
	case EWB_OP_PREPEND: COUNT(f, cmd_set); break;
	case EWB_OP_TOUCH:
	case EWB_OP_GAT: COUNT(f, cmd_touch); break;
	case EWB_OP_FLUSH: COUNT(f, cmd_flush); break;
	case EWB_OP_META_DEBUG: COUNT(f, cmd_meta); break;
	case EWB_OP_META_GAT: break; /* as what it turns out to be */
	default: COUNT(f, cmd_other);
	}
}

static void
count_get(struct ewb_front *f, enum ewb_status status) EWB_ON_FRONT
{
	if (status == EWB_OK)
		COUNT(f, get_hits);
	else if (status == EWB_NOT_FOUND)
		COUNT(f, get_misses);
}

static void
count_touch(struct ewb_front *f, enum ewb_status status) EWB_ON_FRONT
{
	if (status == EWB_OK)
		COUNT(f, touch_hits);
	else if (status == EWB_NOT_FOUND)
		COUNT(f, touch_misses);
}

static void
count_meta_gat(struct ewb_front *f, const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->status == EWB_OK && c->frame.is & EWB_IS_TTL) {
		COUNT(f, cmd_touch);
		count_touch(f, c->status);
	} else {
		COUNT(f, cmd_get);
		count_get(f, c->status);
	}
}

static void
count_cas(struct ewb_front *f, const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->request.expect != EWB_EXPECT_CAS)
		return;
	if (c->status == EWB_OK)
		COUNT(f, cas_hits);
	else if (c->status == EWB_EXISTS)
		COUNT(f, cas_badval);
	else if (c->status == EWB_NOT_FOUND)
		COUNT(f, cas_misses);
}

/* One that has made its key has hit nothing. */
static void
count_number(struct ewb_front *f, const struct ewb_cookie *c, int down)
	EWB_ON_FRONT
{
	if (c->status == EWB_OK && !(c->note & EWB_META_MADE))
		ewb_count_n(&f->d.counters,
		            down ? EWB_COUNT_decr_hits : EWB_COUNT_incr_hits, 1);
	else if (c->status == EWB_NOT_FOUND)
		ewb_count_n(&f->d.counters,
		            down ? EWB_COUNT_decr_misses : EWB_COUNT_incr_misses,
		            1);
}

static void
count_delete(struct ewb_front *f, const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->status == EWB_OK && c->op == EWB_OP_DELETE)
		COUNT(f, delete_hits);
	else if (c->status == EWB_NOT_FOUND)
		COUNT(f, delete_misses);
}

static void
count_refused(struct ewb_front *f, const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->status == EWB_TOO_BIG)
		COUNT(f, too_large);
	else if (c->op == EWB_OP_ERROR && c->status == EWB_NO_ACCESS)
		COUNT(f, auth_refused);
	else if (c->op == EWB_OP_ERROR && !(c->frame.is & EWB_IS_NOREPLY))
		COUNT(f, frames_malformed);
}

void
ewb_tally_outcome(struct ewb_front *f, const struct ewb_cookie *c)
{
	if (c->status != EWB_OK || c->op == EWB_OP_ERROR)
		count_refused(f, c);
	switch (c->op) {
	case EWB_OP_GET:
	case EWB_OP_META_GET: count_get(f, c->status); break;
	case EWB_OP_GAT:
	case EWB_OP_TOUCH: count_touch(f, c->status); break;
	case EWB_OP_META_GAT: count_meta_gat(f, c); break;
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE:
	case EWB_OP_META_SET: count_cas(f, c); break;
	case EWB_OP_INCR: count_number(f, c, 0); break;
	case EWB_OP_DECR: count_number(f, c, 1); break;
	case EWB_OP_META_COUNT:
		count_number(f, c, (c->frame.is & EWB_IS_DOWN) != 0);
		break;
	case EWB_OP_DELETE:
	case EWB_OP_META_DELETE: count_delete(f, c); break;
	default: break;
	}
}
