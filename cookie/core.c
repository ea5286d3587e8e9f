/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cookie/core.h"
#include "cookie/own.h"
#include "cookie/task.h"
#include "lib/check.h"

const struct ewb_limits ewb_limits_default = {
	.max_cookies = 100000,
	.max_pinned = (uint64_t)256 << 20,
	.deadline_ms = 2500,
	.high = 1 << 20,
	.low = 256 << 10,
	.buffer_memory = (size_t)256 << 20,
	.max_streams = 16384,
	.max_item = 1 << 20,
};

/* Bytes of chunks kept for use again. */
#define KEEP ((size_t)16 << 20)

static void
name_types(struct ewb_core *s)
{
	for (unsigned op = 0; op < EWB_NOPS; op++) {
		for (unsigned c = 0; c < EWB_POOL_CLASSES; c++)
			s->types[op][c] = (struct ewb_job_type){
				.name = ewb_op_name((enum ewb_op)op),
				.where = c,
				.run = ewb_task_run,
				.finished = ewb_task_finished,
			};
	}
}

int
ewb_core_init(struct ewb_core *s, const struct ewb_limits *limits,
              const struct ewb_class_options o[EWB_POOL_CLASSES],
              unsigned vbuckets)
{
	int err = 0;

	memset(s, 0, sizeof *s);
	s->limits = *limits;
	s->vbuckets = vbuckets;
	s->pool = ewb_pool_new(o, &s->clock, &err);
	if (s->pool == NULL)
		return err;
	s->magic = EWB_CORE_MAGIC;
	ewb_chunks_init(&s->chunks, KEEP);
	ewb_budget_init(&s->budget, limits->buffer_memory);
	ewb_keylocks_init(&s->keylocks);
	ewb_awaits_init(&s->awaits);
	name_types(s);
	return 0;
}

uint32_t
ewb_core_hash(const struct ewb_core *s, const void *key, size_t nkey)
{
	size_t skip = s->collections ? ewb_stored_skip(key, nkey) : 0;

	return ewb_key_hash((const uint8_t *)key + skip, nkey - skip);
}

int
ewb_core_count_uses(struct ewb_core *s)
{
	size_t n = EWB_USE_ROWS * ewb_core_nuses(s) * sizeof *s->uses;

	s->uses = aligned_alloc(EWB_LINE, n);
	if (s->uses == NULL)
		return -1;
	memset(s->uses, 0, n);
	return 0;
}

void
ewb_core_add_stats(struct ewb_core *s, struct ewb_stat_group g)
{
	EWB_MUST(s->ngroups < EWB_STAT_GROUPS);
	s->groups[s->ngroups++] = g;
}

void
ewb_core_fini(struct ewb_core *s)
{
	EWB_LIVE(s, EWB_CORE_MAGIC);
	EWB_MUST(atomic_load(&s->streams) == 0);
	ewb_pool_free(s->pool);
	ewb_own_fini(s);
	ewb_awaits_fini(&s->awaits);
	ewb_keylocks_fini(&s->keylocks);
	ewb_budget_fini(&s->budget);
	ewb_chunks_fini(&s->chunks);
	s->magic = 0;
}
