/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs in order, linked both ways: any can be taken out.  The owner's lock. */
#ifndef LIB_QUEUE_H
#define LIB_QUEUE_H

#include "lib/pool.h"

/* At the end. */
void ewb_queue_add(struct ewb_queue *q, struct ewb_job *j);
/* j must be in it. */
void ewb_queue_drop(struct ewb_queue *q, struct ewb_job *j);

#endif
