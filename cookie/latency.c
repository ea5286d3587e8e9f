/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cookie/latency.h"

void
ewb_latency_fini(struct ewb_latency *l)
{
	for (unsigned op = 0; op < EWB_NOPS; op++)
		free(l->of[op]);
	*l = (struct ewb_latency){ 0 };
}

void
ewb_latency_add(struct ewb_latency *l, enum ewb_op op, enum ewb_phase p,
                uint64_t took, uint64_t n)
{
	if (l->of[op] == NULL)
		l->of[op] = calloc(EWB_NPHASES, sizeof *l->of[op]);
	if (l->of[op])
		ewb_hist_add_n(&l->of[op][p], took, n);
}

void
ewb_latency_reset(struct ewb_latency *l)
{
	for (unsigned op = 0; op < EWB_NOPS; op++)
		if (l->of[op])
			memset(l->of[op], 0, EWB_NPHASES * sizeof *l->of[op]);
}
