/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <sched.h>

#include "lib/check.h"
#include "lib/hot.h"
#include "lib/inbox.h"

void
ewb_inbox_init(struct ewb_inbox *b, void (*wake)(void *arg), void *arg)
{
	b->wake = wake;
	b->wake_arg = arg;
	atomic_init(&b->newest, NULL);
	atomic_init(&b->asleep, 0);
	atomic_init(&b->posted, 0);
	atomic_init(&b->wakes, 0);
	atomic_init(&b->inside, 0);
	b->taken = NULL;
}

void
ewb_inbox_fini(struct ewb_inbox *b)
{
	while (atomic_load(&b->inside))
		sched_yield();
	EWB_MUST(!ewb_inbox_waiting(b));
	b->wake = NULL;
}

void
ewb_inbox_post(struct ewb_inbox *b, struct ewb_letter *l)
{
	struct ewb_letter *newest;

	atomic_fetch_add(&b->inside, 1);
	/* relaxed: a count for people, it orders nothing. */
	atomic_fetch_add_explicit(&b->posted, 1, memory_order_relaxed);
	newest = atomic_load(&b->newest);
	do {
		l->next = newest;
	} while (!atomic_compare_exchange_weak(&b->newest, &newest, l));
	/* The letter is the owner's from here on. */
	if (atomic_load(&b->asleep) && atomic_exchange(&b->asleep, 0)) {
		/* relaxed: as above. */
		atomic_fetch_add_explicit(&b->wakes, 1, memory_order_relaxed);
		b->wake(b->wake_arg);
	}
	/* The last touch: fini waits for it. */
	atomic_fetch_sub(&b->inside, 1);
}

/* The newest is on top of the stack; letters are delivered oldest first. */
static void
take_all(struct ewb_inbox *b)
{
	struct ewb_letter *l = atomic_exchange(&b->newest, NULL);

	while (l) {
		struct ewb_letter *older = l->next;

		l->next = b->taken;
		b->taken = l;
		l = older;
	}
}

int
ewb_inbox_step(struct ewb_inbox *b)
{
	struct ewb_letter *l;

	if (!b->taken)
		take_all(b);
	l = b->taken;
	if (!l)
		return 0;
	b->taken = l->next;
	l->next = NULL;
	l->deliver(l); /* l may be in an inbox again, or freed */
	return 1;
}

EWB_HOT size_t
ewb_inbox_run(struct ewb_inbox *b, size_t max)
{
	size_t n = 0;

	while (n < max && ewb_inbox_step(b))
		n++;
	return n;
}

int
ewb_inbox_waiting(const struct ewb_inbox *b)
{
	return b->taken || atomic_load(&b->newest);
}

EWB_HOT int
ewb_inbox_sleep(struct ewb_inbox *b)
{
	atomic_exchange(&b->asleep, 1);
	if (!ewb_inbox_waiting(b))
		return 1;
	ewb_inbox_awake(b);
	return 0;
}

void
ewb_inbox_awake(struct ewb_inbox *b)
{
	atomic_exchange(&b->asleep, 0);
}
