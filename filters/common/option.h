/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter's parameters, as a table of how each is read into its struct. */
#ifndef FILTERS_OPTION_H
#define FILTERS_OPTION_H

#include <ewb/engine.h>

struct option {
	const char *name; /* null: the table's end */
	/* 0, or -1: text is none of these, *to is as it was */
	int (*read)(const char *text, void *to);
	size_t at;         /* where in the filter's struct it goes */
	const char *wrong; /* what is said of another: "not a time" */
};

/* Null, or what is wrong. */
const char *option_set(const struct option *o, void *filter, const char *name,
                       const char *text);
/* All that were given.  -1: one is wrong, and the host was told. */
int option_read(const struct option *o, void *filter, struct ewb_host *host,
                const struct ewb_setting *s, size_t n);

/* To an uint64_t. */
int option_time(const char *text, void *us);
#define OPTION_TIME_WRONG "not a time (2ms, 50us, 3s)"
int option_number(const char *text, void *n);
#define OPTION_NUMBER_WRONG "not a number"
/* Parts of 2^32. */
int option_rate(const char *text, void *rate);
#define OPTION_RATE_WRONG "not from 0% to 100%"
/* To an enum ewb_status: one that is not EWB_OK. */
int option_status(const char *text, void *status);
#define OPTION_STATUS_WRONG "not one of " STATUS_NAMES

#endif
