/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/own.h"
#include "kit/kit.h"
#include "kit/say.h"
#include "kit/verbs.h"
#include "lib/check.h"
#include "protocol/binary.h"

#define LARGE 20000            /* received into a buffer of its own */
#define APART 16384u           /* as that begins */
#define EXTRAS_MAX 255         /* in binary */
#define SENTINEL "version\r\n" /* in text; in binary a noop */

static struct way {
	const struct ewb_own_slot *slot;
	const struct ewb_own_rule *rule;
	bool text;
} ways[2 * EWB_OWN_MAX];
static unsigned nways;

static void
add(unsigned i, bool text)
{
	ways[nways++] = (struct way){ &stage.core->own[i],
		                      &stage.core->own_rules.at[i], text };
}

unsigned
verbs_find(void)
{
	nways = 0;
	for (unsigned i = 0; i < stage.core->own_rules.n; i++) {
		if (stage.core->own[i].instance == NULL)
			continue;
		if (stage.core->own_rules.at[i].opcode)
			add(i, false);
		if (stage.core->own_rules.at[i].text)
			add(i, true);
	}
	return nways;
}

void
verbs_prepare(void)
{
	struct key stored = key_of("stored"), number = key_of("number");

	if (verbs_find() == 0)
		kit_skip("the engine has no commands of its own");
	/* or it does not store */
	(void)say_text(&stored, "value");
	(void)say_text(&number, "5");
}

unsigned
verbs_n(void)
{
	return nways;
}

bool
verbs_first(unsigned way)
{
	return way == 0 || ways[way].slot != ways[way - 1].slot;
}

bool
verbs_text(unsigned way)
{
	return ways[way].text;
}

uint32_t
verbs_is(unsigned way)
{
	return ways[way].slot->what.is;
}

uint8_t
verbs_opcode(unsigned way)
{
	return (uint8_t)ways[way].rule->opcode;
}

/* What is said with it. */

static size_t
most_extras(const struct verb *v)
{
	return ways[v->way].text ? VERB_EXTRAS : EXTRAS_MAX;
}

static void
set_key(struct verb *v, const void *key, size_t n)
{
	if (!ways[v->way].rule->key)
		return;
	memcpy(v->key, key, n);
	v->nkey = n;
}

/* In a line some bytes would end a word.  And where it is the name of a file that an
 * engine makes, that is not to be anywhere. */
static void
fill(const struct verb *v, uint8_t *to, size_t n)
{
	const char *never = ways[v->way].text ? " \r\n" : "";

	kit_fill(to, n, kit_draw());
	for (size_t i = 0; i < n; i++)
		if (to[i] == '/' || (*never && strchr(never, to[i])))
			to[i] = 'x'; /* in a line NUL, too */
}

static void
fill_key(struct verb *v, size_t n)
{
	uint8_t key[250];

	fill(v, key, n);
	set_key(v, key, n);
}

static void
add_extras(struct verb *v, const void *data, size_t n)
{
	size_t space = v->nextras && ways[v->way].text;

	if (v->nextras + space + n > most_extras(v))
		return;
	if (space)
		v->extras[v->nextras++] = ' ';
	memcpy(v->extras + v->nextras, data, n);
	v->nextras += n;
}

static void
add_bytes(struct verb *v, size_t n)
{
	uint8_t bytes[VERB_EXTRAS];

	fill(v, bytes, n);
	add_extras(v, bytes, n);
}

/* The help says how it is said: "file NAME: streams a file". */
static void
add_word(struct verb *v)
{
	const char *help = ways[v->way].slot->help, *at = help;
	unsigned n = 1, pick;

	for (const char *p = help; *p; p++)
		n += *p == ' ';
	for (pick = kit_below(n); pick; pick--)
		at = strchr(at, ' ') + 1;
	add_extras(v, at, strcspn(at, " "));
}

static void
add_number(struct verb *v)
{
	unsigned number = kit_below(100);
	char text[16];
	uint8_t wire[8];
	size_t n = (size_t)1 << kit_below(4);

	if (ways[v->way].text || kit_below(2)) {
		add_extras(v, text, (size_t)sprintf(text, "%u", number));
		return;
	}
	ewb_put64(wire, number);
	add_extras(v, wire + 8 - n, n);
}

static void
set_value(struct verb *v, size_t n)
{
	if (!ways[v->way].rule->value)
		return;
	v->nvalue = n < say_max_value() ? n : say_max_value();
	v->from = kit_draw();
}

static void
largest(struct verb *v, size_t value)
{
	fill_key(v, say_max_key());
	while (v->nextras + 51 <= most_extras(v))
		add_bytes(v, 50);
	add_bytes(v, most_extras(v) - v->nextras - ways[v->way].text);
	set_value(v, value);
}

void
verbs_limit(struct verb *v, unsigned way, enum verb_limit l)
{
	struct key stored = key_of("stored");

	*v = (struct verb){ .way = way };
	switch (l) {
	case VERB_NOTHING:
		/* where a line lacks its key, what follows is another line */
		if (ways[way].text)
			fill_key(v, 1);
		break;
	case VERB_SMALL: fill_key(v, 1); break;
	case VERB_STORED:
		set_key(v, stored.at, stored.n);
		add_word(v);
		set_value(v, 1);
		break;
	case VERB_LARGE: largest(v, LARGE); break;
	case VERB_LARGEST: largest(v, say_max_value()); break;
	case VERB_LIMITS: break;
	}
}

static void
draw_extras(struct verb *v)
{
	struct key number = key_of("number");

	switch (kit_below(6)) {
	case 0: break;
	case 1: add_number(v); break;
	case 2: add_word(v); break;
	case 3: add_extras(v, number.at, number.n); break;
	default:
		for (unsigned n = 1 + kit_below(4); n; n--)
			add_bytes(v, 1 + kit_below(60));
	}
}

void
verbs_draw(struct verb *v, unsigned way)
{
	static const size_t sizes[] = { 0, 1, 8, 100, 1000, 17000 };
	struct key key = key_of(kit_below(2) ? "stored" : "number");

	*v = (struct verb){ .way = way };
	if (kit_below(2))
		set_key(v, key.at, key.n);
	else
		fill_key(v, 1 + kit_below((unsigned)say_max_key()));
	draw_extras(v);
	set_value(v, sizes[kit_below(sizeof sizes / sizeof *sizes)]);
}

const char *
verbs_name(const struct verb *v)
{
	static char text[200];
	const struct way *w = &ways[v->way];
	char some[40] = "";
	size_t at;

	at = (size_t)snprintf(text, sizeof text, "its command %s, in %s",
	                      w->slot->name, w->text ? "text" : "binary");
	if (v->nkey)
		at += (size_t)snprintf(
			text + at, sizeof text - at,
			", a key of %zu bytes (%s)", v->nkey,
			kit_spell(some, sizeof some, v->key, v->nkey));
	if (v->nextras)
		at += (size_t)snprintf(
			text + at, sizeof text - at, ", %s of %zu bytes (%s)",
			w->text ? "words" : "extras", v->nextras,
			kit_spell(some, sizeof some, v->extras, v->nextras));
	if (w->rule->value)
		snprintf(text + at, sizeof text - at, ", a value of %zu",
		         v->nvalue);
	return text;
}

/* Asking. */

/* All that is sent. */
struct message {
	uint8_t *at;
	size_t n, value_at;
};

static void
put(struct message *m, const void *data, size_t n)
{
	memcpy(m->at + m->n, data, n);
	m->n += n;
}

static void
put_value(struct message *m, const struct verb *v)
{
	m->value_at = m->n;
	kit_fill(m->at + m->n, v->nvalue, v->from);
	m->n += v->nvalue;
}

static void
put_noop(struct message *m)
{
	uint8_t head[EWB_BIN_HEAD];

	ewb_bin_request(head, &(struct ewb_bin_request){ .opcode = ASK_NOOP });
	put(m, head, sizeof head);
}

static void
put_binary(struct message *m, const struct verb *v)
{
	struct ewb_bin_request r = {
		.opcode = verbs_opcode(v->way),
		.nextras = (uint8_t)v->nextras,
		.nkey = (uint16_t)v->nkey,
		.nbody = (uint32_t)(v->nextras + v->nkey + v->nvalue),
	};
	uint8_t head[EWB_BIN_HEAD];

	ewb_bin_request(head, &r);
	put(m, head, sizeof head);
	put(m, v->extras, v->nextras);
	put(m, v->key, v->nkey);
	put_value(m, v);
	put_noop(m);
}

static void
put_text(struct message *m, const struct verb *v)
{
	const struct way *w = &ways[v->way];
	char number[32];

	put(m, w->slot->name, strlen(w->slot->name));
	if (v->nkey) {
		put(m, " ", 1);
		put(m, v->key, v->nkey);
	}
	if (v->nextras) {
		put(m, " ", 1);
		put(m, v->extras, v->nextras);
	}
	if (w->rule->value)
		put(m, number, (size_t)sprintf(number, " %zu", v->nvalue));
	put(m, "\r\n", 2);
	m->value_at = m->n;
	if (w->rule->value) {
		put_value(m, v);
		put(m, "\r\n", 2);
	}
	put(m, SENTINEL, strlen(SENTINEL));
}

static struct message
message_of(const struct verb *v)
{
	struct message m = { .at = malloc(v->nvalue + v->nextras + 1000) };

	EWB_MUST(m.at);
	if (ways[v->way].text)
		put_text(&m, v);
	else
		put_binary(&m, v);
	return m;
}

void
verbs_ask(const struct verb *v, struct client *c)
{
	struct message m = message_of(v);

	client_say(c, m.at, m.value_at);
	if (v->nvalue >= APART)
		stage_sockets();
	client_say(c, m.at + m.value_at, m.n - m.value_at);
	stage_sockets();
	stage_sockets();
	free(m.at);
}

void
verbs_begin(const struct verb *v, struct client *c)
{
	struct message m = message_of(v);

	client_say(c, m.at, m.value_at + v->nvalue / 2 - (v->nvalue < 2));
	stage_sockets();
	stage_sockets();
	free(m.at);
}
