/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/reply.h"
#include "cookie/stream.h"
#include "protocol/binary.h"
#include "protocol/text_scan.h"
#include "scan/count.h"
#include "scan/legs.h"
#include "scan/sink.h"

/* A scan gives way to another one after so many bytes. */
#define TURN_BYTES (64u * 1024)
#define LOOK_BYTES 4096u
#define OPEN_BYTES 1024u /* what the opening of a cursor counts as */
/* Records between looks at the clock. */
#define LOOK 64

/* Each bit of the result depends on each of the number: splitmix64's. */
static uint64_t
mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A number that looks as if it were drawn, and is the key's own for that seed. */
static uint64_t
draw(uint64_t seed, const uint8_t *key, size_t nkey)
{
	uint64_t h = mix(seed);

	for (size_t i = 0; i < nkey; i++)
		h = (h ^ key[i]) * 0x100000001b3u; /* FNV-1a */
	return mix(h);
}

/* With probability samples / count, wherever the scan begins or goes on: the same
 * seed and data, the same keys. */
static int
sampled(const struct ewb_scan *scan, const struct ewb_item *item)
{
	const struct ewb_scan_request *w = &scan->want;

	if (!w->sampling || scan->count <= w->samples)
		return 1;
	return (double)(draw(w->seed, item->key, item->nkey) >> 11) /
	               9007199254740992.0 <
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
	if (atomic_load(&s->scan->dead) || atomic_load(&s->scan->claimed) ||
	    ewb_cookie_cancelled(s->c))
		return EWB_REFUSED_DEAD;
	return turn_over(s) ? EWB_REFUSED_YIELD : EWB_REFUSED_NOT;
}

/* A record that the sample does not want.  It limits nothing, so that the end is
 * seen, but takes its time. */
static int
passed_over(struct ewb_sink *s, const struct ewb_item *item)
{
	if (sampled(s->scan, item))
		return 0;
	s->scan->way.passed++;
	s->turn_bytes += item->nkey;
	return 1;
}

/* Room for a record; null: why it is refused. */
static uint8_t *
reserve(struct ewb_sink *s, size_t n)
{
	uint8_t *to = ewb_stream_reserve(s->c, n);

	if (to == NULL)
		s->refused = ewb_stream_never(s->c->stream) ?
		                     EWB_REFUSED_TOO_BIG :
		                     EWB_REFUSED_FULL;
	return to;
}

/* Writes it; 0: there is no room. */
static size_t
write_binary(struct ewb_sink *s, const struct ewb_bin_record *r)
{
	int keys_only = s->scan->want.keys_only;
	/* as a rule there is room, whatever the lengths take */
	uint8_t *to = ewb_stream_room(s->c->stream,
	                              EWB_BIN_RECORD_MORE + r->nvalue);

	if (to == NULL)
		to = reserve(s, ewb_bin_record_size(r, keys_only));
	return to ? ewb_bin_record_put(to, r, keys_only) : 0;
}

static size_t
write_text(struct ewb_sink *s, const struct ewb_bin_record *r)
{
	enum ewb_text_form form = s->scan->want.form;
	size_t most = ewb_text_record_max(form, r);
	uint8_t *to = ewb_stream_room(s->c->stream, most);

	if (to == NULL)
		to = reserve(s, most);
	return to ? ewb_text_record_put(to, form, r) : 0;
}

static void
put(struct ewb_sink *s, const struct ewb_item *item)
{
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
	size_t n;

	if (s->scan->scans->core->collections) {
		n = ewb_stored_skip(r.key, r.nkey);
		r.key += n;
		r.nkey -= n;
	}

	if (ewb_item_has_use(item)) {
		r.accessed = item->accessed;
		r.fetched = item->fetched == EWB_FETCHED_YES;
	}
	n = s->scan->legs ? write_text(s, &r) : write_binary(s, &r);

	if (n == 0)
		return;
	ewb_stream_commit(s->c, n);
	s->scan->portion.items++;
	s->scan->way.came++;
	s->scan->way.passed++;
	s->scan->portion.bytes += n;
	s->turn_bytes += n;
}

/* Text has no other keys, and those of other vbuckets are compared. */
static enum ewb_refused
not_its_turn(struct ewb_sink *s, const struct ewb_item *item)
{
	if (item->nkey == 0 || item->nkey > EWB_KEY_MAX) {
		ewb_slip(s->c, "a record of a scan's whose key has not 1 to 250 "
		               "bytes");
		return EWB_REFUSED_WRONG;
	}
	if (!ewb_legs_behind(s->scan->legs, item))
		return EWB_REFUSED_NOT;
	s->turn_bytes += item->nkey;
	ewb_stream_moves(s->c->stream);
	return EWB_REFUSED_BEHIND;
}

/* A record that is not the one that is looked for takes its time. */
static enum ewb_status
seek(struct ewb_sink *s, const struct ewb_item *item)
{
	if (item->seqno == s->scan->want.seqno) {
		s->refused = EWB_REFUSED_PEEKED;
		return EWB_WOULDBLOCK;
	}
	s->turn_bytes += sizeof *item + item->nkey;
	return EWB_OK;
}

enum ewb_status
ewb_sink_put(struct ewb_sink *s, const struct ewb_item *item)
{
	struct ewb_scan *scan = s->scan;

	if (s->counts)
		return ewb_count_put(s->counts, item);
	if (s->refused != EWB_REFUSED_NOT) {
		s->refused = EWB_REFUSED_IGNORED;
		return EWB_WOULDBLOCK;
	}
	s->refused = refuse(s);
	if (s->refused != EWB_REFUSED_NOT)
		return EWB_WOULDBLOCK;
	if (s->seeks)
		return seek(s, item);
	if (passed_over(s, item))
		return EWB_OK;
	if (limit_reached(s)) {
		s->refused = EWB_REFUSED_LIMIT;
		ewb_scan_way_look(scan, item);
	} else if (scan->legs) {
		s->refused = not_its_turn(s, item);
	}
	if (s->refused == EWB_REFUSED_NOT)
		put(s, item);
	return s->refused == EWB_REFUSED_NOT ? EWB_OK : EWB_WOULDBLOCK;
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

int
ewb_sink_tired(struct ewb_sink *s)
{
	s->refused = refuse(s);
	return s->refused != EWB_REFUSED_NOT;
}

void
ewb_sink_opened(struct ewb_sink *s)
{
	s->turn_bytes += OPEN_BYTES;
	ewb_stream_moves(s->c->stream);
}
