/* SPDX-License-Identifier: BSD-2-Clause */
/* What a create asks for, out of its JSON. */
#ifndef SCAN_REQUEST_H
#define SCAN_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include <ewb/engine.h>

#define EWB_BOUND_MAX 256 /* bytes of a bound: a key and what sorts after it */

struct ewb_scan_bound {
	uint8_t there, excluded;
	size_t n;
	uint8_t data[EWB_BOUND_MAX];
};

struct ewb_scan_request {
	int keys_only;
	struct ewb_scan_bound start, end;
	int sampling;
	uint64_t samples, seed;
};

/* EWB_OK; else why says what is wrong.  EWB_NOT_FOUND: the range is empty. */
enum ewb_status ewb_scan_parse(struct ewb_scan_request *r, const void *json,
                               size_t n, const char **why);

#endif
