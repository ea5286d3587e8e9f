/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engines that keep data have in common for their users: statistics,
 * and the command that copies the database while it is used. */
#ifndef DURABLE_REPORT_H
#define DURABLE_REPORT_H

#include <ewb/engine.h>
#include <stddef.h>

#include "commit.h"

/* EWB_OWN of the copy: "checkpoint PATH". */
#define DUR_CHECKPOINT_OPCODE 0xd8
#define DUR_CHECKPOINT(fn)                                                    \
	{                                                                     \
		.name = "checkpoint",                                         \
		.help = "a copy of the database, as it is now, in a new "     \
			"directory",                                          \
		.opcode = DUR_CHECKPOINT_OPCODE, .is = EWB_OWN_KEY, .run = fn \
	}

/* holder: of the whole, for plain stats. */
enum ewb_status dur_report_commit(struct ewb_cookie *c,
                                  const struct dur_commit *k);
/* holder: a line for each vbucket. */
enum ewb_status dur_report_vbuckets(struct ewb_cookie *c,
                                    const struct dur_commit *k);

/* front: EWB_OK when this client may have a checkpoint made there. */
enum ewb_status dur_checkpoint_check(struct ewb_cookie *c,
                                     const struct ewb_request *r);
/* pool: the path; to has room for 251 bytes. */
void dur_checkpoint_path(const struct ewb_request *r, char *to);

#endif
