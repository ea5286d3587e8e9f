/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "kit/kit.h"
#include "kit/say.h"
#include "kit/scans.h"
#include "kit/shapes.h"

#define LARGE 20000 /* received into a buffer of its own */

enum shape {
	GET,
	MISS,
	LARGE_GET,
	STATS,
	SET,
	LARGE_SET,
	REMOVE,
	INCR,
	APPEND,
	CREATE,
	CONTINUE,
	SHAPES
};

static const char *const names[SHAPES] = {
	[GET] = "a get",
	[MISS] = "a get of a key that is not there",
	[LARGE_GET] = "a get of a large value",
	[STATS] = "stats",
	[SET] = "a store",
	[LARGE_SET] = "a store of a large value",
	[REMOVE] = "a remove",
	[INCR] = "an incr",
	[APPEND] = "an append",
	[CREATE] = "a scan's create",
	[CONTINUE] = "a scan's continue",
};

static uint8_t large[LARGE];
static enum shape have[SHAPES];
static unsigned nhave;
static size_t nlarge;

static void
fill(void)
{
	struct key k = key_of("get"), l = key_of("large");

	nlarge = say_max_value() < LARGE ? say_max_value() : LARGE;
	kit_fill(large, nlarge, 7);
	must_status(say_text(&k, "value"), EWB_OK, "a store");
	must_status(say_set(&l, large, nlarge), EWB_OK, "a store");
}

void
shapes_prepare(void)
{
	struct key probe = key_of("probe");
	unsigned stored = say_text(&probe, "x");
	bool stores = stored != EWB_NOT_SUPPORTED && !say_is_kept(stored);
	bool scans = stage.engine->scan_open != NULL;

	nhave = 0;
	if (stores)
		fill();
	for (unsigned s = 0; s < SHAPES; s++) {
		if (s == STATS && stage.engine->stats == NULL)
			continue;
		if ((s == LARGE_GET || (s >= SET && s <= APPEND)) && !stores)
			continue;
		if (s >= CREATE && !scans)
			continue;
		have[nhave++] = (enum shape)s;
		shapes_again(nhave - 1);
	}
}

unsigned
shapes_n(void)
{
	return nhave;
}

const char *
shapes_name(unsigned s)
{
	return names[have[s]];
}

/* All keys of ours in one vbucket. */
static struct scan_want
ours(void)
{
	struct key get = key_of("get");

	return (struct scan_want){ .vbucket = scan_vbucket(&get),
		                   .ours = true };
}

static void
ask_scan(struct client *c)
{
	struct scan_want w = ours();
	uint8_t id[SCAN_ID] = { 0 };
	struct ask a;

	/* without one, no scan has that name: then it is told so */
	(void)scan_create(c, &w, id);
	a = scan_ask_continue(id, 0, 0);
	client_ask(c, &a);
}

void
shapes_ask(unsigned s, struct client *c)
{
	struct key get = key_of("get"), none = key_of("none"),
		   l = key_of("large"), set = key_of("set"),
		   gone = key_of("gone"), number = key_of("number"),
		   text = key_of("text");
	struct scan_want w = ours();
	struct ask a = { .opcode = ASK_STAT };

	switch (have[s]) {
	case GET: a = ask_get(&get); break;
	case MISS: a = ask_get(&none); break;
	case LARGE_GET: a = ask_get(&l); break;
	case SET: a = ask_store(ASK_SET, &set, "stored", 6); break;
	case LARGE_SET: a = ask_store(ASK_SET, &set, large, nlarge); break;
	case REMOVE: a = ask_remove(&gone); break;
	case INCR: a = ask_count(ASK_INCR, &number, 1); break;
	case APPEND: a = ask_store(ASK_APPEND, &text, "more", 4); break;
	case CREATE: a = scan_ask_create(&w); break;
	case CONTINUE: ask_scan(c); return;
	case STATS:
	case SHAPES: break;
	}
	client_ask(c, &a);
}

void
shapes_again(unsigned s)
{
	struct key gone = key_of("gone"), number = key_of("number"),
		   text = key_of("text");

	if (have[s] == REMOVE)
		(void)say_text(&gone, "x");
	if (have[s] == INCR)
		(void)say_text(&number, "5");
	if (have[s] == APPEND)
		(void)say_text(&text, "text");
}

void
shapes_check(void)
{
	struct key get = key_of("get"), l = key_of("large"),
		   set = key_of("set");
	struct answer a;

	if (nlarge == 0)
		return;
	must_hold_text(&get, "value", "what nobody changed");
	must_hold(&l, large, nlarge, "what nobody changed");
	if (say_get(&set, &a) == EWB_NOT_FOUND)
		return;
	KIT_NEED(a.status == EWB_OK && ((a.nvalue == 6 &&
	                                 memcmp(a.value, "stored", 6) == 0) ||
	                                (a.nvalue == nlarge &&
	                                 memcmp(a.value, large, nlarge) == 0)),
	         "a key that was stored twice holds neither value");
}
