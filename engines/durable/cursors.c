/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "cursors.h"

void
dur_cursors_init(struct dur_cursors *all, struct ewb_host *host,
                 void (*end)(struct dur_cursor *cu))
{
	all->host = host;
	all->end = end;
	all->first = NULL;
	pthread_mutex_init(&all->lock, NULL);
}

void
dur_cursors_fini(struct dur_cursors *all)
{
	pthread_mutex_destroy(&all->lock);
}

void
dur_cursors_add(struct dur_cursors *all, struct dur_cursor *cu)
{
	cu->all = all;
	cu->since = ewb_host_clock(all->host);
	cu->ended = false;
	pthread_mutex_init(&cu->lock, NULL);
	pthread_mutex_lock(&all->lock);
	cu->next = all->first;
	if (cu->next)
		cu->next->at = &cu->next;
	cu->at = &all->first;
	all->first = cu;
	pthread_mutex_unlock(&all->lock);
}

/* Under its lock. */
static bool
end(struct dur_cursor *cu)
{
	if (cu->ended)
		return false;
	cu->ended = true;
	cu->all->end(cu);
	return true;
}

void
dur_cursors_remove(struct dur_cursor *cu)
{
	pthread_mutex_lock(&cu->all->lock);
	*cu->at = cu->next;
	if (cu->next)
		cu->next->at = cu->at;
	/* before who ends all, and then closes what they read, gets the lock */
	end(cu);
	pthread_mutex_unlock(&cu->all->lock);
	pthread_mutex_destroy(&cu->lock);
}

bool
dur_cursor_enter(struct dur_cursor *cu)
{
	pthread_mutex_lock(&cu->lock);
	if (!cu->ended)
		return true;
	pthread_mutex_unlock(&cu->lock);
	return false;
}

void
dur_cursor_leave(struct dur_cursor *cu)
{
	pthread_mutex_unlock(&cu->lock);
}

unsigned
dur_cursors_end(struct dur_cursors *all, uint64_t before)
{
	struct dur_cursor *cu;
	unsigned n = 0;

	pthread_mutex_lock(&all->lock);
	for (cu = all->first; cu; cu = cu->next) {
		if (cu->since >= before)
			continue;
		pthread_mutex_lock(&cu->lock);
		n += end(cu);
		pthread_mutex_unlock(&cu->lock);
	}
	pthread_mutex_unlock(&all->lock);
	return n;
}

uint64_t
dur_cursors_oldest(struct dur_cursors *all)
{
	struct dur_cursor *cu;
	uint64_t oldest = UINT64_MAX;

	pthread_mutex_lock(&all->lock);
	for (cu = all->first; cu; cu = cu->next) {
		pthread_mutex_lock(&cu->lock);
		if (!cu->ended && cu->since < oldest)
			oldest = cu->since;
		pthread_mutex_unlock(&cu->lock);
	}
	pthread_mutex_unlock(&all->lock);
	return oldest;
}
