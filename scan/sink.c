/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/stream.h"
#include "protocol/binary.h"
#include "scan/sink.h"

/* A scan gives way to another one after so many bytes. */
#define TURN_BYTES (64u * 1024)
#define LOOK_BYTES 4096u
/* Records between looks at the clock. */
#define LOOK 64

/* splitmix64: a generator whose whole state is one number. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* With probability samples / count; the same seed and data, the same keys. */
static int
sampled(struct ewb_scan *scan)
{
	const struct ewb_scan_request *w = &scan->want;

	if (!w->sampling || scan->count <= w->samples)
		return 1;
	return (double)(draw(&scan->random) >> 11) / 9007199254740992.0 <
	       (double)w->samples / (double)scan->count;
}

static int
limit_reached(struct ewb_sink *s)
{
	const struct ewb_scan_portion *p = &s->scan->portion;

	if (p->items == 0)
		return 0; /* at least one record */
	if (p->max_items && p->items >= p->max_items)
		return 1;
	if (p->max_bytes && p->bytes >= p->max_bytes)
		return 1;
	if (p->ends_at == UINT64_MAX || s->looked++ % LOOK)
		return 0;
	return ewb_clock_us(&s->scan->scans->core->clock) >= p->ends_at;
}

static int
turn_over(struct ewb_sink *s)
{
	if (s->turn_bytes < TURN_BYTES)
		return 0;
	if (ewb_pool_backlog(s->scan->scans->core->pool, EWB_AUX) > 0)
		return 1;
	s->turn_bytes = TURN_BYTES - LOOK_BYTES; /* and look again then */
	return 0;
}

/* Why the next record is refused before it is looked at. */
static enum ewb_refused
refuse(struct ewb_sink *s)
{
	if (s->c == NULL)
		return EWB_REFUSED_PEEKED;
	if (atomic_load(&s->scan->dead) || ewb_cookie_cancelled(s->c))
		return EWB_REFUSED_DEAD;
	return turn_over(s) ? EWB_REFUSED_YIELD : EWB_REFUSED_NOT;
}

/* A record that the sample does not want: drawn once, though it may be offered
 * again.  It limits nothing, so that the end is seen, but takes its time. */
static int
passed_over(struct ewb_sink *s, const struct ewb_item *item)
{
	struct ewb_scan *scan = s->scan;

	if (scan->decided || sampled(scan)) {
		scan->decided = 1;
		return 0;
	}
	s->turn_bytes += item->nkey;
	return 1;
}

static enum ewb_refused
put(struct ewb_sink *s, const struct ewb_item *item)
{
	int keys_only = s->scan->want.keys_only;
	struct ewb_bin_record r = {
		.flags = item->flags,
		.expiry = item->expiry,
		.seqno = item->seqno,
		.cas = item->cas,
		.datatype = ewb_item_datatype(item->datatype),
		.key = item->key,
		.nkey = item->nkey,
		.value = item->value,
		.nvalue = item->nvalue,
	};
	/* as a rule there is room, whatever the lengths take */
	uint8_t *to = ewb_stream_room(s->c->stream, EWB_BIN_RECORD_MORE +
	                                                    item->nvalue);
	size_t n;

	if (to == NULL)
		to = ewb_stream_reserve(s->c,
		                        ewb_bin_record_size(&r, keys_only));
	if (to == NULL)
		return ewb_stream_never(s->c->stream) ? EWB_REFUSED_TOO_BIG :
		                                        EWB_REFUSED_FULL;
	n = ewb_bin_record_put(to, &r, keys_only);
	ewb_stream_commit(s->c, n);
	s->scan->portion.items++;
	s->scan->portion.bytes += n;
	s->turn_bytes += n;
	return EWB_REFUSED_NOT;
}

enum ewb_status
ewb_sink_put(struct ewb_sink *s, const struct ewb_item *item)
{
	struct ewb_scan *scan = s->scan;

	if (s->refused != EWB_REFUSED_NOT) {
		s->refused = EWB_REFUSED_IGNORED;
		return EWB_WOULDBLOCK;
	}
	s->refused = refuse(s);
	if (s->refused != EWB_REFUSED_NOT)
		return EWB_WOULDBLOCK;
	if (passed_over(s, item))
		return EWB_OK;
	if (limit_reached(s))
		s->refused = EWB_REFUSED_LIMIT;
	else
		s->refused = put(s, item);
	if (s->refused != EWB_REFUSED_NOT)
		return EWB_WOULDBLOCK;
	scan->decided = 0;
	return EWB_OK;
}

int
ewb_sink_heeded(const struct ewb_sink *s, struct ewb_cookie *c,
                enum ewb_status status)
{
	if (s->refused == EWB_REFUSED_IGNORED)
		ewb_slip(c, "scan_next() went on after a refusal");
	else if (status == EWB_END && s->refused != EWB_REFUSED_NOT &&
	         s->refused != EWB_REFUSED_DEAD)
		ewb_slip(c, "scan_next() ended with a refused record");
	else
		return 1;
	return 0;
}
