/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of ewbctl scan and export. */
#ifndef DAEMON_CTL_LINE_H
#define DAEMON_CTL_LINE_H

#include <stdbool.h>

#include "daemon/ctl_buf.h"
#include "protocol/binary.h"

/* All append a record's line: 0, or not when there is no memory. */

/* key TAB value, escaped, as ewbctl load reads it; or the key alone. */
int ewb_ctl_line_plain(struct ewb_ctl_buf *b, const struct ewb_bin_record *r,
                       bool keys_only);
/* A JSON object. */
int ewb_ctl_line_json(struct ewb_ctl_buf *b, const struct ewb_bin_record *r,
                      bool keys_only);
/* A JSON object with all that makes the item anew, and no more.  collection:
 * its name; null: it is not said. */
int ewb_ctl_line_export(struct ewb_ctl_buf *b, const struct ewb_bin_record *r,
                        const char *collection);

#endif
