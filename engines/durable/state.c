/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <stdlib.h>
#include <sys/random.h>

#include "record.h"
#include "state.h"

#define MAGIC "ewbd"
#define FORMAT 1u /* of keys, values and this record */
#define HEAD 16u  /* magic, format 32 bits, nvbuckets 32, left 32 */
#define EACH 24u  /* uuid, seqno, records */
#define AHEAD 65536u

enum { LEFT_CLEAN = 1, LEFT_LOSSY = 2 }; /* left, or-ed */

/* Not 0, and below 2^63, as clients want it. */
static uint64_t
fit(uint64_t uuid)
{
	uuid &= INT64_MAX;
	return uuid ? uuid : 1;
}

static enum ewb_status
new_uuid(struct ewb_host *host, uint64_t *uuid)
{
	if (getrandom(uuid, sizeof *uuid, 0) == (ssize_t)sizeof *uuid) {
		*uuid = fit(*uuid);
		return EWB_OK;
	}
	ewb_host_error(host, "no random numbers from the system");
	return EWB_TEMPORARY;
}

static enum ewb_status
check_head(const struct dur_state *s, const char *where,
           const unsigned char *at, size_t n)
{
	if (n < HEAD || memcmp(at, MAGIC, 4)) {
		ewb_host_error(s->host,
		               "path=%s: it was not made by ewbd; name "
		               "an empty directory, or a new one",
		               where);
		return EWB_INVALID;
	}
	if (dur_get32(at + 4) != FORMAT) {
		ewb_host_error(s->host,
		               "path=%s: its format is %u, of a newer "
		               "release; this one knows %u",
		               where, dur_get32(at + 4), FORMAT);
		return EWB_INVALID;
	}
	if (dur_get32(at + 8) != s->nvbuckets) {
		ewb_host_error(s->host,
		               "path=%s: it has %u vbuckets, not %u; "
		               "start with --vbuckets %u",
		               where, dur_get32(at + 8), s->nvbuckets,
		               dur_get32(at + 8));
		return EWB_INVALID;
	}
	if (n == HEAD + (size_t)s->nvbuckets * EACH)
		return EWB_OK;
	ewb_host_error(s->host,
	               "path=%s: the record of its vbuckets is %zu "
	               "bytes, not %zu: it is damaged",
	               where, n, HEAD + (size_t)s->nvbuckets * EACH);
	return EWB_INVALID;
}

/* Where seqnos were lost that had been promised, they are not given again. */
#define FAR (UINT64_C(1) << 32)

static enum ewb_status
read_all(struct dur_state *s, const struct dur_origin *from,
         const unsigned char *at, size_t n)
{
	enum ewb_status status = check_head(s, from->where, at, n);
	bool clean, kept;
	uint32_t i, left;

	if (status != EWB_OK)
		return status;
	left = dur_get32(at + 12);
	clean = left & LEFT_CLEAN;
	kept = clean || (!(left & LEFT_LOSSY) && !from->cut);
	for (i = 0; i < s->nvbuckets; i++) {
		struct dur_vbucket *vb = &s->vbuckets[i];
		const unsigned char *p = at + HEAD + i * EACH;

		vb->uuid = fit(dur_get64(p));
		atomic_store(&vb->seqno,
		             dur_get64(p + 8) +
		                     (from->cut && !clean ? FAR : 0));
		atomic_store(&vb->records, (int64_t)dur_get64(p + 16));
		if (kept && !from->copy)
			continue;
		s->lost += !kept;
		status = new_uuid(s->host, &vb->uuid);
		if (status != EWB_OK)
			return status;
	}
	return EWB_OK;
}

static enum ewb_status
begin_all(struct dur_state *s)
{
	enum ewb_status status = EWB_OK;
	uint32_t i;

	for (i = 0; i < s->nvbuckets && status == EWB_OK; i++)
		status = new_uuid(s->host, &s->vbuckets[i].uuid);
	return status;
}

enum ewb_status
dur_state_open(struct dur_state *s, struct ewb_host *host,
               const struct dur_origin *from, bool lossy, const void *at,
               size_t n)
{
	enum ewb_status status;
	uint32_t i;

	s->host = host;
	s->lossy = lossy;
	s->lost = 0;
	s->nvbuckets = ewb_host_vbuckets(host);
	s->vbuckets = calloc(s->nvbuckets, sizeof *s->vbuckets);
	if (!s->vbuckets) {
		ewb_host_error(host, "out of memory");
		return EWB_NO_MEMORY;
	}
	status = at ? read_all(s, from, at, n) : begin_all(s);
	for (i = 0; i < s->nvbuckets; i++) {
		struct dur_vbucket *vb = &s->vbuckets[i];

		atomic_store(&vb->promised, atomic_load(&vb->seqno) + AHEAD);
		atomic_store(&vb->answered, atomic_load(&vb->seqno));
	}
	if (status != EWB_OK)
		dur_state_close(s);
	return status;
}

void
dur_state_close(struct dur_state *s)
{
	free(s->vbuckets);
	s->vbuckets = NULL;
}

unsigned char *
dur_state_write(const struct dur_state *s, bool clean, const int64_t *delta,
                size_t *n)
{
	unsigned char *at;
	uint32_t i;

	*n = HEAD + (size_t)s->nvbuckets * EACH;
	at = malloc(*n);
	if (!at)
		return NULL;
	memcpy(at, MAGIC, 4);
	dur_put32(at + 4, FORMAT);
	dur_put32(at + 8, s->nvbuckets);
	dur_put32(at + 12,
	          (clean ? LEFT_CLEAN : 0u) | (s->lossy ? LEFT_LOSSY : 0u));
	for (i = 0; i < s->nvbuckets; i++) {
		const struct dur_vbucket *vb = &s->vbuckets[i];
		unsigned char *p = at + HEAD + i * EACH;
		int64_t records =
			atomic_load(&vb->records) + (delta ? delta[i] : 0);

		dur_put64(p, vb->uuid);
		dur_put64(p + 8,
		          atomic_load(clean ? &vb->seqno : &vb->promised));
		dur_put64(p + 16, records > 0 ? (uint64_t)records : 0);
	}
	return at;
}

uint64_t
dur_state_next(struct dur_state *s, uint16_t vbucket, bool *promise)
{
	struct dur_vbucket *vb = &s->vbuckets[vbucket];
	uint64_t seqno = atomic_load(&vb->seqno) + 1;

	atomic_store(&vb->seqno, seqno);
	if (seqno > atomic_load(&vb->promised)) {
		atomic_store(&vb->promised, seqno + AHEAD);
		*promise = true;
	}
	return seqno;
}

uint64_t
dur_state_records(const struct dur_state *s, uint16_t vbucket)
{
	int64_t n = atomic_load(&s->vbuckets[vbucket].records);

	return n > 0 ? (uint64_t)n : 0;
}

enum ewb_status
dur_state_tell(const struct dur_state *s, uint16_t vbucket,
               struct ewb_vbucket *v)
{
	if (vbucket >= s->nvbuckets)
		return EWB_NOT_MY_VBUCKET;
	v->uuid = s->vbuckets[vbucket].uuid;
	v->seqno = atomic_load(&s->vbuckets[vbucket].answered);
	v->items = dur_state_records(s, vbucket);
	return EWB_OK;
}

void
dur_state_note(const struct dur_state *s, uint16_t vbucket, struct dur_count *n)
{
	const struct dur_vbucket *vb = &s->vbuckets[vbucket];

	n->fixes = atomic_load(&vb->fixes);
	n->records = atomic_load(&vb->records);
}

void
dur_state_fix(struct dur_state *s, uint16_t vbucket, const struct dur_count *n,
              int64_t seen)
{
	struct dur_vbucket *vb = &s->vbuckets[vbucket];
	unsigned fixes = n->fixes;

	/* what was written since the scan began is on top of what it saw */
	if (atomic_compare_exchange_strong(&vb->fixes, &fixes, fixes + 1))
		atomic_fetch_add(&vb->records, seen - n->records);
}

int64_t
dur_state_forget(struct dur_state *s, uint16_t vbucket)
{
	atomic_fetch_add(&s->vbuckets[vbucket].fixes, 1);
	return atomic_load(&s->vbuckets[vbucket].records);
}
