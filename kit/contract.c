/* SPDX-License-Identifier: BSD-2-Clause */
/* What get, store, remove, flush and stats are to do. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/instance.h"
#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/say.h"
#include "kit/scans.h"
#include "kit/watch.h"
#include "lib/check.h"
#include "protocol/binary.h"

static void
begin(void)
{
	stage_open(&stage_plain);
	say_need_store();
}

void
check_contract_store_and_get(void)
{
	struct key k = key_of("k"), other = key_of("kk");

	begin();
	must_lack(&k, "a get of a key that was never stored");
	must_status(say_text(&k, "first"), EWB_OK, "a store of a new key");
	must_hold_text(&k, "first", "after a store");
	must_status(say_text(&k, "second, and longer"), EWB_OK,
	            "a store over a key that is there");
	must_hold_text(&k, "second, and longer", "after the second store");
	must_status(say_text(&k, "3"), EWB_OK, "a store of a shorter value");
	must_hold_text(&k, "3", "after a store of a shorter value");
	must_lack(&other, "a get of a key that another one begins");
	must_status(say_text(&other, "other"), EWB_OK, "a store beside it");
	must_hold_text(&k, "3", "after a store of another key");
	must_hold_text(&other, "other", "the other key");
	stage_close();
}

void
check_contract_remove(void)
{
	struct key k = key_of("k"), other = key_of("l");

	begin();
	must_status(say_remove(&k), EWB_NOT_FOUND,
	            "a remove of a key that is not there");
	must_status(say_text(&k, "v"), EWB_OK, "a store");
	must_status(say_text(&other, "w"), EWB_OK, "a store");
	must_status(say_remove(&k), EWB_OK, "a remove of a key that is there");
	must_lack(&k, "a get after the remove");
	must_status(say_remove(&k), EWB_NOT_FOUND, "a second remove");
	must_hold_text(&other, "w", "another key after a remove");
	must_status(say_text(&k, "again"), EWB_OK, "a store after a remove");
	must_hold_text(&k, "again", "a key that was removed and stored anew");
	stage_close();
}

void
check_contract_expect_absent(void)
{
	struct key k = key_of("k");
	struct ask add = ask_store(ASK_ADD, &k, "first", 5);
	struct ask again = ask_store(ASK_ADD, &k, "other", 5);

	begin();
	must_status(say(&add).status, EWB_OK,
	            "a store that expects a new key to be absent");
	must_hold_text(&k, "first", "after it");
	must_status(say(&again).status, EWB_EXISTS,
	            "a store that expects a key to be absent which is there");
	must_hold_text(&k, "first", "after a store that was refused");
	must_status(say_remove(&k), EWB_OK, "a remove");
	must_status(say(&again).status, EWB_OK,
	            "a store that expects a removed key to be absent");
	stage_close();
}

void
check_contract_expect_present(void)
{
	struct key k = key_of("k");
	struct ask replace = ask_store(ASK_REPLACE, &k, "second", 6);

	begin();
	must_status(say(&replace).status, EWB_NOT_FOUND,
	            "a store that expects a key to be present which is not "
	            "there");
	must_lack(&k, "a get after a store that was refused");
	must_status(say_text(&k, "first"), EWB_OK, "a store");
	must_status(say(&replace).status, EWB_OK,
	            "a store that expects a key to be present which is there");
	must_hold_text(&k, "second", "after it");
	stage_close();
}

static uint64_t
cas_of(const struct key *k)
{
	struct answer a;

	must_status(say_get(k, &a), EWB_OK, "a get");
	KIT_NEED(a.cas != 0, "a get says cas 0, which is none");
	return a.cas;
}

static unsigned
store_with_cas(const struct key *k, const char *text, uint64_t cas)
{
	struct ask a = ask_store(ASK_SET, k, text, strlen(text));

	a.cas = cas;
	return say(&a).status;
}

static unsigned
remove_with_cas(const struct key *k, uint64_t cas)
{
	struct ask a = ask_remove(k);

	a.cas = cas;
	return say(&a).status;
}

void
check_contract_expect_cas(void)
{
	struct key k = key_of("k");
	uint64_t cas;

	begin();
	say_need(EWB_CAN_CAS, "EWB_CAN_CAS");
	must_status(store_with_cas(&k, "x", 1234567), EWB_NOT_FOUND,
	            "a store with a cas of a key that is not there");
	must_lack(&k, "a get after a store that was refused");
	must_status(say_text(&k, "first"), EWB_OK, "a store");
	cas = cas_of(&k);
	must_status(store_with_cas(&k, "wrong", cas + 1), EWB_EXISTS,
	            "a store with another cas than the item's");
	must_hold_text(&k, "first", "after a store that was refused");
	must_status(store_with_cas(&k, "second", cas), EWB_OK,
	            "a store with the item's cas");
	must_hold_text(&k, "second", "after it");
	must_status(store_with_cas(&k, "third", cas), EWB_EXISTS,
	            "a second store with the same cas");
	must_status(remove_with_cas(&k, cas), EWB_EXISTS,
	            "a remove with a cas that the item had before");
	must_hold_text(&k, "second", "after a remove that was refused");
	must_status(remove_with_cas(&k, cas_of(&k)), EWB_OK,
	            "a remove with the item's cas");
	must_lack(&k, "a get after it");
	stage_close();
}

static uint64_t
store_for_cas(const struct key *k, const char *text)
{
	struct ask q = ask_store(ASK_SET, k, text, strlen(text));
	struct answer a = say(&q);
	uint64_t cas;

	must_status(a.status, EWB_OK, "a store");
	cas = cas_of(k);
	KIT_NEED(a.cas == 0 || a.cas == cas,
	         "a store answers the cas %llu, and the get after it %llu",
	         (unsigned long long)a.cas, (unsigned long long)cas);
	return cas;
}

void
check_contract_cas_changes(void)
{
	struct key k = key_of("k");
	uint64_t seen[8];

	begin();
	say_need(EWB_CAN_CAS, "EWB_CAN_CAS");
	for (unsigned i = 0; i < 8; i++) {
		/* the same value, and over a removed key, too */
		if (i == 4)
			must_status(say_remove(&k), EWB_OK, "a remove");
		seen[i] = store_for_cas(&k, "same");
		for (unsigned j = 0; j < i; j++)
			KIT_NEED(seen[i] != seen[j],
			         "store %u of one key gives it the cas %llu, "
			         "which it had after store %u",
			         i + 1, (unsigned long long)seen[i], j + 1);
	}
	KIT_NEED(cas_of(&k) == seen[7], "a get changes the cas");
	stage_close();
}

void
check_contract_flags(void)
{
	static const uint32_t flags[] = { 1, 0xffffffffu, 0x80000000u,
		                          0xdeadbeefu, 0 };
	struct key k = key_of("k");
	struct ask q = ask_store(ASK_SET, &k, "v", 1);
	struct answer a;

	begin();
	say_need(EWB_CAN_FLAGS, "EWB_CAN_FLAGS");
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		ewb_put32(q.extras, flags[i]);
		must_status(say(&q).status, EWB_OK, "a store with flags");
		must_status(say_get(&k, &a), EWB_OK, "a get");
		KIT_NEED(a.flags == flags[i],
		         "flags 0x%08x were stored, and 0x%08x are answered",
		         flags[i], a.flags);
	}
	stage_close();
}

/* The upper three bits are libewb's own: these pass. */
#define ALL_OF_DATATYPE 0x1f

void
check_contract_datatype(void)
{
	struct key k = key_of("k");
	struct ask q = ask_store(ASK_SET, &k, "v", 1);
	struct answer a;

	begin();
	say_need(EWB_CAN_DATATYPE, "EWB_CAN_DATATYPE");
	for (unsigned i = 1; i <= ALL_OF_DATATYPE; i = i * 2 + 1) {
		q.datatype = (uint8_t)i;
		must_status(say(&q).status, EWB_OK, "a store with a datatype");
		must_status(say_get(&k, &a), EWB_OK, "a get");
		KIT_NEED(a.datatype == i,
		         "a datatype 0x%02x was stored, and 0x%02x is answered",
		         i, a.datatype);
	}
	stage_close();
}

static struct ask
expiring(const struct key *k, uint32_t expiry)
{
	struct ask a = ask_store(ASK_SET, k, "v", 1);

	ewb_put32(a.extras + 4, expiry);
	return a;
}

void
check_contract_expiry(void)
{
	struct key k = key_of("k"), stays = key_of("stays");
	struct ask a = expiring(&k, 1000), past;
	struct ask add = ask_store(ASK_ADD, &k, "anew", 4);

	begin();
	say_need(EWB_CAN_EXPIRE, "EWB_CAN_EXPIRE");
	must_status(say_text(&stays, "s"), EWB_OK, "a store without expiry");
	must_status(say(&a).status, EWB_OK, "a store that expires in 1000 s");
	must_hold_text(&k, "v",
	               "1000 s before the expiry (is the time "
	               "ewb_host_time()'s?)");
	stage_pass(990 * 1000);
	must_hold_text(&k, "v", "10 s before the expiry");
	stage_pass(20 * 1000);
	must_lack(&k, "a get 10 s after the expiry");
	must_status(say_remove(&k), EWB_NOT_FOUND,
	            "a remove 10 s after the expiry");
	must_status(say(&a).status, EWB_OK, "a store that expires");
	stage_pass(1010 * 1000);
	must_status(say(&add).status, EWB_OK,
	            "a store that expects an expired key to be absent");
	must_hold_text(&k, "anew", "a key that expired and was stored anew");
	past = expiring(&k, 1); /* 1970 is over */
	past.extras[4] = 0x10;
	must_status(say(&past).status, EWB_OK,
	            "a store whose expiry has passed");
	must_lack(&k, "a get of what had expired when it was stored");
	must_hold_text(&stays, "s", "what never expires");
	stage_close();
}

void
check_contract_undeclared(void)
{
	struct key k = key_of("k");
	struct answer a;

	begin();
	must_status(say_text(&k, "v"), EWB_OK, "a store");
	must_status(say_get(&k, &a), EWB_OK, "a get");
	KIT_NEED(say_can(EWB_CAN_CAS) || a.cas == 0,
	         "a get answers the cas %llu, and can lacks EWB_CAN_CAS: no "
	         "client could use it",
	         (unsigned long long)a.cas);
	KIT_NEED(say_can(EWB_CAN_FLAGS) || a.flags == 0,
	         "a get answers flags 0x%x, and can lacks EWB_CAN_FLAGS",
	         a.flags);
	stage_close();
}

/* Keys. */

static struct key
with_tail(const char *tail, size_t n)
{
	struct key k = key_prefix();

	memcpy(k.at + k.n, tail, n);
	k.n += n;
	return k;
}

static struct key
longest(uint8_t last)
{
	struct key k = key_prefix();

	memset(k.at + k.n, 0xff, sizeof k.at - k.n);
	k.n = say_max_key();
	k.at[k.n - 1] = last;
	return k;
}

static void
key_name(const struct key *k, char *name, size_t cap)
{
	char text[100];

	snprintf(name, cap, "the key %s (%zu bytes)",
	         kit_spell(text, sizeof text, k->at, k->n), k->n);
}

void
check_contract_binary_keys(void)
{
	struct key keys[] = {
		with_tail("\0", 1),
		with_tail("\0\0", 2),
		with_tail("", 0),
		with_tail("\xff", 1),
		with_tail("\xff\xff", 2),
		with_tail("a", 1),
		with_tail("a\0", 2),
		with_tail("a\0b", 3),
		with_tail("A", 1),
		with_tail("/../..", 6),
		with_tail("%s%n\\x00", 8),
		with_tail(" \r\n\t", 4),
		with_tail("\xc3\xa4", 2),
		with_tail("\xc3", 1),
		{ .n = 0 },
		{ .n = 0 },
	};
	size_t n = sizeof keys / sizeof *keys;
	char name[160];

	begin();
	keys[n - 2] = longest(0xff);
	keys[n - 1] = longest(0xfe);
	for (size_t i = 0; i < n; i++) {
		key_name(&keys[i], name, sizeof name);
		must_status(say_set(&keys[i], &i, sizeof i), EWB_OK, name);
	}
	for (size_t i = 0; i < n; i++) {
		key_name(&keys[i], name, sizeof name);
		must_hold(&keys[i], &i, sizeof i, name);
	}
	for (size_t i = 0; i < n; i += 2)
		must_status(say_remove(&keys[i]), EWB_OK, "a remove");
	for (size_t i = 1; i < n; i += 2) {
		key_name(&keys[i], name, sizeof name);
		must_hold(&keys[i], &i, sizeof i, name);
	}
	stage_close();
}

/* Values. */

void
check_contract_empty_value(void)
{
	struct key k = key_of("k");

	begin();
	must_status(say_set(&k, "", 0), EWB_OK, "a store of an empty value");
	must_hold(&k, "", 0, "an empty value");
	must_status(say_text(&k, "not empty"), EWB_OK, "a store over it");
	must_hold_text(&k, "not empty", "a value over an empty one");
	must_status(say_set(&k, "", 0), EWB_OK, "an empty value over another");
	must_hold(&k, "", 0, "an empty value over another");
	must_status(say_remove(&k), EWB_OK, "a remove of an empty value");
	must_lack(&k, "a get after it");
	stage_close();
}

static void
one_size(const struct key *k, size_t n)
{
	uint8_t *value = malloc(n + 1);
	char what[80];

	EWB_MUST(value);
	kit_fill(value, n, n);
	snprintf(what, sizeof what, "a value of %zu bytes", n);
	kit_at("%s", what);
	must_status(say_set(k, value, n), EWB_OK, what);
	must_hold(k, value, n, what);
	free(value);
}

void
check_contract_large_values(void)
{
	static const size_t sizes[] = { 1,     511,   512,   4095,  4096, 16383,
		                        16384, 16385, 65535, 65536, 65537 };
	struct key k = key_of("k");

	begin();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (sizes[i] <= say_max_value())
			one_size(&k, sizes[i]);
	one_size(&k, say_max_value());
	one_size(&k, say_max_value() - 1);
	one_size(&k, 1);
	stage_close();
}

#define COPIES 5

/* Goes over all the memory that a request can have been in. */
static void
stir(void)
{
	static uint8_t noise[20000];
	struct key k = key_of("noise");
	size_t n =
		say_max_value() < sizeof noise ? say_max_value() : sizeof noise;

	memset(noise, 0xee, sizeof noise);
	for (unsigned i = 0; i < 20; i++) {
		must_status(say_set(&k, noise, i % 2 ? n : n / 8), EWB_OK,
		            "a store");
		must_status(say_remove(&k), EWB_OK, "a remove");
	}
}

void
check_contract_own_copy(void)
{
	static const size_t sizes[COPIES] = { 5, 100, 3000, 16000, 17000 };
	static uint8_t values[COPIES][17000];
	struct key k[COPIES];
	char what[100];

	begin();
	for (unsigned i = 0; i < COPIES; i++) {
		k[i] = key_of("copy%u", i);
		kit_fill(values[i], sizes[i], i + 1);
		if (sizes[i] <= say_max_value())
			must_status(say_set(&k[i], values[i], sizes[i]), EWB_OK,
			            "a store");
	}
	stir();
	for (unsigned i = 0; i < COPIES; i++) {
		if (sizes[i] > say_max_value())
			continue;
		snprintf(what, sizeof what,
		         "a value of %zu bytes, when its store was over for "
		         "long",
		         sizes[i]);
		must_hold(&k[i], values[i], sizes[i], what);
	}
	stage_close();
}

/* Tokens. */

/* By vbucket: the last one. */
static uint64_t last_seqno[STAGE_VBUCKETS];

static struct ewb_vbucket
told_of(uint16_t vbucket)
{
	struct ewb_vbucket v;
	enum ewb_status status;

	kit_memory_inside(1);
	status = ewb_instance_vbucket(stage.instance, vbucket, &v);
	kit_memory_inside(-1);
	must_status(status, EWB_OK, "vbucket()");
	KIT_NEED(v.uuid && v.uuid <= INT64_MAX,
	         "vbucket() says the uuid 0x%llx, which is 0, or not below 2^63",
	         (unsigned long long)v.uuid);
	return v;
}

static void
must_token(const struct key *k, const struct ask *q, const char *what)
{
	uint16_t vbucket = scan_vbucket(k);
	uint64_t uuid = told_of(vbucket).uuid, seqno, *last;
	unsigned long long before = atomic_load(&kit_seen.tokens);
	struct ewb_vbucket now;

	must_status(say(q).status, EWB_OK, what);
	last = &last_seqno[vbucket];
	seqno = atomic_load(&kit_seen.seqno);
	now = told_of(vbucket);
	KIT_NEED(atomic_load(&kit_seen.tokens) > before,
	         "%s was answered without ewb_reply_token()", what);
	KIT_NEED(atomic_load(&kit_seen.uuid) == uuid && now.uuid == uuid,
	         "%s: the uuid of its token is not that of its vbucket", what);
	KIT_NEED(seqno > *last,
	         "%s: its seqno is %llu, after one of %llu in the same vbucket",
	         what, (unsigned long long)seqno, (unsigned long long)*last);
	KIT_NEED(now.seqno >= seqno,
	         "%s: its seqno is %llu, and vbucket() says %llu", what,
	         (unsigned long long)seqno, (unsigned long long)now.seqno);
	*last = seqno;
}

static void
must_have_seqno(const struct key *k, uint64_t seqno)
{
	struct answer a;

	must_status(say_get(k, &a), EWB_OK, "a get");
	KIT_NEED(atomic_load(&kit_seen.item_seqno) == seqno,
	         "an item was stored with the seqno %llu, and get says %llu",
	         (unsigned long long)seqno,
	         (unsigned long long)atomic_load(&kit_seen.item_seqno));
}

static void
must_scan_seqno(const struct key *k, uint64_t seqno)
{
	struct scan_want w = { .vbucket = scan_vbucket(k), .start = k, .end = k };
	struct haul h = { 0 };

	if (stage.engine->scan_open == NULL)
		return;
	must_status(scan_all(&w, 0, &h, "a scan"), EWB_OK, "a create");
	KIT_NEED(h.n == 1 && h.at[0].seqno == seqno,
	         "an item was stored with the seqno %llu, and a scan says %llu",
	         (unsigned long long)seqno,
	         (unsigned long long)(h.n ? h.at[0].seqno : 0));
	scan_empty(&h);
}

static void
one_of_each(const struct key *k)
{
	struct ask set = ask_store(ASK_SET, k, "1", 1);
	struct ask replace = ask_store(ASK_REPLACE, k, "2", 1);
	struct ask add = ask_store(ASK_ADD, k, "3", 1);
	struct ask append = ask_store(ASK_APPEND, k, "4", 1);
	struct ask incr = ask_count(ASK_INCR, k, 1);
	struct ask take = ask_remove(k);

	must_token(k, &set, "a set");
	must_token(k, &replace, "a replace");
	must_token(k, &take, "a remove");
	must_token(k, &add, "an add");
	must_token(k, &append, "an append");
	must_token(k, &incr, "an incr");
	must_have_seqno(k, last_seqno[scan_vbucket(k)]);
	must_scan_seqno(k, last_seqno[scan_vbucket(k)]);
}

void
check_contract_tokens(void)
{
	struct key k;

	begin();
	if (!ewb_instance_has_tokens(stage.instance))
		kit_skip("the engine has no vbucket()");
	for (unsigned i = 0; i < STAGE_VBUCKETS; i++)
		last_seqno[i] = 0;
	for (unsigned i = 0; i < 12; i++) {
		k = key_of("token%u", i);
		one_of_each(&k);
	}
	stage_close();
}

/* The rest. */

void
check_contract_flush(void)
{
	struct ask flush = { .opcode = ASK_FLUSH };
	struct key k[8];

	begin();
	if (stage.engine->flush == NULL)
		kit_skip("the engine has no flush");
	for (unsigned i = 0; i < 8; i++) {
		k[i] = key_of("%u", i);
		must_status(say_text(&k[i], "v"), EWB_OK, "a store");
	}
	must_status(say(&flush).status, EWB_OK, "a flush");
	for (unsigned i = 0; i < 8; i++)
		must_lack(&k[i], "a get after a flush");
	must_status(say_text(&k[0], "w"), EWB_OK, "a store after a flush");
	must_hold_text(&k[0], "w", "what was stored after a flush");
	stage_close();
}

void
check_contract_stats(void)
{
	struct ask stats = { .opcode = ASK_STAT };
	struct client *c;
	struct answer a;

	stage_open(&stage_plain);
	if (stage.engine->stats == NULL)
		kit_skip("the engine has no stats");
	c = client_new();
	client_ask(c, &stats);
	do {
		client_hear(c, &a, "stats");
		must_status(a.status, EWB_OK, "stats");
		KIT_NEED(a.nkey || a.nvalue == 0,
		         "a statistic has a value and no name");
	} while (a.nkey);
	stage_settle("stats");
	stage_close();
}

void
check_contract_statuses(void)
{
	struct key k = key_of("k"), none = key_of("none");
	struct ask asks[] = {
		ask_get(&none),
		ask_store(ASK_SET, &k, "1", 1),
		ask_get(&k),
		ask_store(ASK_ADD, &k, "1", 1),
		ask_store(ASK_REPLACE, &none, "1", 1),
		ask_count(ASK_INCR, &k, 1),
		ask_remove(&none),
		ask_remove(&k),
		{ .opcode = ASK_FLUSH },
	};

	stage_open(&stage_plain);
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		struct client *c = client_new();
		struct answer a;

		client_ask(c, &asks[i]);
		stage_settle("a command");
		(void)client_has(c, &a);
		KIT_NEED(stage_mistake() == NULL, "%s", stage_mistake());
	}
	stage_close();
}
