/* SPDX-License-Identifier: BSD-2-Clause */
/* Group commit, on a store that does as it is told. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "engines/durable/commit.h"
#include "t/fake_host.h"
#include "t/unit.h"

#define RECORDS 64u

struct record {
	bool used;
	char key[16];
	char value[32];
	uint64_t cas;
	uint32_t expiry;
};

/* A store in memory: what is committed, and the batch on top. */
static struct store {
	struct record done[RECORDS], batch[RECORDS];
	unsigned char state[4096];
	size_t nstate;
	bool stated;                /* the batch has the state */
	enum ewb_status next[8];    /* what the next commits say; then EWB_OK */
	enum ewb_status begins;     /* what begin says */
	const char *full;           /* there is no room for a batch with this key */
	bool bad_sync;              /* of what was committed without */
	bool cold;                  /* cheap looks would have to ask the disk */
	void (*meanwhile)(void);    /* called in the next commit */
	unsigned commits, syncs, abandoned, looked_deep;
	unsigned written[8], nwritten, nwriting; /* notifies seen then */
} store;

static struct ewb_host host;
static struct dur_commit commit;
static struct dur_place place;
static struct ewb_cookie cookies[16];
static unsigned ncookies;

static struct record *
find(struct record *in, const struct dur_key *k)
{
	size_t n = k->n - DUR_KEY_HEAD;

	for (unsigned i = 0; i < RECORDS; i++)
		if (in[i].used && strlen(in[i].key) == n &&
		    memcmp(in[i].key, k->at + DUR_KEY_HEAD, n) == 0)
			return &in[i];
	return NULL;
}

static enum ewb_status
begin(void *db)
{
	(void)db;
	memcpy(store.batch, store.done, sizeof store.batch);
	store.stated = false;
	return store.begins;
}

static enum ewb_status
look(void *db, const struct dur_key *k, bool cheap, struct ewb_item *i)
{
	const struct record *r = find(store.batch, k);

	(void)db;
	if (cheap && store.cold)
		return EWB_WOULDBLOCK;
	store.looked_deep += !cheap;
	if (!r)
		return EWB_NOT_FOUND;
	*i = (struct ewb_item){ .size = sizeof *i,
		                .cas = r->cas,
		                .expiry = r->expiry };
	return EWB_OK;
}

static enum ewb_status
put(void *db, const struct dur_key *k, const struct ewb_item *i)
{
	struct record *r = find(store.batch, k);

	(void)db;
	for (unsigned n = 0; !r && n < RECORDS; n++)
		if (!store.batch[n].used)
			r = &store.batch[n];
	ck_assert_ptr_nonnull(r);
	*r = (struct record){ .used = true, .cas = i->cas, .expiry = i->expiry };
	memcpy(r->key, k->at + DUR_KEY_HEAD, k->n - DUR_KEY_HEAD);
	memcpy(r->value, i->value, i->nvalue);
	return store.full && strcmp(r->key, store.full) == 0 ? EWB_NO_MEMORY :
	                                                       EWB_OK;
}

static enum ewb_status
drop(void *db, const struct dur_key *k)
{
	(void)db;
	find(store.batch, k)->used = false;
	return EWB_OK;
}

static enum ewb_status
put_state(void *db, const void *at, size_t n)
{
	(void)db;
	ck_assert_uint_le(n, sizeof store.state);
	memcpy(store.state, at, n);
	store.nstate = n;
	store.stated = true;
	return EWB_OK;
}

static enum ewb_status
clear(void *db)
{
	(void)db;
	memset(store.batch, 0, sizeof store.batch);
	return EWB_OK;
}

static unsigned
notifies(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ncookies; i++)
		n += cookies[i].notifies;
	return n;
}

static enum ewb_status
do_commit(void *db, bool sync)
{
	enum ewb_status status = store.next[0];

	(void)db;
	store.commits++;
	if (store.meanwhile)
		store.meanwhile();
	store.meanwhile = NULL;
	memmove(store.next, store.next + 1,
	        sizeof store.next - sizeof store.next[0]);
	if (status != EWB_OK)
		return status;
	store.syncs += sync;
	memcpy(store.done, store.batch, sizeof store.done);
	return EWB_OK;
}

static void
abandon(void *db)
{
	(void)db;
	store.abandoned++;
}

static void
written(void *db, const struct ewb_request *r)
{
	(void)db;
	(void)r;
	if (store.nwritten < 8)
		store.written[store.nwritten++] = notifies();
}

static void
writing(void *db, const struct ewb_request *r)
{
	(void)db;
	(void)r;
	store.nwriting++;
}

static const char *
why(void *db)
{
	(void)db;
	return "the store was told to fail";
}

static enum ewb_status
sync_all(void *db, char *text, size_t n)
{
	(void)db;
	snprintf(text, n, "it was told to fail");
	store.syncs += !store.bad_sync;
	return store.bad_sync ? EWB_TEMPORARY : EWB_OK;
}

static const struct dur_store ops = { .begin = begin,
	                              .look = look,
	                              .put = put,
	                              .drop = drop,
	                              .put_state = put_state,
	                              .clear = clear,
	                              .commit = do_commit,
	                              .abandon = abandon,
	                              .writing = writing,
	                              .written = written,
	                              .why = why,
	                              .sync = sync_all };

/* Opens what is in the store. */
static enum ewb_status
open_again(enum dur_sync mode)
{
	memset(&commit, 0, sizeof commit);
	commit.mode = mode;
	commit.interval_us = 1000;
	return dur_commit_open(&commit, &host, &ops, NULL, &place,
	                       store.nstate ? store.state : NULL, store.nstate);
}

static void
begin_with(enum dur_sync mode)
{
	memset(&store, 0, sizeof store);
	memset(cookies, 0, sizeof cookies);
	ncookies = 0;
	fake_host_init(&host, 4);
	place = (struct dur_place){ .path = (char *)(uintptr_t) "db", .fresh = true };
	ck_assert_int_eq(open_again(mode), EWB_OK);
	store.commits = store.syncs = 0;
}

static void
end(void)
{
	for (unsigned i = 0; i < ncookies; i++)
		fake_cookie_fini(&cookies[i]);
	dur_commit_close(&commit);
}

static struct ewb_cookie *
ask(enum dur_verb verb, const char *key, const char *value,
    enum ewb_expect expect, uint64_t cas)
{
	struct ewb_cookie *c = &cookies[ncookies++];

	fake_cookie_init(c, &host, key, strlen(key));
	fake_cookie_value(c, value, strlen(value));
	c->request.expect = expect;
	c->request.cas = cas;
	ck_assert_int_eq(dur_commit_begin(&commit, c, verb), EWB_WOULDBLOCK);
	return c;
}

static struct ewb_cookie *
set(const char *key, const char *value)
{
	return ask(DUR_STORE, key, value, EWB_EXPECT_ANY, 0);
}

/* The writer's task, until it has nothing more to do. */
static void
write_all(void)
{
	fake_task_settle(commit.writer);
}

static const char *
value_of(const char *key)
{
	for (unsigned i = 0; i < RECORDS; i++)
		if (store.done[i].used && strcmp(store.done[i].key, key) == 0)
			return store.done[i].value;
	return NULL;
}

static int64_t
records(void)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < commit.state.nvbuckets; i++)
		n += atomic_load(&commit.state.vbuckets[i].records);
	return n;
}

START_TEST(all_that_wait_are_one_batch_and_one_sync)
{
	begin_with(DUR_SYNC_COMMIT);
	set("a", "1");
	set("b", "2");
	set("c", "3");
	ck_assert_uint_eq(notifies(), 0);
	write_all();
	ck_assert_uint_eq(store.commits, 1);
	ck_assert_uint_eq(store.syncs, 1);
	ck_assert_uint_eq(notifies(), 3);
	ck_assert_int_eq(cookies[2].notified, EWB_OK);
	ck_assert_uint_ne(cookies[2].cas, 0);
	ck_assert_str_eq(value_of("c"), "3");
	end();
}
END_TEST

START_TEST(nobody_is_answered_before_the_engine_knows_that_it_is_written)
{
	begin_with(DUR_SYNC_COMMIT);
	set("a", "1");
	set("b", "2");
	write_all();
	ck_assert_uint_eq(store.nwriting, 2);
	ck_assert_uint_eq(store.nwritten, 2);
	ck_assert_uint_eq(store.written[0], 0);
	ck_assert_uint_eq(store.written[1], 0);
	end();
}
END_TEST

static uint64_t
seqno_now(uint16_t vbucket)
{
	struct ewb_vbucket v = { .size = sizeof v };

	ck_assert_int_eq(dur_state_tell(&commit.state, vbucket, &v), EWB_OK);
	ck_assert_uint_eq(v.uuid, commit.state.vbuckets[vbucket].uuid);
	return v.seqno;
}

static uint64_t seqno_within;

static void
look_at_seqno(void)
{
	seqno_within = seqno_now(cookies[0].request.vbucket);
}

START_TEST(a_seqno_is_told_of_when_it_is_committed)
{
	const struct ewb_cookie *a, *b;
	uint16_t vb;

	begin_with(DUR_SYNC_COMMIT);
	a = set("a", "1");
	b = ask(DUR_REMOVE, "a", "", EWB_EXPECT_ANY, 0);
	vb = a->request.vbucket;
	store.meanwhile = look_at_seqno;
	write_all();
	ck_assert_uint_eq(seqno_within, 0);
	ck_assert_uint_eq(a->seqno, 1);
	ck_assert_uint_eq(b->seqno, 2);
	ck_assert_uint_eq(a->uuid, commit.state.vbuckets[vb].uuid);
	ck_assert_uint_eq(b->uuid, a->uuid);
	ck_assert_uint_eq(seqno_now(vb), 2);
	/* one that is not written has none */
	store.next[0] = EWB_TEMPORARY;
	a = set("a", "2");
	write_all();
	ck_assert_uint_eq(a->seqno, 0);
	ck_assert_uint_eq(seqno_now(vb), 2);
	ck_assert_int_eq(dur_state_tell(&commit.state, 4,
	                                &(struct ewb_vbucket){ 0 }),
	                 EWB_NOT_MY_VBUCKET);
	end();
	place.fresh = false;
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_uint_ge(seqno_now(vb), 2);
	dur_commit_close(&commit);
}
END_TEST

START_TEST(a_uuid_is_what_clients_can_take)
{
	begin_with(DUR_SYNC_COMMIT);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_ne(commit.state.vbuckets[i].uuid, 0);
		ck_assert_uint_le(commit.state.vbuckets[i].uuid, INT64_MAX);
		/* as an older release wrote it */
		commit.state.vbuckets[i].uuid |= UINT64_C(1) << 63;
	}
	commit.state.vbuckets[3].uuid = 0;
	end();
	place.fresh = false;
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_ne(commit.state.vbuckets[i].uuid, 0);
		ck_assert_uint_le(commit.state.vbuckets[i].uuid, INT64_MAX);
	}
	dur_commit_close(&commit);
}
END_TEST

START_TEST(a_failed_sync_is_followed_by_no_acknowledgement)
{
	begin_with(DUR_SYNC_COMMIT);
	store.next[0] = EWB_TEMPORARY;
	set("a", "1");
	/* it would be refused for what was not written either */
	ask(DUR_STORE, "a", "2", EWB_EXPECT_ABSENT, 0);
	write_all();
	ck_assert_int_eq(cookies[0].notified, EWB_TEMPORARY);
	ck_assert_int_eq(cookies[1].notified, EWB_TEMPORARY);
	/* what was begun is ended all the same */
	ck_assert_uint_eq(store.nwriting, 1);
	ck_assert_uint_eq(store.nwritten, 1);
	ck_assert_int_eq(records(), 0);
	ck_assert_str_eq(host.notice,
	                 "writes fail: the store was told to fail");
	/* and to nobody else */
	set("b", "1");
	write_all();
	ck_assert_int_eq(cookies[2].notified, EWB_OK);
	ck_assert_str_eq(host.notice, "writes work again");
	end();
}
END_TEST

START_TEST(the_operator_is_told_once)
{
	begin_with(DUR_SYNC_COMMIT);
	for (unsigned i = 0; i < 3; i++) {
		store.next[0] = EWB_TEMPORARY;
		set("a", "1");
		write_all();
	}
	ck_assert_uint_eq(host.nnotices, 1);
	end();
}
END_TEST

START_TEST(when_nothing_can_be_written_each_is_told_so)
{
	begin_with(DUR_SYNC_COMMIT);
	store.begins = EWB_TEMPORARY;
	set("a", "1");
	write_all();
	ck_assert_int_eq(cookies[0].notified, EWB_TEMPORARY);
	ck_assert_uint_eq(store.commits, 0);
	store.begins = EWB_OK;
	set("a", "2");
	write_all();
	ck_assert_int_eq(cookies[1].notified, EWB_OK);
	end();
}
END_TEST

START_TEST(one_that_has_no_room_fails_alone)
{
	begin_with(DUR_SYNC_COMMIT);
	store.full = "b";
	set("a", "1");
	set("b", "2");
	set("c", "3");
	write_all();
	ck_assert_int_eq(cookies[0].notified, EWB_OK);
	ck_assert_int_eq(cookies[1].notified, EWB_NO_MEMORY);
	ck_assert_int_eq(cookies[2].notified, EWB_OK);
	ck_assert_uint_eq(notifies(), 3);
	ck_assert_str_eq(value_of("c"), "3");
	ck_assert_ptr_null(value_of("b"));
	ck_assert_int_eq(records(), 2);
	end();
}
END_TEST

START_TEST(a_commit_that_has_no_room_is_tried_one_by_one)
{
	begin_with(DUR_SYNC_COMMIT);
	store.next[0] = EWB_NO_MEMORY;
	store.next[2] = EWB_NO_MEMORY;
	set("a", "1");
	set("b", "2");
	set("c", "3");
	write_all();
	ck_assert_int_eq(cookies[0].notified, EWB_OK);
	ck_assert_int_eq(cookies[1].notified, EWB_NO_MEMORY);
	ck_assert_int_eq(cookies[2].notified, EWB_OK);
	/* after which they are gathered again */
	set("d", "4");
	set("e", "5");
	store.commits = 0;
	write_all();
	ck_assert_uint_eq(store.commits, 1);
	end();
}
END_TEST

START_TEST(a_stall_gives_all_back_and_tries_later)
{
	begin_with(DUR_SYNC_COMMIT);
	store.next[0] = EWB_BUSY;
	set("a", "1");
	set("b", "2");
	ck_assert(fake_task_step(commit.writer));
	ck_assert_uint_eq(notifies(), 0);
	ck_assert_uint_gt(commit.writer->sleep_us, 0);
	/* one more comes, and goes behind; it is no reason to hurry */
	set("c", "3");
	ck_assert(fake_task_step(commit.writer));
	ck_assert_uint_eq(store.commits, 1);
	ck_assert_uint_gt(commit.writer->sleep_us, 0);
	atomic_fetch_add(&host.clock, commit.writer->sleep_us);
	ewb_task_wake(commit.writer);
	write_all();
	ck_assert_uint_eq(store.commits, 2);
	ck_assert_uint_eq(notifies(), 3);
	ck_assert_uint_lt(cookies[0].cas >> 10, UINT64_MAX);
	ck_assert_str_eq(value_of("a"), "1");
	end();
}
END_TEST

static void
set_late(void)
{
	set("a", "late");
}

START_TEST(what_came_during_a_stall_is_behind_what_it_gives_back)
{
	begin_with(DUR_SYNC_COMMIT);
	store.next[0] = EWB_BUSY;
	store.meanwhile = set_late;
	set("a", "1");
	set("b", "2");
	ck_assert(fake_task_step(commit.writer));
	atomic_fetch_add(&host.clock, 1000000);
	ewb_task_wake(commit.writer);
	write_all();
	ck_assert_uint_eq(notifies(), 3);
	ck_assert_str_eq(value_of("a"), "late");
	end();
}
END_TEST

START_TEST(who_is_cancelled_in_a_stall_is_answered_and_not_written)
{
	struct ewb_cookie *c;

	begin_with(DUR_SYNC_COMMIT);
	store.next[0] = EWB_BUSY;
	c = set("a", "1");
	set("b", "2");
	ck_assert(fake_task_step(commit.writer));
	ck_assert(dur_commit_cancel(&commit, c->block_arg));
	ck_assert_uint_eq(c->notifies, 1);
	/* once */
	ck_assert(!dur_commit_cancel(&commit, c->block_arg));
	atomic_fetch_add(&host.clock, 1000000);
	ewb_task_wake(commit.writer);
	write_all();
	ck_assert_uint_eq(notifies(), 2);
	ck_assert_ptr_null(value_of("a"));
	ck_assert_str_eq(value_of("b"), "2");
	end();
}
END_TEST

START_TEST(what_nobody_wants_any_more_is_not_begun)
{
	begin_with(DUR_SYNC_COMMIT);
	set("a", "1")->cancelled = true;
	set("b", "2");
	write_all();
	ck_assert_uint_eq(notifies(), 2);
	ck_assert_int_eq(cookies[0].notified, EWB_TEMPORARY);
	ck_assert_ptr_null(value_of("a"));
	end();
}
END_TEST

START_TEST(who_waits_behind_a_cancelled_one_is_not_left_waiting)
{
	begin_with(DUR_SYNC_COMMIT);
	store.next[0] = EWB_NO_MEMORY; /* then each is tried alone */
	set("a", "1");
	set("b", "2");
	set("c", "3");
	ck_assert(fake_task_step(commit.writer));
	cookies[0].cancelled = true;
	write_all();
	ck_assert_uint_eq(notifies(), 3);
	ck_assert_int_eq(cookies[2].notified, EWB_OK);
	end();
}
END_TEST

START_TEST(a_write_that_was_none_is_no_sign_of_health)
{
	begin_with(DUR_SYNC_COMMIT);
	set("a", "1");
	write_all();
	store.next[0] = EWB_TEMPORARY;
	set("a", "2");
	write_all();
	ask(DUR_STORE, "a", "3", EWB_EXPECT_ABSENT, 0);
	write_all();
	ck_assert_int_eq(cookies[2].notified, EWB_EXISTS);
	ck_assert_uint_eq(host.nnotices, 1);
	end();
}
END_TEST

START_TEST(what_is_ill_is_healed_also_when_nobody_writes)
{
	begin_with(DUR_SYNC_COMMIT);
	store.begins = EWB_TEMPORARY;
	dur_commit_heal(&commit);
	ck_assert(fake_task_step(commit.writer));
	ck_assert_uint_gt(commit.writer->sleep_us, 0); /* and tries again */
	store.begins = EWB_OK;
	ewb_task_wake(commit.writer);
	ck_assert(fake_task_step(commit.writer));
	ck_assert_uint_eq(commit.writer->sleep_us, 0);
	/* once was enough */
	store.begins = EWB_TEMPORARY;
	ewb_task_wake(commit.writer);
	ck_assert(fake_task_step(commit.writer));
	ck_assert_uint_eq(commit.writer->sleep_us, 0);
	store.begins = EWB_OK;
	end();
}
END_TEST

START_TEST(a_sync_that_fails_is_told_once_and_has_the_library_healed)
{
	begin_with(DUR_SYNC_INTERVAL);
	set("a", "1");
	write_all();
	store.bad_sync = true;
	for (unsigned i = 0; i < 3; i++) {
		ewb_task_wake(commit.syncer);
		ck_assert(fake_task_step(commit.syncer));
	}
	ck_assert_uint_eq(host.nnotices, 1);
	ck_assert(atomic_load(&commit.ill));
	store.bad_sync = false;
	write_all();
	ck_assert(!atomic_load(&commit.ill));
	ewb_task_wake(commit.syncer);
	ck_assert(fake_task_step(commit.syncer));
	ck_assert(!atomic_load(&commit.dirty));
	end();
}
END_TEST

START_TEST(of_two_scans_at_once_one_puts_the_number_right)
{
	struct dur_count one, two;
	uint16_t vb;

	begin_with(DUR_SYNC_COMMIT);
	vb = set("a", "1")->request.vbucket;
	write_all();
	atomic_store(&commit.state.vbuckets[vb].records, -4); /* astray */
	dur_state_note(&commit.state, vb, &one);
	dur_state_note(&commit.state, vb, &two);
	ck_assert_uint_eq(dur_state_records(&commit.state, vb), 0);
	dur_state_fix(&commit.state, vb, &one, 1);
	dur_state_fix(&commit.state, vb, &two, 1);
	ck_assert_uint_eq(dur_state_records(&commit.state, vb), 1);
	/* and none of before a flush */
	dur_state_note(&commit.state, vb, &one);
	ask(DUR_FLUSH, "x", "", EWB_EXPECT_ANY, 0);
	write_all();
	dur_state_fix(&commit.state, vb, &one, 1);
	ck_assert_uint_eq(dur_state_records(&commit.state, vb), 0);
	end();
}
END_TEST

START_TEST(each_sees_those_before_it_in_its_batch)
{
	uint64_t cas;

	begin_with(DUR_SYNC_COMMIT);
	set("a", "1");
	write_all();
	cas = cookies[0].cas;
	ask(DUR_STORE, "a", "2", EWB_EXPECT_CAS, cas);
	ask(DUR_STORE, "a", "3", EWB_EXPECT_CAS, cas); /* of before */
	ask(DUR_STORE, "b", "4", EWB_EXPECT_ABSENT, 0);
	ask(DUR_STORE, "b", "5", EWB_EXPECT_ABSENT, 0);
	ask(DUR_REMOVE, "b", "", EWB_EXPECT_ANY, 0);
	ask(DUR_STORE, "b", "6", EWB_EXPECT_PRESENT, 0);
	ask(DUR_REMOVE, "b", "", EWB_EXPECT_ANY, 0);
	write_all();
	ck_assert_uint_eq(store.commits, 2);
	ck_assert_int_eq(cookies[1].notified, EWB_OK);
	ck_assert_int_eq(cookies[2].notified, EWB_EXISTS);
	ck_assert_int_eq(cookies[3].notified, EWB_OK);
	ck_assert_int_eq(cookies[4].notified, EWB_EXISTS);
	ck_assert_int_eq(cookies[5].notified, EWB_OK);
	ck_assert_int_eq(cookies[6].notified, EWB_NOT_FOUND);
	ck_assert_int_eq(cookies[7].notified, EWB_NOT_FOUND);
	ck_assert_str_eq(value_of("a"), "2");
	ck_assert_ptr_null(value_of("b"));
	ck_assert_int_eq(records(), 1);
	end();
}
END_TEST

START_TEST(what_has_expired_is_not_there)
{
	struct ewb_cookie *c;

	begin_with(DUR_SYNC_COMMIT);
	c = set("a", "1");
	c->request.expiry = atomic_load(&host.now) + 1;
	write_all();
	atomic_fetch_add(&host.now, 1);
	ask(DUR_STORE, "a", "2", EWB_EXPECT_PRESENT, 0);
	ask(DUR_REMOVE, "a", "", EWB_EXPECT_ANY, 0);
	ask(DUR_STORE, "a", "3", EWB_EXPECT_ABSENT, 0);
	write_all();
	ck_assert_int_eq(cookies[1].notified, EWB_NOT_FOUND);
	ck_assert_int_eq(cookies[2].notified, EWB_NOT_FOUND);
	ck_assert_int_eq(cookies[3].notified, EWB_OK);
	/* it lay there all the time: no record more */
	ck_assert_int_eq(records(), 1);
	end();
}
END_TEST

START_TEST(a_plain_set_asks_no_disk)
{
	begin_with(DUR_SYNC_COMMIT);
	store.cold = true;
	set("a", "1");
	write_all();
	ck_assert_uint_eq(store.looked_deep, 0);
	ck_assert_int_eq(cookies[0].notified, EWB_OK);
	ask(DUR_REMOVE, "a", "", EWB_EXPECT_ANY, 0);
	write_all();
	ck_assert_uint_eq(store.looked_deep, 1);
	end();
}
END_TEST

START_TEST(of_sets_that_only_the_disk_knows_some_are_counted_for_all)
{
	char key[16];

	begin_with(DUR_SYNC_COMMIT);
	store.cold = true;
	for (unsigned i = 0; i < 640; i++) {
		snprintf(key, sizeof key, "%u", i % 64);
		ncookies = 0;
		memset(cookies, 0, sizeof cookies[0]);
		set(key, "1");
		write_all();
		fake_cookie_fini(&cookies[0]);
		if (i == 63) /* of 64 new ones one was looked at */
			ck_assert_int_eq(records(), 64);
	}
	ck_assert_uint_eq(store.looked_deep, 10);
	ck_assert_int_eq(records(), 64); /* the others were there */
	ncookies = 0;
	end();
}
END_TEST

START_TEST(a_flush_is_a_batch_of_its_own_in_its_place)
{
	begin_with(DUR_SYNC_COMMIT);
	set("a", "1");
	ask(DUR_FLUSH, "x", "", EWB_EXPECT_ANY, 0);
	set("b", "2");
	write_all();
	ck_assert_uint_eq(store.commits, 3);
	ck_assert_uint_eq(notifies(), 3);
	ck_assert_ptr_null(value_of("a"));
	ck_assert_str_eq(value_of("b"), "2");
	ck_assert_int_eq(records(), 1);
	end();
}
END_TEST

START_TEST(no_seqno_is_given_twice_whatever_was_lost)
{
	uint64_t cas;

	begin_with(DUR_SYNC_NONE);
	/* more than what is promised ahead, in one vbucket */
	for (unsigned i = 0; i < 200000; i++) {
		ncookies = 0;
		memset(cookies, 0, sizeof cookies[0]);
		set("a", "1");
		write_all();
		fake_cookie_fini(&cookies[0]);
	}
	cas = cookies[0].cas;
	/* the machine stops: what was synced is the state alone */
	ck_assert_uint_ge(store.syncs, 2);
	dur_state_close(&commit.state);
	ewb_task_free(commit.writer);
	free(commit.delta);
	ncookies = 0;
	ck_assert_int_eq(open_again(DUR_SYNC_NONE), EWB_OK);
	memset(cookies, 0, sizeof cookies[0]);
	set("a", "1");
	write_all();
	ck_assert_uint_gt(cookies[0].cas, cas);
	end();
}
END_TEST

START_TEST(what_was_promised_in_a_failed_commit_is_promised_again)
{
	begin_with(DUR_SYNC_NONE);
	for (uint32_t i = 0; i < 4; i++) /* the last one promised */
		atomic_store(&commit.state.vbuckets[i].seqno,
		             atomic_load(&commit.state.vbuckets[i].promised));
	store.next[0] = EWB_TEMPORARY;
	set("a", "1");
	write_all();
	ck_assert_uint_eq(store.syncs, 0);
	set("a", "2");
	write_all();
	ck_assert_int_eq(cookies[1].notified, EWB_OK);
	ck_assert_uint_eq(store.syncs, 1);
	ck_assert(store.stated);
	/* and then no more */
	set("a", "3");
	write_all();
	ck_assert_uint_eq(store.syncs, 1);
	end();
}
END_TEST

/* As after a kill: nothing was closed. */
static void
crash(void)
{
	for (unsigned i = 0; i < ncookies; i++)
		fake_cookie_fini(&cookies[i]);
	ncookies = 0;
	if (commit.syncer)
		ewb_task_free(commit.syncer);
	ewb_task_free(commit.writer);
	free(commit.delta);
	dur_state_close(&commit.state);
	place.fresh = false;
}

START_TEST(a_history_goes_on_after_a_crash_when_each_commit_was_synced)
{
	uint64_t uuid;

	begin_with(DUR_SYNC_COMMIT);
	uuid = commit.state.vbuckets[1].uuid;
	set("a", "1");
	write_all();
	crash();
	ck_assert_int_eq(open_again(DUR_SYNC_INTERVAL), EWB_OK);
	ck_assert_uint_eq(commit.state.vbuckets[1].uuid, uuid);
	end();
}
END_TEST

START_TEST(a_history_is_another_one_after_a_loss)
{
	uint64_t uuid;

	begin_with(DUR_SYNC_INTERVAL);
	uuid = commit.state.vbuckets[1].uuid;
	/* a clean end, and it is the same */
	end();
	place.fresh = false;
	ck_assert_int_eq(open_again(DUR_SYNC_INTERVAL), EWB_OK);
	ck_assert_uint_eq(commit.state.vbuckets[1].uuid, uuid);
	/* it was that run which did not sync, not the next one */
	crash();
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_uint_ne(commit.state.vbuckets[1].uuid, uuid);
	ck_assert_ptr_nonnull(strstr(host.notice, "new histories"));
	end();
}
END_TEST

START_TEST(a_copy_has_a_history_of_its_own)
{
	uint64_t uuid;

	begin_with(DUR_SYNC_COMMIT);
	uuid = commit.state.vbuckets[1].uuid;
	end();
	place.fresh = false;
	place.copy = true;
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_uint_ne(commit.state.vbuckets[1].uuid, uuid);
	end();
}
END_TEST

START_TEST(a_history_is_another_one_where_a_damaged_end_was_left_out)
{
	uint64_t uuid, seqno;

	begin_with(DUR_SYNC_COMMIT);
	uuid = commit.state.vbuckets[1].uuid;
	seqno = atomic_load(&commit.state.vbuckets[1].promised);
	place.cut = true;
	end(); /* a clean end: nothing was left out */
	place.fresh = false;
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_uint_eq(commit.state.vbuckets[1].uuid, uuid);
	crash();
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_uint_ne(commit.state.vbuckets[1].uuid, uuid);
	/* a promise may be what was lost */
	ck_assert_uint_gt(atomic_load(&commit.state.vbuckets[1].seqno),
	                  seqno + 1000000);
	end();
}
END_TEST

START_TEST(a_clean_end_keeps_the_number_of_records)
{
	begin_with(DUR_SYNC_COMMIT);
	set("a", "1");
	set("b", "1");
	write_all();
	end();
	ncookies = 0;
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_int_eq(records(), 2);
	end();
}
END_TEST

START_TEST(a_crash_keeps_the_number_of_records_of_a_second_before)
{
	begin_with(DUR_SYNC_COMMIT);
	atomic_fetch_add(&host.clock, 2000000);
	set("a", "1");
	write_all();
	ck_assert(store.stated);
	set("b", "1");
	write_all();
	ck_assert(!store.stated);
	crash();
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_int_eq(records(), 1);
	/* without another write, too */
	set("c", "1");
	write_all();
	ck_assert_uint_gt(commit.writer->sleep_us, 0);
	atomic_fetch_add(&host.clock, commit.writer->sleep_us);
	ewb_task_wake(commit.writer);
	write_all();
	ck_assert(store.stated);
	ck_assert_uint_eq(commit.writer->sleep_us, 0);
	crash();
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_OK);
	ck_assert_int_eq(records(), 2);
	end();
}
END_TEST

static void
refused(const char *text)
{
	ck_assert_int_eq(open_again(DUR_SYNC_COMMIT), EWB_INVALID);
	ck_assert_ptr_nonnull(strstr(host.error, text));
}

START_TEST(a_state_that_is_not_ours_is_refused_with_the_reason)
{
	begin_with(DUR_SYNC_COMMIT);
	end();
	store.state[7]++; /* its format */
	refused("path=db: its format is 2, of a newer release; this one knows 1");
	store.state[7]--;
	host.vbuckets = 8;
	refused("it has 4 vbuckets, not 8; start with --vbuckets 4");
	host.vbuckets = 4;
	store.nstate--;
	refused("it is damaged");
	store.state[0] = 'x';
	refused("it was not made by ewbd");
}
END_TEST

START_TEST(only_a_set_time_ago_is_synced_and_only_once)
{
	begin_with(DUR_SYNC_INTERVAL);
	set("a", "1");
	write_all();
	ck_assert_uint_eq(store.syncs, 0);
	ck_assert_int_eq(cookies[0].notified, EWB_OK);
	ewb_task_wake(commit.syncer);
	ck_assert(fake_task_step(commit.syncer));
	ck_assert_uint_eq(store.syncs, 1);
	ck_assert_uint_eq(commit.syncer->sleep_us, 1000);
	ewb_task_wake(commit.syncer);
	ck_assert(fake_task_step(commit.syncer));
	ck_assert_uint_eq(store.syncs, 1);
	end();
}
END_TEST

START_TEST(the_ways_to_sync_have_names)
{
	enum dur_sync mode;
	uint64_t us;

	ck_assert_int_eq(dur_sync_parse("commit", &mode, &us), 0);
	ck_assert_int_eq(mode, DUR_SYNC_COMMIT);
	ck_assert_int_eq(dur_sync_parse("none", &mode, &us), 0);
	ck_assert_int_eq(mode, DUR_SYNC_NONE);
	ck_assert_int_eq(dur_sync_parse("interval:20", &mode, &us), 0);
	ck_assert_int_eq(mode, DUR_SYNC_INTERVAL);
	ck_assert_uint_eq(us, 20000);
	ck_assert_int_eq(dur_sync_parse("interval:0", &mode, &us), -1);
	ck_assert_int_eq(dur_sync_parse("interval", &mode, &us), -1);
	ck_assert_int_eq(dur_sync_parse("", &mode, &us), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine_commit");
	TCase *t = tcase_create("commit"), *e = tcase_create("ends");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, all_that_wait_are_one_batch_and_one_sync);
	tcase_add_test(
		t, nobody_is_answered_before_the_engine_knows_that_it_is_written);
	tcase_add_test(t, a_failed_sync_is_followed_by_no_acknowledgement);
	tcase_add_test(t, the_operator_is_told_once);
	tcase_add_test(t, when_nothing_can_be_written_each_is_told_so);
	tcase_add_test(t, one_that_has_no_room_fails_alone);
	tcase_add_test(t, a_commit_that_has_no_room_is_tried_one_by_one);
	tcase_add_test(t, a_stall_gives_all_back_and_tries_later);
	tcase_add_test(t, what_came_during_a_stall_is_behind_what_it_gives_back);
	tcase_add_test(t, who_is_cancelled_in_a_stall_is_answered_and_not_written);
	tcase_add_test(t, what_nobody_wants_any_more_is_not_begun);
	tcase_add_test(t, who_waits_behind_a_cancelled_one_is_not_left_waiting);
	tcase_add_test(t, a_write_that_was_none_is_no_sign_of_health);
	tcase_add_test(t, what_is_ill_is_healed_also_when_nobody_writes);
	tcase_add_test(t, a_sync_that_fails_is_told_once_and_has_the_library_healed);
	tcase_add_test(t, of_two_scans_at_once_one_puts_the_number_right);
	tcase_add_test(t, each_sees_those_before_it_in_its_batch);
	tcase_add_test(t, what_has_expired_is_not_there);
	tcase_add_test(t, a_plain_set_asks_no_disk);
	tcase_add_test(
		t, of_sets_that_only_the_disk_knows_some_are_counted_for_all);
	tcase_add_test(t, a_flush_is_a_batch_of_its_own_in_its_place);
	tcase_add_test(t, only_a_set_time_ago_is_synced_and_only_once);
	tcase_add_test(t, the_ways_to_sync_have_names);
	suite_add_tcase(s, t);
	tcase_set_timeout(e, UNIT_SECONDS);
	tcase_add_test(e, no_seqno_is_given_twice_whatever_was_lost);
	tcase_add_test(e, what_was_promised_in_a_failed_commit_is_promised_again);
	tcase_add_test(
		e, a_history_goes_on_after_a_crash_when_each_commit_was_synced);
	tcase_add_test(e, a_history_is_another_one_after_a_loss);
	tcase_add_test(e, a_copy_has_a_history_of_its_own);
	tcase_add_test(e, a_seqno_is_told_of_when_it_is_committed);
	tcase_add_test(e, a_uuid_is_what_clients_can_take);
	tcase_add_test(
		e, a_history_is_another_one_where_a_damaged_end_was_left_out);
	tcase_add_test(e, a_clean_end_keeps_the_number_of_records);
	tcase_add_test(e, a_crash_keeps_the_number_of_records_of_a_second_before);
	tcase_add_test(e, a_state_that_is_not_ours_is_refused_with_the_reason);
	suite_add_tcase(s, e);
	return unit_run(s);
}
