/* SPDX-License-Identifier: BSD-2-Clause */
/* How a blocked command comes back, and what may be done to it meanwhile. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/say.h"
#include "kit/shapes.h"
#include "kit/verbs.h"
#include "kit/watch.h"
#include "lib/check.h"

static void
begin(void)
{
	stage_open(&stage_plain);
	shapes_prepare();
}

/* Each kind of command, to its end and cut off, some of them together. */
static void
exercise(void)
{
	struct answer a;

	for (unsigned s = 0; s < shapes_n(); s++) {
		struct client *c = client_new();

		kit_at("%s", shapes_name(s));
		shapes_ask(s, c);
		stage_settle_or_skip();
		while (client_has(c, &a))
			;
		stage_calm();
		c = client_new();
		shapes_ask(s, c);
		(void)stage_step();
		client_drop(c);
		stage_settle_or_skip();
		stage_calm();
	}
	for (unsigned i = 0; i < 3 * shapes_n(); i++)
		shapes_ask(i % shapes_n(), client_new());
	stage_settle_or_skip();
	stage_calm();
}

static void
must_not(enum kit_breach b)
{
	const char *said = kit_watch_said(b);

	KIT_NEED(said == NULL, "%s", said);
}

void
check_notify_once(void)
{
	begin();
	exercise();
	must_not(KIT_BREACH_NOTIFY);
	stage_close();
	must_not(KIT_BREACH_NOTIFY);
}

void
check_notify_bounded(void)
{
	struct answer a;

	begin();
	for (unsigned s = 0; s < shapes_n(); s++) {
		struct client *c = client_new();

		kit_at("%s", shapes_name(s));
		shapes_ask(s, c);
		client_hear(c, &a, shapes_name(s));
		stage_settle(shapes_name(s));
	}
	stage_close();
}

void
check_notify_hands_off(void)
{
	begin();
	exercise();
	must_not(KIT_BREACH_TOUCH);
	stage_close();
	must_not(KIT_BREACH_TOUCH);
}

/* As often as the others; what is answered is another check's. */
static void
say_own(unsigned way)
{
	struct verb v;

	if (!verbs_first(way))
		return;
	verbs_limit(&v, way, VERB_STORED);
	for (unsigned i = 0; i < 12; i++) {
		struct client *c = client_new();

		verbs_ask(&v, c);
		if (!verbs_heard(&v, c))
			kit_skip("a command of the engine's own is not "
			         "answered; see own/answers");
		client_drop(c);
	}
}

void
check_notify_never_waits(void)
{
	unsigned n;
	const char *who;

	begin();
	n = verbs_find();
	for (unsigned way = 0; way < n; way++)
		say_own(way);
	for (unsigned i = 0; i < 12; i++)
		for (unsigned s = 0; s < shapes_n(); s++) {
			struct client *c = client_new();
			struct answer a;

			shapes_ask(s, c);
			client_hear(c, &a, shapes_name(s));
			client_drop(c);
		}
	who = kit_watch_waits();
	KIT_NEED(who == NULL,
	         "%s waits each time that it is called, and it is called on "
	         "the front end: all clients wait with it",
	         who);
	stage_close();
}

void
check_notify_lent_values(void)
{
	static uint8_t value[60000], other[60000];
	struct key k = key_of("lent");
	struct ask get = ask_get(&k);
	size_t n;
	struct client *slow[4];
	struct answer a;

	begin();
	say_need_store();
	n = say_max_value() < sizeof value ? say_max_value() : sizeof value;
	for (unsigned round = 0; round < 4; round++) {
		kit_fill(value, n, round);
		kit_fill(other, n, round + 100);
		must_status(say_set(&k, value, n), EWB_OK, "a store");
		for (unsigned i = 0; i < 4; i++) {
			slow[i] = client_new();
			client_small(slow[i]);
			client_ask(slow[i], &get);
			stage_settle("a get by a slow reader");
		}
		/* while they do not read it is another, goes, and comes */
		if (round % 2)
			must_status(say_remove(&k), EWB_OK, "a remove");
		must_status(say_set(&k, other, n), EWB_OK, "a store");
		must_status(say_set(&k, other, n), EWB_OK, "a store");
		must_status(say_remove(&k), EWB_OK, "a remove");
		must_status(say_set(&k, other, n), EWB_OK, "a store");
		for (unsigned i = 0; i < 4; i++) {
			if (i % 2) {
				client_drop(slow[i]);
				continue;
			}
			client_hear(slow[i], &a, "a get by a slow reader");
			must_status(a.status, EWB_OK, "a get by a slow reader");
			KIT_NEED(a.nvalue == n &&
			                 (memcmp(a.value, value, n) == 0 ||
			                  memcmp(a.value, other, n) == 0),
			         "a slow reader got a mixture of two values");
		}
		must_not(KIT_BREACH_LENT);
	}
	stage_close();
	must_not(KIT_BREACH_LENT);
}
