/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap is empty: the Nth allocation of the engine fails, for each N. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/checks.h"
#include "kit/code.h"
#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/scans.h"
#include "lib/check.h"

#define MOST 400 /* allocations of one round */
#define KEYS 6

static uint8_t values[KEYS][20000];
static size_t sizes[KEYS];

static void
need_works(void)
{
	if (!kit_memory_works())
		kit_skip("a sanitizer has its own malloc");
}

/* Statuses with which a command may end that has no memory. */
static bool
is_error(unsigned status)
{
	return status == EWB_NO_MEMORY || status == EWB_BUSY ||
	       status == EWB_TEMPORARY || status == EWB_INTERNAL;
}

static struct key
key_number(unsigned i)
{
	return key_of("kept%u", i);
}

static void
store_all(void)
{
	static const size_t want[KEYS] = { 1, 100, 1000, 5000, 17000, 3 };

	for (unsigned i = 0; i < KEYS; i++) {
		struct key k = key_number(i);

		sizes[i] =
			want[i] < say_max_value() ? want[i] : say_max_value();
		kit_fill(values[i], sizes[i], i + 1);
		must_status(say_set(&k, values[i], sizes[i]), EWB_OK,
		            "a store");
	}
}

/* A get, when memory may be missing. */
static void
get_one(unsigned i)
{
	struct key k = key_number(i);
	struct answer a;
	unsigned status = say_get(&k, &a);

	if (is_error(status))
		return;
	KIT_NEED(status == EWB_OK,
	         "a get of a key that is there says %s, for want of memory",
	         status_name(status));
	KIT_NEED(a.nvalue == sizes[i] &&
	                 memcmp(a.value, values[i], sizes[i]) == 0,
	         "a get answers another value, for want of memory");
}

/* A store of a key that is there. */
static void
store_one(unsigned i, uint64_t from)
{
	static uint8_t anew[20000];
	struct key k = key_number(i);
	unsigned status;
	struct answer a;

	kit_fill(anew, sizes[i], from);
	status = say_set(&k, anew, sizes[i]);
	if (is_error(say_get(&k, &a)))
		say_get(&k, &a); /* it fails once */
	KIT_NEED(status == EWB_OK || is_error(status),
	         "a store says %s, for want of memory", status_name(status));
	KIT_NEED(a.status == EWB_OK,
	         "a store that said %s, for want of memory, lost the key",
	         status_name(status));
	if (a.nvalue == sizes[i] && memcmp(a.value, anew, sizes[i]) == 0)
		memcpy(values[i], anew, sizes[i]);
	else
		KIT_NEED(status != EWB_OK && a.nvalue == sizes[i] &&
		                 memcmp(a.value, values[i], sizes[i]) == 0,
		         "a store that said %s, for want of memory, left "
		         "neither the old value nor the new one",
		         status_name(status));
}

static void
come_and_go(void)
{
	struct key k = key_of("goes");
	unsigned stored = say_text(&k, "v"), removed;

	KIT_NEED(stored == EWB_OK || is_error(stored),
	         "a store says %s, for want of memory", status_name(stored));
	removed = say_remove(&k);
	KIT_NEED(removed == EWB_OK || is_error(removed) ||
	                 (stored != EWB_OK && removed == EWB_NOT_FOUND),
	         "a remove after a store that said EWB_OK says %s, for want of "
	         "memory",
	         status_name(removed));
}

static void
all_kept(unsigned n)
{
	char what[100];

	for (unsigned i = 0; i < KEYS; i++) {
		struct key k = key_number(i);

		snprintf(what, sizeof what,
		         "what was stored before allocation %u failed", n);
		must_hold(&k, values[i], sizes[i], what);
	}
}

void
check_memory_commands(void)
{
	unsigned n;

	need_works();
	stage_open(&stage_plain);
	say_need_store();
	store_all();
	for (n = 1; n <= MOST; n++) {
		kit_at("the %uth allocation of a row of commands failed", n);
		kit_memory_fail(n);
		for (unsigned i = 0; i < KEYS; i++)
			get_one(i);
		for (unsigned i = 0; i < KEYS; i++)
			store_one(i, n);
		come_and_go();
		if (!kit_memory_failed())
			break;
		kit_memory_fail(0);
		all_kept(n);
	}
	kit_memory_fail(0);
	all_kept(n);
	stage_close();
}

void
check_memory_scans(void)
{
	struct key k = key_number(0);
	struct scan_want w = { .ours = true };
	uint8_t id[SCAN_ID];

	need_works();
	stage_open(&stage_plain);
	if (stage.engine->scan_open == NULL)
		kit_skip("the engine has no cursors");
	say_need_store();
	store_all();
	w.vbucket = scan_vbucket(&k);
	for (unsigned n = 1; n <= MOST; n++) {
		struct client *c = client_new();
		struct haul h = { 0 };
		unsigned status;

		kit_at("the %uth allocation of a scan failed", n);
		kit_memory_fail(n);
		status = scan_create(c, &w, id);
		if (status == EWB_OK) {
			struct ask a = scan_ask_continue(id, 0, 0);

			client_ask(c, &a);
			scan_hear(c, &h, "a scan without memory");
			KIT_NEED(h.status != EWB_SCAN_COMPLETE || h.n >= 1,
			         "a scan without memory says that it is "
			         "complete, and brings nothing");
			status = h.status == EWB_SCAN_COMPLETE ||
			                         h.status == EWB_SCAN_CANCELLED
			                 ? EWB_OK
			                 : h.status;
		}
		KIT_NEED(status == EWB_OK || is_error(status),
		         "a scan says %s, for want of memory",
		         status_name(status));
		client_drop(c);
		if (!kit_memory_failed())
			break;
		kit_memory_fail(0);
		stage_settle("a scan without memory");
	}
	kit_memory_fail(0);
	all_kept(0);
	stage_close();
}

void
check_memory_open(void)
{
	char why[600];

	need_works();
	for (unsigned n = 1; n <= MOST; n++) {
		bool failed;

		kit_at("the %uth allocation of open() failed", n);
		why[0] = '\0';
		kit_memory_fail(n);
		if (stage_try_open(&stage_plain, why, sizeof why)) {
			failed = kit_memory_failed();
			kit_memory_fail(0);
			stage_close();
			if (!failed)
				break;
		}
		kit_memory_fail(0);
	}
}

/* What it had allocated when it failed is freed. */
static bool
round_without_memory(unsigned n)
{
	bool failed;

	stage_open(&stage_plain);
	say_need_store();
	store_all();
	kit_memory_fail(n);
	come_and_go();
	store_one(4, n);
	failed = kit_memory_failed();
	kit_memory_fail(0);
	stage_close();
	return failed;
}

void
check_memory_leaks(void)
{
	struct kit_leak l;
	char by[600];
	uint64_t mark;
	bool more = true;

	need_works();
	(void)round_without_memory(0); /* what is allocated once for all */
	for (unsigned n = 1; n <= 40 && more; n++) {
		kit_at("the %uth allocation failed", n);
		mark = kit_memory_mark();
		more = round_without_memory(n);
		l = kit_memory_left(mark);
		KIT_NEED(l.blocks == 0,
		         "allocation %u failed, and %zu blocks are not freed "
		         "after close; one was %s %s",
		         n, l.blocks,
		         l.taken ? "taken with ewb_value_take()"
		                 : "allocated at",
		         l.taken ? "" : kit_code_name(by, sizeof by, l.by));
	}
}
