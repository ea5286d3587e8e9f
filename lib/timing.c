/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/timing.h"

static struct ewb_timing *
begin(struct ewb_timings *ts, const char *name)
{
	struct ewb_timing *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->name = strdup(name);
	if (!t->name) {
		free(t);
		return NULL;
	}
	t->next = ts->first;
	ts->first = t;
	return t;
}

struct ewb_timing *
ewb_timing_find(const struct ewb_timings *ts, const char *name)
{
	struct ewb_timing *t = ts->first;

	while (t && strcmp(t->name, name) != 0)
		t = t->next;
	return t;
}

struct ewb_timing *
ewb_timing_of(struct ewb_timings *ts, const struct ewb_job_type *type)
{
	struct ewb_timing **hint =
		&ts->hint[(uintptr_t)type / sizeof(*type) % EWB_TIMING_HINTS];

	/* The name is compared: another plugin's type may have moved in. */
	if (*hint && strcmp((*hint)->name, type->name) == 0)
		return *hint;
	*hint = ewb_timing_find(ts, type->name);
	if (!*hint)
		*hint = begin(ts, type->name);
	return *hint;
}

void
ewb_timings_reset(struct ewb_timings *ts)
{
	for (struct ewb_timing *t = ts->first; t; t = t->next) {
		t->wait_us = (struct ewb_hist){ 0 };
		t->run_us = (struct ewb_hist){ 0 };
	}
}

void
ewb_timings_fini(struct ewb_timings *ts)
{
	struct ewb_timing *t;

	while ((t = ts->first)) {
		ts->first = t->next;
		free(t->name);
		free(t);
	}
	*ts = (struct ewb_timings){ 0 };
}
