/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that libewb makes out of get and store. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/say.h"
#include "lib/check.h"
#include "protocol/binary.h"

#define CROWD 64
#define CONNECTIONS 4

static void
begin(void)
{
	stage_open(&stage_plain);
	say_need_store();
}

static unsigned
join(uint8_t opcode, const struct key *k, const char *text)
{
	struct ask a = ask_store(opcode, k, text, strlen(text));

	return say(&a).status;
}

void
check_composed_append_and_prepend(void)
{
	struct key k = key_of("k");
	struct answer a;
	size_t n = 11;

	begin();
	must_status(join(ASK_APPEND, &k, "x"), EWB_NOT_STORED,
	            "an append to a key that is not there");
	must_lack(&k, "a get after it");
	must_status(say_text(&k, "mid"), EWB_OK, "a store");
	must_status(join(ASK_APPEND, &k, "end"), EWB_OK, "an append");
	must_status(join(ASK_PREPEND, &k, "begin"), EWB_OK, "a prepend");
	must_hold_text(&k, "beginmidend", "after an append and a prepend");
	for (; n + 10 <= say_max_value() && n < 2000; n += 10)
		must_status(join(ASK_APPEND, &k, "0123456789"), EWB_OK,
		            "an append");
	must_status(join(ASK_PREPEND, &k, ""), EWB_OK, "an empty prepend");
	must_status(say_get(&k, &a), EWB_OK, "a get");
	KIT_NEED(a.nvalue == n,
	         "after appends of 10 bytes up to %zu the value has %zu", n,
	         a.nvalue);
	stage_close();
}

static uint64_t
count(uint8_t opcode, const struct key *k, uint64_t delta)
{
	struct ask q = ask_count(opcode, k, delta);
	struct answer a = say(&q);

	must_status(a.status, EWB_OK, "an incr or decr");
	KIT_NEED(a.nvalue == 8, "an incr answers %zu bytes", a.nvalue);
	return ewb_be64(a.value);
}

static void
must_count(uint64_t got, uint64_t want, const char *what)
{
	KIT_NEED(got == want, "%s: it should be %llu, and is %llu", what,
	         (unsigned long long)want, (unsigned long long)got);
}

void
check_composed_counters(void)
{
	struct key k = key_of("k"), text = key_of("text");
	struct ask none = ask_count(ASK_INCR, &k, 1);
	struct ask wrong = ask_count(ASK_INCR, &text, 1);

	begin();
	must_status(say(&none).status, EWB_NOT_FOUND,
	            "an incr of a key that is not there");
	must_status(say_text(&k, "41"), EWB_OK, "a store");
	must_count(count(ASK_INCR, &k, 1), 42, "41 + 1");
	must_hold_text(&k, "42", "after 41 + 1");
	must_count(count(ASK_DECR, &k, 43), 0, "42 - 43");
	must_count(count(ASK_INCR, &k, UINT64_MAX), UINT64_MAX, "the most");
	must_count(count(ASK_INCR, &k, 2), 1, "the most and 2");
	must_status(say_text(&text, "no number"), EWB_OK, "a store");
	must_status(say(&wrong).status, EWB_NOT_NUMBER, "an incr of text");
	must_hold_text(&text, "no number", "after an incr of text");
	stage_close();
}

void
check_composed_touch(void)
{
	struct key k = key_of("k"), stays = key_of("stays");
	struct ask touch = ask_touch(ASK_TOUCH, &k, 100);
	struct ask gat = ask_touch(ASK_GAT, &stays, 100000);
	struct answer a;

	begin();
	say_need(EWB_CAN_EXPIRE, "EWB_CAN_EXPIRE");
	must_status(say(&touch).status, EWB_NOT_FOUND,
	            "a touch of a key that is not there");
	must_status(say_text(&k, "v"), EWB_OK, "a store");
	must_status(say_text(&stays, "s"), EWB_OK, "a store");
	must_status(say(&touch).status, EWB_OK, "a touch");
	a = say(&gat);
	must_status(a.status, EWB_OK, "a get-and-touch");
	KIT_NEED(a.nvalue == 1 && a.value[0] == 's',
	         "a get-and-touch answers another value");
	must_hold_text(&k, "v", "after a touch");
	stage_pass(200 * 1000);
	must_lack(&k, "a get after the expiry that a touch gave it");
	must_hold_text(&stays, "s", "what expires later");
	stage_close();
}

/* Many at once on one key: the commands' steps in an order drawn at random. */

static void
hear_all(struct client **c, bool seen[CROWD + 1])
{
	struct answer a;

	for (unsigned i = 0; i < CROWD; i++) {
		uint64_t n;

		client_hear(c[i % CONNECTIONS], &a, "one of 64 incr at once");
		must_status(a.status, EWB_OK, "one of 64 incr at once");
		n = a.nvalue == 8 ? ewb_be64(a.value) : 0;
		KIT_NEED(n >= 1 && n <= CROWD && !seen[n],
		         "64 incr at once: two of them answered %llu, so one "
		         "was lost",
		         (unsigned long long)n);
		seen[n] = true;
	}
}

void
check_composed_increments(void)
{
	struct key k = key_of("k");
	struct ask incr = ask_count(ASK_INCR, &k, 1);
	struct client *c[CONNECTIONS];

	begin();
	for (unsigned i = 0; i < CONNECTIONS; i++)
		c[i] = client_new();
	for (unsigned round = 0; round < 4; round++) {
		bool seen[CROWD + 1] = { false };

		must_status(say_text(&k, "0"), EWB_OK, "a store");
		for (unsigned i = 0; i < CROWD; i++) {
			client_ask(c[i % CONNECTIONS], &incr);
			for (unsigned n = kit_below(4); n; n--)
				(void)stage_step();
		}
		hear_all(c, seen);
		must_hold_text(&k, "64", "after 64 incr at once");
	}
	stage_close();
}

/* Stores between a counter's get and its store. */
void
check_composed_beside_stores(void)
{
	struct key k = key_of("k");
	struct ask incr = ask_count(ASK_INCR, &k, 1);
	struct ask set = ask_store(ASK_SET, &k, "1000", 4);
	struct client *a, *b;
	struct answer got;

	begin();
	a = client_new();
	b = client_new();
	for (unsigned at = 0; at < 12; at++) {
		must_status(say_text(&k, "0"), EWB_OK, "a store");
		client_ask(a, &incr);
		stage_let_threads();
		for (unsigned i = 0; i < at; i++) {
			(void)stage_step();
			stage_let_threads();
		}
		client_ask(b, &set);
		client_hear(b, &got, "a store beside an incr");
		must_status(got.status, EWB_OK, "a store beside an incr");
		client_hear(a, &got, "an incr beside a store");
		must_status(got.status, EWB_OK, "an incr beside a store");
		say_get(&k, &got);
		KIT_NEED(got.nvalue == 4 && got.value[3] <= '1',
		         "a store beside an incr: its value was lost");
	}
	stage_close();
}
