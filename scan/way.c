/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a scan is: the token to go on from, and an estimate of what is done. */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "protocol/binary.h"
#include "scan/scan.h"

void
ewb_scan_way_begin(struct ewb_scan *scan)
{
	const struct ewb_scan_request *w = &scan->want;
	struct ewb_scan_way *way = &scan->way;

	way->came = w->resumes ? ewb_be64(w->token + 16) : 0;
	way->passed = way->came;
	if (w->sampling && scan->count > w->samples &&
	    way->came < w->samples)
		way->passed = (uint64_t)((double)way->came *
		                         (double)scan->count /
		                         (double)w->samples);
}

/* Eight bytes from there on, as a number; what is missing is that. */
static uint64_t
eight(const uint8_t *key, size_t n, size_t from, uint8_t missing)
{
	uint64_t v = 0;

	for (size_t i = from; i < from + 8; i++)
		v = v << 8 | (i < n ? key[i] : missing);
	return v;
}

/* What both begin with. */
static size_t
common(const struct ewb_scan_bound *a, const struct ewb_scan_bound *z)
{
	size_t n = 0;

	while (n < a->n && n < z->n && a->data[n] == z->data[n])
		n++;
	return n;
}

/* All that begins as the start: the end is the next such. */
static int
is_prefix(const struct ewb_scan_bound *a, const struct ewb_scan_bound *z)
{
	size_t last = a->n - 1;

	return a->there && z->there && a->n && a->n == z->n &&
	       common(a, z) == last && a->data[last] + 1 == z->data[last];
}

void
ewb_scan_way_look(struct ewb_scan *scan, const struct ewb_item *next)
{
	const struct ewb_scan_bound *a = &scan->want.start;
	const struct ewb_scan_bound *z = &scan->want.end;
	size_t from = z->there ? common(a, z) : 0;
	uint64_t low, high, at;

	if (is_prefix(a, z)) {
		from = a->n;
		low = 0;
		high = UINT64_MAX;
	} else {
		low = eight(a->data, a->n, from, 0);
		high = eight(z->data, z->n, from, z->there ? 0 : 0xff);
	}
	at = eight(next->key, next->nkey, from, 0);
	if (at < low)
		at = low;
	if (at > high)
		at = high;
	scan->way.place = low < high ?
	                          (unsigned)((double)(at - low) /
	                                     (double)(high - low) *
	                                     EWB_BIN_WHOLE) :
	                          0;
	if (scan->want.descending)
		scan->way.place = EWB_BIN_WHOLE - scan->way.place;
}

static int
is_whole(const struct ewb_scan_request *w)
{
	return w->start.n == 0 && !w->end.there;
}

/* Less than all of it. */
static unsigned
estimate(const struct ewb_scan *scan)
{
	const struct ewb_scan_way *way = &scan->way;
	double at = way->place;

	if (is_whole(&scan->want) && scan->count)
		at = (double)way->passed / (double)scan->count * EWB_BIN_WHOLE;
	return at < EWB_BIN_WHOLE ? (unsigned)at : EWB_BIN_WHOLE - 1;
}

void
ewb_scan_way_tell(struct ewb_scan *scan, struct ewb_cookie *c,
                  enum ewb_status status)
{
	struct ewb_scan_way *way = &scan->way;
	unsigned at = estimate(scan);
	uint8_t framing[EWB_BIN_PLACE];
	struct ewb_bin_place p;

	if (status == EWB_SCAN_COMPLETE)
		at = EWB_BIN_WHOLE;
	if (at > way->told)
		way->told = at;
	memcpy(p.token, scan->id, sizeof scan->id);
	ewb_put64(p.token + sizeof scan->id, way->came);
	p.progress = (uint16_t)way->told;
	ewb_bin_place_put(framing, &p);
	ewb_stream_tail(c, framing, sizeof framing);
}
