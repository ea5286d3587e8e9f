/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "t/script_parts.h"

static int
put_record(struct script *s, struct ewb_cookie *c)
{
	unsigned n = s->made;
	uint8_t *p = ewb_stream_reserve(c, s->record_size);

	if (p == NULL)
		return -1;
	memset(p, (uint8_t)n, s->record_size);
	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	ewb_stream_commit(c, s->record_size);
	s->made++;
	if (s->flush)
		ewb_stream_flush(c);
	return 0;
}

static enum ewb_status
produce(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct script *s = arg;
	unsigned n = 0;

	s->task_runs++;
	if (s->within)
		s->within(s, c);
	while (s->made < s->records) {
		if (ewb_cancelled(ewb_task_ticket(t)))
			return EWB_TEMPORARY;
		if (s->per_run && n++ == s->per_run) {
			ewb_task_again(t);
			return EWB_WOULDBLOCK;
		}
		if (put_record(s, c)) {
			ewb_task_park(t);
			return EWB_WOULDBLOCK;
		}
	}
	return EWB_OK;
}

int
script_produce(struct script *s)
{
	while (s->made < s->records)
		if (put_record(s, s->cookie))
			return 0;
	return 1;
}

static void
count_wake(void *arg)
{
	((struct script *)arg)->wakes++;
}

enum ewb_status
script_stream(struct ewb_cookie *c)
{
	struct script *s = script_of(ewb_cookie_request(c));
	enum ewb_status status;

	SCRIPT_MUST(s != NULL);
	script_note_run(s, c);
	if (s->instead)
		return s->instead(s, c);
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return s->status;
	status = ewb_stream_open(c, s->own ? count_wake : NULL, s);
	if (status != EWB_OK)
		return status;
	return s->own ? script_block(s, c)
	              : ewb_offload_to(c, EWB_AUX, produce, s);
}
