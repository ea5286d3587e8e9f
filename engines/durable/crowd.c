/* SPDX-License-Identifier: BSD-2-Clause */
#include "crowd.h"

#define SHORT_US 300u /* a sync that is not worth a wait */
#define SHY_MOST 63u

void
dur_crowd_answered(struct dur_crowd *w, size_t n, size_t waiting,
                   uint64_t took_us, uint64_t now)
{
	w->until = 0;
	if (w->pass) {
		w->pass--;
		return;
	}
	w->n = n + waiting;
	if (took_us >= SHORT_US && w->n > 1)
		w->until = now + took_us / 2;
}

static void
over(struct dur_crowd *w, bool came)
{
	if (came)
		w->shy = 0;
	else if (w->shy < SHY_MOST)
		w->shy = 2 * w->shy + 1;
	w->pass = w->shy;
	w->until = 0;
}

uint64_t
dur_crowd_wait(struct dur_crowd *w, size_t waiting, uint64_t now)
{
	atomic_store(&w->wanted, 0);
	if (!w->until || waiting == 0)
		return 0;
	if (waiting < w->n && now < w->until) {
		atomic_store(&w->wanted, w->n);
		return w->until - now;
	}
	over(w, waiting >= w->n);
	return 0;
}
