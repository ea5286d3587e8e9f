/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that do not come to their end: after each step of a command's life
 * the client goes, the deadline passes, or the server stops. */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/say.h"
#include "kit/shapes.h"
#include "kit/watch.h"
#include "lib/check.h"

#define STEPS 60 /* of one command, at most */
#define DEADLINE_MS 1000

static void
drop_after(unsigned s, unsigned k)
{
	struct client *c = client_new();
	char what[120];

	snprintf(what, sizeof what, "%s, whose client went after %u steps",
	         shapes_name(s), k);
	kit_at("%s", what);
	shapes_again(s);
	shapes_ask(s, c);
	(void)stage_steps(k);
	client_drop(c);
	stage_settle(what);
}

/* How many steps it has. */
static unsigned
length(unsigned s)
{
	struct client *c = client_new();
	unsigned n = 0;

	shapes_again(s);
	shapes_ask(s, c);
	while (n < STEPS && stage_away() && stage_step())
		n++;
	stage_settle(shapes_name(s));
	client_drop(c);
	return n;
}

void
check_ends_disconnect(void)
{
	stage_open(&stage_plain);
	shapes_prepare();
	for (unsigned s = 0; s < shapes_n(); s++) {
		unsigned n = length(s);

		for (unsigned k = 0; k <= n; k++)
			drop_after(s, k);
	}
	shapes_check();
	KIT_NEED(atomic_load(&stage.core->orphans) == 0,
	         "commands were never notified");
	stage_close();
}

static void
expire_after(unsigned s, unsigned k)
{
	struct client *c = client_new();
	struct answer a;
	char what[120];

	snprintf(what, sizeof what, "%s, whose deadline passed after %u steps",
	         shapes_name(s), k);
	kit_at("%s", what);
	shapes_again(s);
	shapes_ask(s, c);
	(void)stage_steps(k);
	stage_pass(2 * DEADLINE_MS);
	client_hear(c, &a, what);
	stage_settle(what);
	client_drop(c);
}

void
check_ends_deadline(void)
{
	stage_open(&(struct stage_how){ .deadline_ms = DEADLINE_MS });
	shapes_prepare();
	for (unsigned s = 0; s < shapes_n(); s++) {
		unsigned n = length(s);

		for (unsigned k = 0; k <= n; k++)
			expire_after(s, k);
	}
	shapes_check();
	stage_close();
}

/* A server for each: it is not one any more when it has been stopped. */
static bool
stop_after(unsigned s, unsigned k, bool grace)
{
	struct client *c;
	bool more;

	stage_open(&stage_plain);
	shapes_prepare();
	if (s >= shapes_n()) {
		stage_close();
		return false;
	}
	kit_at("%s, and the server stopped after %u steps", shapes_name(s), k);
	c = client_new();
	shapes_again(s);
	shapes_ask(s, c);
	more = stage_steps(k) && stage_away();
	stage_stop(grace);
	stage_end();
	return more;
}

static void
stop_all(bool grace)
{
	unsigned n;

	stage_open(&stage_plain);
	shapes_prepare();
	n = shapes_n();
	stage_close();
	for (unsigned s = 0; s < n; s++)
		for (unsigned k = 0; k < STEPS; k++)
			if (!stop_after(s, k, grace))
				break;
}

void
check_ends_stop(void)
{
	stop_all(false);
	stop_all(true);
}

/* Many commands of all kinds are in flight when it is stopped. */
void
check_ends_unload(void)
{
	for (unsigned round = 0; round < 6; round++) {
		stage_open(&stage_plain);
		shapes_prepare();
		/* the scans first: their creates are awaited */
		for (unsigned i = 6 * shapes_n(); i-- > 0;)
			shapes_ask(i / 6, client_new());
		(void)stage_steps(kit_below(20));
		kit_at("a stop with %zu commands in flight",
		       stage.front->d.naway);
		stage_stop(round % 2);
		stage_end();
	}
}

/* What was opened is closed, what was allocated is freed. */

static void
live(bool strict)
{
	stage_open(&(struct stage_how){ .strict = strict });
	shapes_prepare();
	for (unsigned i = 0; i < 2 * shapes_n(); i++)
		shapes_ask(i % shapes_n(), client_new());
	(void)stage_steps(10);
	for (struct client *c = stage.clients; c; c = c->next)
		if (c != stage.own && kit_below(2))
			client_drop(c);
	stage_settle_or_skip();
	stage_close();
}

void
check_ends_leaks(void)
{
	uint64_t mark;

	if (!kit_memory_works())
		kit_skip("a sanitizer has its own malloc");
	live(false); /* what is allocated once for all is no leak */
	live(false);
	mark = kit_memory_mark();
	live(false);
	kit_memory_need_freed(mark);
}

void
check_ends_threads(void)
{
	for (unsigned i = 0; i < 3; i++)
		live(true);
}
