/* SPDX-License-Identifier: BSD-2-Clause */
/* What a cursor is to do. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/scans.h"
#include "kit/watch.h"
#include "lib/check.h"
#include "protocol/binary.h"

#define KEYS 160

/* What there is: all in one vbucket, in order. */
static struct {
	struct key key;
	size_t nvalue;
	uint32_t flags;
} data[KEYS];
static size_t ndata;
static uint16_t vbucket;

static int
by_key(const void *a, const void *b)
{
	return scan_compare(a, b);
}

static void
value_of(size_t i, uint8_t *to)
{
	kit_fill(to, data[i].nvalue, i + 1);
}

static void
put(size_t i)
{
	uint8_t value[4000];
	struct ask a;

	value_of(i, value);
	a = ask_store(ASK_SET, &data[i].key, value, data[i].nvalue);
	ewb_put32(a.extras, data[i].flags);
	must_status(say(&a).status, EWB_OK, "a store");
}

/* Keys that are easy to put in a wrong order. */
static struct key
odd_key(unsigned i)
{
	static const char *const tails[] = { "",     "\x01", "\x7f",
		                             "\x80", "\xff", "a",
		                             "aa",   "B",    "b" };
	struct key k =
		key_of("%s%u%s", i % 3 ? "s" : "", i * 7 % 100, tails[i % 9]);

	if (i % 11 == 0)
		k.at[k.n++] = '\0';
	if (i % 13 == 0)
		k.at[k.n++] = 0xff;
	return k;
}

static void
begin(const struct stage_how *how, size_t nvalue)
{
	stage_open(how);
	if (stage.engine->scan_open == NULL)
		kit_skip("the engine has no cursors");
	say_need_store();
	vbucket = 1;
	ndata = 0;
	for (unsigned i = 0; i < 4000 && ndata < KEYS; i++) {
		struct key k = odd_key(i);

		if (i % 50 == 49)
			k = key_of("%u.%u", i, i);
		if (scan_vbucket(&k) != vbucket || k.n > say_max_key())
			continue;
		for (size_t j = 0; j < ndata; j++)
			if (scan_compare(&data[j].key, &k) == 0)
				k.n = 0;
		if (k.n)
			data[ndata++].key = k;
	}
	qsort(data, ndata, sizeof *data, by_key);
	for (size_t i = 0; i < ndata; i++) {
		data[i].nvalue = nvalue ? nvalue : i % 5 * 37;
		if (data[i].nvalue > say_max_value())
			data[i].nvalue = say_max_value();
		data[i].flags = say_can(EWB_CAN_FLAGS) ? (uint32_t)i : 0;
	}
	/* not in their order */
	for (size_t i = 0; i < ndata; i++)
		put(i * 37 % ndata);
}

static const struct scan_want *
all(void)
{
	static struct scan_want w;

	w = (struct scan_want){ .vbucket = vbucket, .ours = true };
	return &w;
}

/* The haul is data[from..to). */
static void
must_be(const struct haul *h, size_t from, size_t to, const char *what)
{
	char got[80], want[80];
	size_t n = to - from;

	for (size_t i = 0; i < n && i < h->n; i++)
		KIT_NEED(scan_compare(&h->at[i].key, &data[from + i].key) == 0,
		         "%s: record %zu should be %s, and is %s", what, i,
		         kit_spell(want, sizeof want, data[from + i].key.at,
		                   data[from + i].key.n),
		         kit_spell(got, sizeof got, h->at[i].key.at,
		                   h->at[i].key.n));
	KIT_NEED(h->n == n, "%s: %zu records should be there, and %zu are",
	         what, n, h->n);
}

/* The other way round. */
static void
must_be_reversed(struct haul *h, size_t from, size_t to, const char *what)
{
	struct record r;

	for (size_t i = 0; i < h->n / 2; i++) {
		r = h->at[i];
		h->at[i] = h->at[h->n - 1 - i];
		h->at[h->n - 1 - i] = r;
	}
	must_be(h, from, to, what);
}

static void
must_not(enum kit_breach b)
{
	const char *said = kit_watch_said(b);

	KIT_NEED(said == NULL, "%s", said);
}

void
check_scan_order(void)
{
	struct haul h = { 0 };

	begin(&stage_plain, 0);
	must_status(scan_all(all(), 0, &h, "a scan"), EWB_OK, "a create");
	must_not(KIT_BREACH_ORDER);
	must_be(&h, 0, ndata, "a scan");
	stage_close();
}

void
check_scan_records(void)
{
	struct haul h = { 0 };
	uint8_t value[4000];
	struct answer a;
	char key[80];

	begin(&stage_plain, 0);
	must_status(scan_all(all(), 0, &h, "a scan"), EWB_OK, "a create");
	for (size_t i = 0; i < h.n && i < ndata; i++) {
		const struct record *r = &h.at[i];

		kit_spell(key, sizeof key, r->key.at, r->key.n);
		value_of(i, value);
		KIT_NEED(r->nvalue == data[i].nvalue &&
		                 memcmp(r->value, value, r->nvalue) == 0,
		         "a scan brings %s with another value than was stored",
		         key);
		must_status(say_get(&r->key, &a), EWB_OK, "a get");
		KIT_NEED(r->flags == a.flags,
		         "a scan brings %s with flags 0x%x, and get says 0x%x",
		         key, r->flags, a.flags);
		KIT_NEED(!say_can(EWB_CAN_CAS) || r->cas == a.cas,
		         "a scan brings %s with cas %llu, and get says %llu",
		         key, (unsigned long long)r->cas,
		         (unsigned long long)a.cas);
	}
	stage_close();
}

static void
one_range(size_t from, size_t to, bool start_excluded, bool end_excluded,
          bool descending)
{
	struct scan_want w = { .vbucket = vbucket,
		               .start = &data[from].key,
		               .end = &data[to].key,
		               .start_excluded = start_excluded,
		               .end_excluded = end_excluded,
		               .descending = descending };
	struct haul h = { 0 };
	unsigned status = scan_all(&w, 0, &h, "a scan of a range");

	from += start_excluded;
	to += !end_excluded;
	must_not(KIT_BREACH_UNASKED);
	must_status(status, from < to ? EWB_OK : EWB_NOT_FOUND,
	            "a create of a range");
	if (from < to && descending)
		must_be_reversed(&h, from, to, "a descending scan of a range");
	else if (from < to)
		must_be(&h, from, to, "a scan of a range");
}

void
check_scan_bounds(void)
{
	struct key low = key_prefix(), high = key_prefix();
	struct scan_want w = { .vbucket = vbucket,
		               .start = &low,
		               .end = &high };
	struct haul h = { 0 };

	begin(&stage_plain, 0);
	for (unsigned i = 0; i < 4; i++) {
		one_range(3, ndata - 3, i & 1, i & 2, false);
		one_range(5, 6, i & 1, i & 2, false);
		one_range(0, ndata - 1, i & 1, i & 2, false);
	}
	one_range(7, 7, false, false, false);
	/* bounds that are no keys; nothing between them */
	low.at[low.n++] = '~';
	high.at[high.n++] = '~';
	high.at[high.n++] = '~';
	w.vbucket = vbucket;
	must_status(scan_all(&w, 0, &h, "a scan"), EWB_NOT_FOUND,
	            "a create of a range in which there is nothing");
	must_not(KIT_BREACH_UNASKED);
	stage_close();
}

void
check_scan_descending(void)
{
	static const uint32_t items[] = { 0, 1, 7 };
	struct scan_want w;
	struct haul h = { 0 };

	begin(&stage_plain, 0);
	say_need(EWB_CAN_DESCEND, "EWB_CAN_DESCEND");
	w = *all();
	w.descending = true;
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		must_status(scan_all(&w, items[i], &h, "a descending scan"),
		            EWB_OK, "a create");
		must_not(KIT_BREACH_UNASKED);
		must_not(KIT_BREACH_ORDER);
		must_not(KIT_BREACH_REFUSED);
		must_be_reversed(&h, 0, ndata, "a descending scan");
	}
	for (unsigned i = 0; i < 4; i++) {
		one_range(3, ndata - 3, i & 1, i & 2, true);
		one_range(5, 6, i & 1, i & 2, true);
		one_range(0, ndata - 1, i & 1, i & 2, true);
	}
	one_range(7, 7, false, false, true);
	stage_close();
}

#define PORTION 5 /* records of one continue */

/* Between two continues; what is written is new, changed or gone. */
static void
write_beside(size_t i, bool gone)
{
	struct key k = data[i].key;

	if (gone) {
		must_status(say_remove(&k), EWB_OK, "a remove beside a scan");
		return;
	}
	must_status(say_text(&k, "changed"), EWB_OK, "a store beside a scan");
	k.at[k.n++] = '!'; /* perhaps in another vbucket */
	if (k.n <= say_max_key())
		must_status(say_text(&k, "new"), EWB_OK, "a store");
}

/* Behind record "after", in the old scan, though its client has gone. */
static void
go_on_after(uint8_t id[SCAN_ID], size_t after, bool descending, struct haul *h)
{
	struct client *c = client_new();
	struct scan_want w = *all();
	struct answer a;
	struct ask q;

	w.resumable = true;
	w.descending = descending;
	w.resume = id;
	w.after = &data[after].key;
	q = scan_ask_create(&w);
	client_ask(c, &q);
	client_hear(c, &a, "a create that resumes");
	must_status(a.status, EWB_OK, "a create that resumes");
	KIT_NEED(a.nextras == 4 && ewb_be32(a.extras) == 1,
	         "a scan is not gone on with, but begun anew: scan_seek did not "
	         "say EWB_OK");
	q = scan_ask_continue(id, PORTION, 0);
	scan_empty(h);
	do {
		client_ask(c, &q);
		scan_hear(c, h, "a scan that was resumed");
	} while (h->status == EWB_SCAN_MORE && h->n < 3 * PORTION);
	client_drop(c);
	stage_settle("a scan whose client went");
}

static void
cancel(const uint8_t id[SCAN_ID])
{
	struct client *c = client_new();
	struct ask q = { .opcode = ASK_CANCEL, .nextras = SCAN_ID };
	struct answer a;

	memcpy(q.extras, id, SCAN_ID);
	client_ask(c, &q);
	client_hear(c, &a, "a cancel");
	must_status(a.status, EWB_OK, "a cancel");
	client_drop(c);
}

void
check_scan_seek(void)
{
	struct scan_want w;
	struct haul h = { 0 };
	uint8_t id[SCAN_ID];
	struct client *c;
	bool back;

	begin(&stage_plain, 0);
	if (stage.engine->scan_seek == NULL)
		kit_skip("the engine's cursors cannot seek");
	back = say_can(EWB_CAN_DESCEND);
	w = *all();
	w.resumable = true;
	c = client_new();
	must_status(scan_create(c, &w, id), EWB_OK, "a create");
	client_drop(c);
	stage_settle("a scan whose client went");
	for (size_t at = 40; at < ndata - 40; at += 7) {
		if (say_can(EWB_CAN_SNAPSHOT))
			write_beside(at, at % 2);
		go_on_after(id, at, false, &h);
		must_not(KIT_BREACH_ORDER);
		must_not(KIT_BREACH_UNASKED);
		must_be(&h, at + 1, at + 1 + 3 * PORTION, "a resumed scan");
		if (!back)
			continue;
		go_on_after(id, at, true, &h);
		must_not(KIT_BREACH_ORDER);
		must_be_reversed(&h, at - 3 * PORTION, at,
		                 "a resumed descending scan");
	}
	cancel(id);
	stage_close();
}

void
check_scan_keys_only(void)
{
	struct scan_want w;
	struct haul h = { 0 };

	begin(&stage_plain, 0);
	w = *all();
	w.keys_only = true;
	must_status(scan_all(&w, 0, &h, "a scan of keys"), EWB_OK, "a create");
	must_be(&h, 0, ndata, "a scan of keys alone");
	stage_close();
}

void
check_scan_resume(void)
{
	static const uint32_t items[] = { 1, 2, 3, 7, 50 };
	struct haul h = { 0 };
	char what[80];

	begin(&stage_plain, 0);
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		snprintf(what, sizeof what, "a scan by %u records at a time",
		         items[i]);
		must_status(scan_all(all(), items[i], &h, what), EWB_OK, what);
		must_not(KIT_BREACH_REFUSED);
		must_be(&h, 0, ndata, what);
	}
	stage_close();
}

void
check_scan_ends(void)
{
	struct haul h = { 0 };

	/* the statuses that scan_next() may say, and when */
	begin(&stage_plain, 0);
	for (uint32_t items = 0; items < 4; items++) {
		(void)scan_all(all(), items, &h, "a scan");
		KIT_NEED(stage_mistake() == NULL, "%s", stage_mistake());
	}
	stage_close();
}

void
check_scan_count(void)
{
	struct haul h = { 0 };

	begin(&stage_plain, 0);
	(void)scan_all(all(), 0, &h, "a scan");
	KIT_NEED(
		atomic_load(&kit_seen.count) >= ndata,
		"scan_open() says that the vbucket holds %llu records, and %zu "
		"were stored in it",
		(unsigned long long)atomic_load(&kit_seen.count), ndata);
	stage_close();
}

void
check_scan_expired(void)
{
	struct haul h = { 0 };
	struct key k;
	struct ask a;

	begin(&stage_plain, 0);
	say_need(EWB_CAN_EXPIRE, "EWB_CAN_EXPIRE");
	k = data[ndata / 2].key;
	a = ask_store(ASK_SET, &k, "v", 1);
	ewb_put32(a.extras + 4, 100);
	must_status(say(&a).status, EWB_OK, "a store that expires");
	stage_pass(200 * 1000);
	must_status(scan_all(all(), 0, &h, "a scan"), EWB_OK, "a create");
	for (size_t i = 0; i < h.n; i++)
		KIT_NEED(scan_compare(&h.at[i].key, &k) != 0,
		         "a scan brings a record that had expired before it "
		         "began");
	stage_close();
}

/* Those that a scan's neighbours write. */
static bool
is_written(size_t i)
{
	return i % 2 == 0;
}

/* One where the cursor has been, one where it will come. */
static void
write_two(unsigned round)
{
	size_t behind = 2 * (size_t)round;
	size_t ahead = ((ndata - 1) & ~(size_t)1) - 2 * (size_t)round;

	if (behind < PORTION * (size_t)round)
		write_beside(behind, round % 2 == 0);
	if (ahead > PORTION * ((size_t)round + 1) && ahead < ndata)
		write_beside(ahead, round % 2 == 0);
}

static void
scan_beside_writes(struct haul *h)
{
	struct client *c = client_new();
	unsigned round = 0;
	uint8_t id[SCAN_ID];
	struct ask a;

	must_status(scan_create(c, all(), id), EWB_OK, "a create");
	a = scan_ask_continue(id, PORTION, 0);
	do {
		write_two(round++);
		client_ask(c, &a);
		scan_hear(c, h, "a scan beside writes");
	} while (h->status == EWB_SCAN_MORE);
	must_status(h->status, EWB_SCAN_COMPLETE, "a scan beside writes");
}

void
check_scan_snapshot(void)
{
	struct haul h = { 0 };
	uint8_t value[4000];
	char key[80];

	begin(&stage_plain, 0);
	say_need(EWB_CAN_SNAPSHOT, "EWB_CAN_SNAPSHOT");
	scan_beside_writes(&h);
	must_be(&h, 0, ndata, "a scan beside writes, of a snapshot");
	for (size_t i = 0; i < ndata; i++) {
		value_of(i, value);
		KIT_NEED(h.at[i].nvalue == data[i].nvalue &&
		                 memcmp(h.at[i].value, value, data[i].nvalue) ==
		                         0,
		         "a scan of a snapshot brings %s with a value that was "
		         "stored after it had begun",
		         kit_spell(key, sizeof key, h.at[i].key.at,
		                   h.at[i].key.n));
	}
	stage_close();
}

static bool
brought(const struct haul *h, const struct key *k)
{
	for (size_t i = 0; i < h->n; i++)
		if (scan_compare(&h->at[i].key, k) == 0)
			return true;
	return false;
}

void
check_scan_under_writes(void)
{
	struct haul h = { 0 };
	char key[80];

	begin(&stage_plain, 0);
	scan_beside_writes(&h);
	must_not(KIT_BREACH_ORDER);
	for (size_t i = 0; i < ndata; i++) {
		if (is_written(i))
			continue;
		KIT_NEED(brought(&h, &data[i].key),
		         "a scan beside writes left out %s, which nobody wrote",
		         kit_spell(key, sizeof key, data[i].key.at,
		                   data[i].key.n));
	}
	stage_close();
}

/* A reader that takes nothing for a while, of a stream with low marks. */
void
check_scan_slow_reader(void)
{
	struct stage_how how = { .high = 16384, .low = 4096 };
	struct client *c;
	struct haul h = { 0 };
	uint8_t id[SCAN_ID];
	struct ask a;

	begin(&how, 2000);
	c = client_new();
	client_small(c);
	must_status(scan_create(c, all(), id), EWB_OK, "a create");
	a = scan_ask_continue(id, 0, 0);
	client_ask(c, &a);
	stage_idle();
	must_status(say_text(&data[0].key, "v"), EWB_OK,
	            "a store beside a reader that has stopped");
	put(0);
	scan_hear(c, &h, "a scan whose reader was slow");
	must_status(h.status, EWB_SCAN_COMPLETE,
	            "a scan whose reader was slow");
	must_be(&h, 0, ndata, "a scan whose reader was slow");
	stage_close();
}

void
check_scan_cursors(void)
{
	struct stage_how how = { .high = 16384, .low = 4096 };
	uint64_t opened, closed;

	begin(&how, 2000);
	for (unsigned k = 0; k < 30; k++) {
		struct client *c = client_new();
		uint8_t id[SCAN_ID];
		struct ask a;

		kit_at("a scan whose client went after %u steps", k);
		client_small(c);
		if (scan_create(c, all(), id) == EWB_OK) {
			a = scan_ask_continue(id, k % 3, 0);
			client_ask(c, &a);
		}
		for (unsigned i = 0; i < k; i++)
			(void)stage_step();
		client_drop(c);
		stage_settle("a scan whose client went");
	}
	stage_close();
	opened = atomic_load(&kit_seen.opened);
	closed = atomic_load(&kit_seen.closed);
	KIT_NEED(opened == closed, "%llu cursors were opened, %llu closed",
	         (unsigned long long)opened, (unsigned long long)closed);
}
