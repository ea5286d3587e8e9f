/* SPDX-License-Identifier: BSD-2-Clause */
/* How bytes are written as text, and read again: the lines of load and scan,
 * JSON strings, base64. */
#ifndef DAEMON_CTL_ESCAPE_H
#define DAEMON_CTL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/ctl_buf.h"

/* Appends data with \\ \t \n \r, and \xNN for other control characters; bytes
 * above 0x7f stay as they are.  0 or -ENOMEM. */
int ewb_ctl_escape(struct ewb_ctl_buf *out, const void *data, size_t n);
/* Undoes that, in place: the new length, or -1 with *bad at the backslash that
 * starts what is none of these. */
long ewb_ctl_unescape(char *text, size_t n, size_t *bad);
/* Strict: no overlong forms, no surrogates. */
bool ewb_ctl_is_utf8(const void *data, size_t n);
/* Appends data, valid UTF-8, as a JSON string in quotes. */
int ewb_ctl_json_string(struct ewb_ctl_buf *out, const void *data, size_t n);
/* Appends data as base64, padded. */
int ewb_ctl_base64(struct ewb_ctl_buf *out, const void *data, size_t n);

#endif
