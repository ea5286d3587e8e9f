/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of a class. */
#ifndef LIB_WORKER_H
#define LIB_WORKER_H

#include "lib/class.h"

/* Starts n threads; 0 or -errno, and then none runs. */
int ewb_workers_open(struct ewb_class *c, unsigned n);
/* Nothing may be queued.  Waits for all. */
void ewb_workers_close(struct ewb_class *c);

#endif
