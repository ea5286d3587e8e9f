/* SPDX-License-Identifier: BSD-2-Clause */
/* A document as a line of JSON: {"key":"...","value":"...","flags":1}.  Key and
 * value that are no text are "key64" and "value64", in base64. */
#ifndef DAEMON_CTL_DOCUMENT_H
#define DAEMON_CTL_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_buf.h"
#include "protocol/binary.h"

struct json_object;
struct json_tokener;

struct ewb_ctl_document {
	/* until the next parse */
	struct ewb_bin_record record; /* no cas, no seqno */
	const char *collection;       /* null: it says none */
	char why[160];                /* what is wrong */
	/* its own */
	struct json_tokener *tokener;
	struct json_object *object;
	struct ewb_ctl_buf key, value; /* out of base64 */
};

/* 0, or -1 and says so.  fini in any case. */
int ewb_ctl_document_init(struct ewb_ctl_document *d);
void ewb_ctl_document_fini(struct ewb_ctl_document *d);
/* 0, or -1 with why set. */
int ewb_ctl_document_parse(struct ewb_ctl_document *d, const char *line,
                           size_t n);

#endif
