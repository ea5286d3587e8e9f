/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/budget.h"
#include "lib/check.h"

void
ewb_budget_init(struct ewb_budget *b, size_t total)
{
	*b = (struct ewb_budget){ .left = total, .total = total };
	EWB_MUST0(pthread_mutex_init(&b->lock, NULL));
}

void
ewb_budget_fini(struct ewb_budget *b)
{
	EWB_MUST(b->first == NULL && b->left == b->total);
	EWB_MUST0(pthread_mutex_destroy(&b->lock));
}

static void
enqueue(struct ewb_budget *b, struct ewb_ask *a, size_t n)
{
	a->want = n;
	a->queued = 1;
	a->next = NULL;
	if (b->last)
		b->last->next = a;
	else
		b->first = a;
	b->last = a;
}

int
ewb_budget_take(struct ewb_budget *b, struct ewb_ask *a, size_t n)
{
	int taken = 0;

	if (n > b->total)
		return 0; /* would wait for ever */
	EWB_MUST0(pthread_mutex_lock(&b->lock));
	if (b->first == NULL && b->left >= n) {
		b->left -= n;
		taken = 1;
	} else if (!a->queued && atomic_load(&a->granted) == 0) {
		enqueue(b, a, n);
	}
	EWB_MUST0(pthread_mutex_unlock(&b->lock));
	return taken;
}

/* Under the lock: takes out the first asker if it can be served. */
static struct ewb_ask *
serve(struct ewb_budget *b)
{
	struct ewb_ask *a = b->first;

	if (a == NULL || a->want > b->left)
		return NULL;
	b->left -= a->want;
	b->first = a->next;
	if (b->first == NULL)
		b->last = NULL;
	a->queued = 0;
	return a;
}

/* Under the lock, which ewb_budget_leave() needs too: so an asker that has
 * left is never woken, and one that is woken has not left. */
static void
serve_all(struct ewb_budget *b)
{
	struct ewb_ask *a;

	while ((a = serve(b)) != NULL) {
		atomic_store(&a->granted, a->want);
		a->wake(a);
	}
}

void
ewb_budget_give(struct ewb_budget *b, size_t n)
{
	EWB_MUST0(pthread_mutex_lock(&b->lock));
	b->left += n;
	serve_all(b);
	EWB_MUST0(pthread_mutex_unlock(&b->lock));
}

void
ewb_budget_leave(struct ewb_budget *b, struct ewb_ask *a)
{
	struct ewb_ask **p, *prev = NULL;

	EWB_MUST0(pthread_mutex_lock(&b->lock));
	if (a->queued) {
		for (p = &b->first; *p != a; p = &(*p)->next)
			prev = *p;
		*p = a->next;
		if (b->last == a)
			b->last = prev;
		a->queued = 0;
	}
	b->left += atomic_exchange(&a->granted, 0);
	serve_all(b);
	EWB_MUST0(pthread_mutex_unlock(&b->lock));
}

size_t
ewb_budget_used(struct ewb_budget *b)
{
	size_t used;

	EWB_MUST0(pthread_mutex_lock(&b->lock));
	used = b->total - b->left;
	EWB_MUST0(pthread_mutex_unlock(&b->lock));
	return used;
}
