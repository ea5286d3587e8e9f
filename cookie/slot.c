/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of cookies: process-wide, of one type for ever, never given back. */
#include "config.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/cookie.h"
#include "lib/check.h"

#define BLOCK 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static struct ewb_cookie *free_slots;
static struct ewb_blame *blames;
/* what keeps the blocks reachable, for those who look for leaks */
static struct block {
	struct block *next;
	struct ewb_cookie at[BLOCK];
} *blocks;

static void
add_block(void)
{
	struct block *b = calloc(1, sizeof *b);

	if (b == NULL)
		return;
	b->next = blocks;
	blocks = b;
	for (unsigned i = 0; i < BLOCK; i++) {
		b->at[i].next = free_slots;
		free_slots = &b->at[i];
	}
}

struct ewb_cookie *
ewb_slot_take(void)
{
	struct ewb_cookie *c;

	EWB_MUST0(pthread_mutex_lock(&lock));
	if (free_slots == NULL)
		add_block();
	c = free_slots;
	if (c)
		free_slots = c->next;
	EWB_MUST0(pthread_mutex_unlock(&lock));
	return c;
}

void
ewb_slot_give(struct ewb_cookie *c)
{
	EWB_MUST0(pthread_mutex_lock(&lock));
	c->next = free_slots;
	free_slots = c;
	EWB_MUST0(pthread_mutex_unlock(&lock));
}

static struct ewb_blame *
find_blame(const char *engine)
{
	struct ewb_blame *b;

	for (b = blames; b; b = b->next)
		if (strncmp(b->engine, engine, sizeof b->engine - 1) == 0)
			return b;
	b = calloc(1, sizeof *b);
	if (b == NULL)
		return NULL;
	strncpy(b->engine, engine, sizeof b->engine - 1);
	b->next = blames;
	blames = b;
	return b;
}

struct ewb_blame *
ewb_blame_of(const char *engine)
{
	struct ewb_blame *b;

	EWB_MUST0(pthread_mutex_lock(&lock));
	b = find_blame(engine);
	EWB_MUST0(pthread_mutex_unlock(&lock));
	return b;
}

void
ewb_blame_sum(uint64_t *stale, uint64_t *filling)
{
	*stale = *filling = 0;
	EWB_MUST0(pthread_mutex_lock(&lock));
	for (struct ewb_blame *b = blames; b; b = b->next)
		for (unsigned op = 0; op < EWB_NOPS; op++) {
			*stale += atomic_load(&b->stale[op]);
			*filling += atomic_load(&b->filling[op]);
		}
	EWB_MUST0(pthread_mutex_unlock(&lock));
}
