/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/stream.h"
#include "t/scan_play.h"

struct stage stage;

static bool reset;

void
stage_reset(void)
{
	play_defaults(&stage.server);
	stage.server.vbuckets = 1;
	ewb_scan_defaults(&stage.scan);
	memset(&table, 0, sizeof table);
	table.n = 10;
	table.size = 100;
	haul_empty(&haul);
	reset = true;
}

void
stage_open(unsigned nfronts, const struct ewb_engine *e)
{
	ck_assert(reset);
	reset = false;
	stage.thread = pthread_self();
	play_server(&stage.p, e, &stage.server);
	stage.scans = ewb_scans_new(stage.p.core, &stage.scan);
	ck_assert_ptr_nonnull(stage.scans);
	play_fronts(&stage.p, nfronts);
}

void
stage_close(void)
{
	struct ewb_core *core = stage.p.core;

	ears_close();
	stage_run();
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(atomic_load(&table.opened),
	                  atomic_load(&table.closed));
	ck_assert_uint_eq(atomic_load(&table.off_pool), 0);
	ck_assert_uint_eq(atomic_load(&table.together), 0);
	ck_assert_uint_eq(atomic_load(&core->streams), 0);
	ck_assert_uint_eq(ewb_budget_used(&core->budget), 0);
	ck_assert_uint_eq(stage_ended_in_all(), stage.scans->created);
	play_stop(&stage.p);
	ewb_scans_free(stage.scans);
	play_free(&stage.p);
	stage_reset();
}

/* Steps. */

bool
stage_job_of(unsigned where)
{
	bool did;

	stage.on_pool = true;
	did = ewb_pool_step(stage.p.core->pool, where) != 0;
	stage.on_pool = false;
	return did;
}

bool
stage_job(void)
{
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		if (stage_job_of(i))
			return true;
	return false;
}

void
stage_run_fronts(void)
{
	play_run_fronts(&stage.p);
}

void
stage_run(void)
{
	bool moved = true;
	unsigned rounds = 0;

	while (moved) {
		stage_run_fronts();
		moved = false;
		while (stage_job()) {
			moved = true;
			ck_assert_msg(++rounds < 1000000,
			              "it does not come to an end");
		}
	}
}

void
stage_pass(uint64_t ms)
{
	play_pass(&stage.p, ms);
	stage_run();
}

unsigned
stage_scans(void)
{
	unsigned n;

	ck_assert_int_eq(pthread_mutex_lock(&stage.scans->lock), 0);
	n = stage.scans->nopen;
	ck_assert_int_eq(pthread_mutex_unlock(&stage.scans->lock), 0);
	return n;
}

uint64_t
stage_ended(enum ewb_scan_cause cause)
{
	uint64_t n;

	ck_assert_int_eq(pthread_mutex_lock(&stage.scans->lock), 0);
	n = stage.scans->ended[cause];
	ck_assert_int_eq(pthread_mutex_unlock(&stage.scans->lock), 0);
	return n;
}

uint64_t
stage_ended_in_all(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < EWB_NCAUSES; i++)
		n += stage_ended((enum ewb_scan_cause)i);
	return n;
}
