/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cookie/instance.h"
#include "kit/kit.h"
#include "kit/say.h"
#include "kit/watch.h"
#include "protocol/binary.h"

#define NEVER_ASKED 0xffffffffu
#define FRESH 1000 /* runs whose keys are kept */

/* An engine may have kept what an earlier run stored: then others are used. */
static unsigned generation;

static struct key
prefix(char after)
{
	uint64_t n = kit.seed * 0x9e3779b1u + kit.salt + generation * 7919u;
	struct key k;

	k.n = (size_t)snprintf((char *)k.at, sizeof k.at, "%06x%c",
	                       (unsigned)(n & 0xffffff), after);
	return k;
}

struct key
key_prefix(void)
{
	return prefix('.');
}

struct key
key_of(const char *fmt, ...)
{
	struct key k = key_prefix();
	va_list ap;

	va_start(ap, fmt);
	k.n += (size_t)vsnprintf((char *)k.at + k.n, sizeof k.at - k.n, fmt,
	                         ap);
	va_end(ap);
	return k;
}

size_t
say_max_key(void)
{
	uint32_t n = stage.engine->max_key;

	return n && n < EWB_KEY_MAX ? n : EWB_KEY_MAX;
}

size_t
say_max_value(void)
{
	uint64_t n = stage.engine->max_value;
	uint64_t most = stage.core->limits.max_item;

	return (size_t)(n && n < most ? n : most);
}

bool
say_can(uint32_t what)
{
	return (stage.engine->can & what) == what;
}

void
say_need(uint32_t what, const char *name)
{
	if (!say_can(what))
		kit_skip("the engine does not declare %s", name);
}

bool
say_is_kept(unsigned status)
{
	return status != EWB_OK && kit.nfilters &&
	       atomic_load(&kit_seen.stores) == 0;
}

void
say_need_passed(unsigned status)
{
	if (say_is_kept(status))
		kit_skip("a filter does not let a store come to the engine: it "
		         "says %s",
		         status_name(status));
}

void
say_need_store(void)
{
	unsigned status = EWB_EXISTS;

	if (say_max_key() < 24)
		kit_skip("the engine takes keys of less than 24 bytes alone");
	for (unsigned i = 0; i < FRESH && status == EWB_EXISTS; i++) {
		struct key k;
		struct ask a;

		generation += i != 0;
		k = prefix('-');
		a = ask_store(ASK_ADD, &k, "x", 1);
		status = say(&a).status;
	}
	say_need_passed(status);
	if (status == EWB_NOT_SUPPORTED)
		kit_skip("the engine does not store");
	must_status(status, EWB_OK,
	            "a store that expects a new key to be absent");
}

/* Asking. */

struct ask
ask_get(const struct key *k)
{
	return (struct ask){ .opcode = ASK_GET, .key = k->at, .nkey = k->n };
}

struct ask
ask_store(uint8_t opcode, const struct key *k, const void *value, size_t n)
{
	struct ask a = {
		.opcode = opcode,
		.key = k->at,
		.nkey = k->n,
		.value = value,
		.nvalue = n,
	};

	if (opcode != ASK_APPEND && opcode != ASK_PREPEND)
		a.nextras = 8;
	return a;
}

struct ask
ask_remove(const struct key *k)
{
	return (struct ask){ .opcode = ASK_DELETE, .key = k->at, .nkey = k->n };
}

struct ask
ask_count(uint8_t opcode, const struct key *k, uint64_t delta)
{
	struct ask a = {
		.opcode = opcode, .key = k->at, .nkey = k->n, .nextras = 20
	};

	ewb_put64(a.extras, delta);
	ewb_put32(a.extras + 16, NEVER_ASKED); /* it is not made if missing */
	return a;
}

struct ask
ask_touch(uint8_t opcode, const struct key *k, uint32_t expiry)
{
	struct ask a = {
		.opcode = opcode, .key = k->at, .nkey = k->n, .nextras = 4
	};

	ewb_put32(a.extras, expiry);
	return a;
}

static const char *
name_of(const struct ask *a)
{
	static const struct {
		uint8_t opcode;
		const char *name;
	} names[] = {
		{ ASK_GET, "get" },           { ASK_SET, "store" },
		{ ASK_ADD, "add" },           { ASK_REPLACE, "replace" },
		{ ASK_DELETE, "remove" },     { ASK_INCR, "incr" },
		{ ASK_DECR, "decr" },         { ASK_FLUSH, "flush" },
		{ ASK_APPEND, "append" },     { ASK_PREPEND, "prepend" },
		{ ASK_STAT, "stats" },        { ASK_TOUCH, "touch" },
		{ ASK_GAT, "gat" },           { ASK_CREATE, "scan create" },
		{ ASK_CONTINUE, "continue" }, { ASK_CANCEL, "scan cancel" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].opcode == a->opcode)
			return names[i].name;
	return "command";
}

static struct client *
own_client(void)
{
	if (stage.own == NULL || !client_served(stage.own))
		stage.own = client_new();
	return stage.own;
}

struct answer
say(const struct ask *a)
{
	struct client *c = own_client();
	struct answer got;
	char what[200], key[100];

	snprintf(what, sizeof what, "a %s of %s", name_of(a),
	         a->nkey ? kit_spell(key, sizeof key, a->key, a->nkey)
	                 : "everything");
	client_ask(c, a);
	client_hear(c, &got, what);
	return got;
}

unsigned
say_get(const struct key *k, struct answer *a)
{
	struct ask q = ask_get(k);

	*a = say(&q);
	return a->status;
}

unsigned
say_set(const struct key *k, const void *value, size_t n)
{
	struct ask q = ask_store(ASK_SET, k, value, n);

	return say(&q).status;
}

unsigned
say_text(const struct key *k, const char *text)
{
	return say_set(k, text, strlen(text));
}

unsigned
say_remove(const struct key *k)
{
	struct ask q = ask_remove(k);

	return say(&q).status;
}

/* What must be. */

const char *
status_name(unsigned status)
{
	static char other[32];

	switch (status) {
#define EWB_STATUS(name, code, text, reply, attributes) \
	case code:                          \
		return "EWB_" #name;
#include "protocol/status.def"
#undef EWB_STATUS
	default: break;
	}
	snprintf(other, sizeof other, "status 0x%x", status);
	return other;
}

void
must_status(unsigned status, unsigned want, const char *what)
{
	char got[40];

	snprintf(got, sizeof got, "%s", status_name(status));
	KIT_NEED(status == want, "%s: it should say %s, and says %s", what,
	         status_name(want), got);
}

void
must_hold(const struct key *k, const void *value, size_t n, const char *what)
{
	struct answer a;
	unsigned status = say_get(k, &a);
	size_t i;

	KIT_NEED(status == EWB_OK, "%s: a get says %s", what,
	         status_name(status));
	KIT_NEED(a.nvalue == n,
	         "%s: the value should have %zu bytes, and has %zu", what, n,
	         a.nvalue);
	for (i = 0; i < n; i++)
		KIT_NEED(a.value[i] == ((const uint8_t *)value)[i],
		         "%s: the value of %zu bytes is another from byte %zu "
		         "on: 0x%02x, and should be 0x%02x",
		         what, n, i, a.value[i], ((const uint8_t *)value)[i]);
}

void
must_hold_text(const struct key *k, const char *text, const char *what)
{
	must_hold(k, text, strlen(text), what);
}

void
must_lack(const struct key *k, const char *what)
{
	struct answer a;

	must_status(say_get(k, &a), EWB_NOT_FOUND, what);
}
