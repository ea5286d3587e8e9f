/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scan is to give: a create asks for it in JSON. */
#ifndef SCAN_REQUEST_H
#define SCAN_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include <ewb/engine.h>

#include "protocol/binary.h"
#include "protocol/collections.h"
#include "protocol/text_scan.h"

#define EWB_BOUND_MAX 256 /* bytes of a bound: a key and what sorts after it */

struct ewb_scan_bound {
	uint8_t there, excluded;
	size_t n;
	uint8_t data[EWB_BOUND_MAX];
};

struct ewb_scan_request {
	uint32_t collection; /* its number */
	int keys_only, descending;
	struct ewb_scan_bound start, end;
	/* it goes on behind this key, or before it, if descending */
	struct ewb_scan_bound after;
	int resumable; /* it outlives its connection */
	int resumes;   /* the scan of this token: */
	uint8_t token[EWB_BIN_TOKEN];
	int sampling;
	uint64_t samples, seed;
	/* of its snapshot: the history that it shows, up to which mutation, whether
	 * that one's record must be there, and how long that may be awaited */
	int requires, seqno_exists;
	uint64_t uuid, seqno;
	uint32_t timeout_ms;
	/* text: the vbuckets, and whether in the order of keys over all of them;
	 * past 0: it is a create's, whose frame has the vbucket */
	unsigned first, past;
	int merged;
	enum ewb_text_form form;
};

/* Compared as keys are, below, at or above 0. */
int ewb_scan_bound_order(const struct ewb_scan_bound *a,
                         const struct ewb_scan_bound *b);
/* Makes *b the narrower of the two.  order: of a lower bound 1, of an upper one
 * -1. */
void ewb_scan_bound_narrow(struct ewb_scan_bound *b,
                           const struct ewb_scan_bound *to, int order);
/* Nothing can lie between the bounds, nor behind the key that it goes on after. */
int ewb_scan_empty(const struct ewb_scan_request *r);

/* EWB_OK; else why says what is wrong.  EWB_NOT_FOUND: the range is empty. */
enum ewb_status ewb_scan_parse(struct ewb_scan_request *r, const void *json,
                               size_t n, const char **why);

#endif
