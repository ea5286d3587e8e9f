/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "batch.h"

#define SAMPLE 64u /* of plain sets of which it is not known whether they add */

enum ewb_status
dur_batch_state(struct dur_commit *c, bool clean)
{
	enum ewb_status status = EWB_NO_MEMORY;
	size_t n;
	unsigned char *at = dur_state_write(&c->state, clean, c->delta, &n);

	if (at)
		status = c->store->put_state(c->db, at, n);
	free(at);
	c->stated = ewb_host_clock(c->host);
	return status;
}

/* The expectation, against what is there. */
static enum ewb_status
check(const struct ewb_request *r, enum dur_verb verb, bool there, uint64_t cas)
{
	if (verb == DUR_REMOVE && !there)
		return EWB_NOT_FOUND;
	if (verb == DUR_REMOVE)
		return r->cas && r->cas != cas ? EWB_EXISTS : EWB_OK;
	switch (r->expect) {
	case EWB_EXPECT_ABSENT: return there ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT: return there ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (!there)
			return EWB_NOT_FOUND;
		return r->cas == cas ? EWB_OK : EWB_EXISTS;
	case EWB_EXPECT_ANY: break;
	}
	return EWB_OK;
}

static enum ewb_status
write_one(struct dur_commit *c, struct dur_batch *b, struct dur_job *j,
          const struct ewb_request *r, const struct dur_key *k)
{
	struct ewb_item i = { .size = sizeof i };

	i.seqno = dur_state_next(&c->state, r->vbucket, &c->owes);
	i.cas = j->cas = dur_cas(i.seqno, r->vbucket);
	b->wrote = true;
	if (j->verb == DUR_REMOVE)
		return c->store->drop(c->db, k);
	i.flags = r->flags;
	i.expiry = r->expiry;
	i.datatype = r->datatype;
	i.value = r->value;
	i.nvalue = r->nvalue;
	return c->store->put(c->db, k, &i);
}

/* How many records this put adds.  Where only the disk knows, some are asked for
 * and count for the others. */
static int64_t
adds(struct dur_commit *c, const struct dur_key *k, enum ewb_status found)
{
	struct ewb_item old;

	if (found != EWB_WOULDBLOCK)
		return found == EWB_NOT_FOUND;
	if (++c->unknown % SAMPLE)
		return 0;
	found = c->store->look(c->db, k, false, &old);
	return found == EWB_NOT_FOUND ? SAMPLE : 0;
}

/* EWB_OK: j has its status.  Else the batch is to be given up. */
static enum ewb_status
apply(struct dur_commit *c, struct dur_batch *b, struct dur_job *j)
{
	const struct ewb_request *r = ewb_cookie_request(j->cookie);
	bool blind = j->verb == DUR_STORE && r->expect == EWB_EXPECT_ANY;
	struct ewb_item old = { .size = sizeof old };
	struct dur_key k;
	enum ewb_status found, status;
	int64_t more = -1; /* records */

	dur_key_make(&k, r->vbucket, r->key, r->nkey);
	found = c->store->look(c->db, &k, blind, &old);
	if (found != EWB_OK && found != EWB_NOT_FOUND && !blind) {
		j->status = found;
		return EWB_OK;
	}
	j->status = check(r, j->verb,
	                  found == EWB_OK && !dur_expired(old.expiry, b->now),
	                  old.cas);
	if (j->status != EWB_OK)
		return EWB_OK;
	if (j->verb == DUR_STORE)
		more = adds(c, &k, found);
	status = write_one(c, b, j, r, &k);
	if (status == EWB_NOT_STORED) {
		j->status = EWB_NO_MEMORY;
		return EWB_OK;
	}
	if (status == EWB_OK)
		c->delta[r->vbucket] += more;
	return status;
}

/* Those that have not been stored anew since. */
static enum ewb_status
sweep(struct dur_commit *c, struct dur_batch *b, struct dur_job *j)
{
	struct dur_sweep *s = (struct dur_sweep *)j;
	struct ewb_item old = { .size = sizeof old };
	enum ewb_status status = EWB_OK;
	size_t i;

	s->dropped = 0;
	for (i = 0; i < s->n && status == EWB_OK; i++) {
		const struct dur_key *k = &s->keys[i];

		if (dur_get16(k->at) >= c->state.nvbuckets || /* damaged */
		    c->store->look(c->db, k, false, &old) != EWB_OK ||
		    !dur_expired(old.expiry, b->now))
			continue;
		b->wrote = true;
		status = c->store->drop(c->db, k);
		c->delta[dur_get16(k->at)]--;
		s->dropped++;
	}
	return status;
}

static enum ewb_status
clear(struct dur_commit *c, struct dur_batch *b, struct dur_job *j)
{
	uint32_t i;

	for (i = 0; i < c->state.nvbuckets; i++)
		c->delta[i] = -dur_state_forget(&c->state, (uint16_t)i);
	b->wrote = true;
	j->status = EWB_OK;
	return c->store->clear(c->db);
}

enum ewb_status
dur_batch_fill(struct dur_commit *c, struct dur_batch *b)
{
	enum ewb_status status = EWB_OK;
	struct dur_job *j;

	memset(c->delta, 0, c->state.nvbuckets * sizeof *c->delta);
	for (j = b->jobs; j && status == EWB_OK; j = j->next)
		switch (j->verb) {
		case DUR_FLUSH: status = clear(c, b, j); break;
		case DUR_SWEEP: status = sweep(c, b, j); break;
		default: status = apply(c, b, j);
		}
	b->stated =
		b->wrote && (c->owes || b->clock - c->stated >= DUR_STATE_US);
	if (status == EWB_OK && b->stated)
		status = dur_batch_state(c, false);
	return status;
}

void
dur_batch_count(struct dur_commit *c, const struct dur_batch *b)
{
	uint32_t i;

	c->unstated &= !b->stated;
	for (i = 0; i < c->state.nvbuckets; i++) {
		if (!c->delta[i])
			continue;
		atomic_fetch_add(&c->state.vbuckets[i].records, c->delta[i]);
		c->unstated |= !b->stated;
	}
}
