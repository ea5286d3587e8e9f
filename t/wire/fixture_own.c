/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine with commands of its own, one of each kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ewb/engine.h>

#ifndef FIXTURE_NAME
#define FIXTURE_NAME "echo"
#endif
#ifndef FIXTURE_OPCODE
#define FIXTURE_OPCODE 0xe0
#endif

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)c;
	(void)r;
	return EWB_NOT_FOUND;
}

/* Words and value, in brackets. */
static enum ewb_status
echo(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	ewb_reply_value(c, "[", 1);
	ewb_reply_value(c, r->extras, r->nextras);
	ewb_reply_value(c, "][", 2);
	ewb_reply_value(c, r->value, r->nvalue);
	return ewb_reply_value(c, "]", 1);
}

static enum ewb_status
count(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	ewb_reply_number(c, r->nextras);
	return EWB_OK;
}

static enum ewb_status
facts(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return ewb_reply_stat(c, "fact", "%d", 1);
}

static enum ewb_status
wipe(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)c;
	(void)r;
	return EWB_OK;
}

/* Numbered lines of 100 bytes, as many as the words say. */
struct lines {
	unsigned long n, at;
};

static enum ewb_status
produce(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct lines *l = arg;
	char *to, line[101];

	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	while (l->at < l->n) {
		to = ewb_stream_reserve(c, 100);
		if (to == NULL) {
			ewb_task_park(t);
			return EWB_WOULDBLOCK;
		}
		snprintf(line, sizeof line, "%099lu\n", l->at++);
		memcpy(to, line, 100);
		ewb_stream_commit(c, 100);
	}
	return EWB_OK;
}

static enum ewb_status
stream(struct ewb_cookie *c, const struct ewb_request *r, enum ewb_status end)
{
	struct lines *l;
	char text[32] = "";
	enum ewb_status status;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return end;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return EWB_NO_MEMORY;
	ewb_cookie_set_state(c, l, free);
	if (r->nextras >= sizeof text)
		return EWB_INVALID;
	if (r->nextras)
		memcpy(text, r->extras, r->nextras);
	l->n = strtoul(text, NULL, 10);
	status = ewb_stream_open(c, NULL, NULL);
	return status == EWB_OK ? ewb_offload(c, produce, l) : status;
}

static enum ewb_status
lines(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	return stream(c, r, EWB_OK);
}

static enum ewb_status
broken(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	return stream(c, r, EWB_INTERNAL);
}

static const struct ewb_own own[] = {
	{ FIXTURE_NAME, "echo KEY WORDS BYTES: says it again", FIXTURE_OPCODE,
	  EWB_OWN_KEYED | EWB_OWN_VALUE, echo },
	{ "count", "count WORDS: how many bytes", 0xe1, 0, count },
	{ "facts", "facts: some", 0xe2, EWB_OWN_BARRIER, facts },
	{ "wipe", "wipe KEY: nothing", 0xe3, EWB_OWN_KEYED | EWB_OWN_MUTATES,
	  wipe },
	{ "lines", "lines N: as many", 0xe4, EWB_OWN_STREAMS, lines },
	{ "broken", "broken N: as many, and an error", 0xe5,
	  EWB_OWN_STREAMS | EWB_OWN_TERMINAL_ERROR, broken },
	{ "cut", "cut N: as many, and no more", 0xe6, EWB_OWN_STREAMS, broken },
	{ "binary", "binary alone", 0xe7, EWB_OWN_NO_TEXT, count },
	{ "unary", "text alone", 0, 0, count },
	{ "unstream", "a stream that is none", 0xe8, 0, lines },
	{ NULL, NULL, 0, 0, NULL }
};

EWB_ENGINE(.name = "own", .get = get, .store = get, .remove = get, .own = own)
