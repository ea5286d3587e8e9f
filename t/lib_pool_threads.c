/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/pool.h"
#include "t/alloc.h"
#include "t/unit.h"

#define READER 0 /* classes */
#define WRITER 1
#define THREADS 4
#define MANY 100000
#define BATCH 16
#define PARKERS 50
#define WAKERS 3
#define WAKES 2000 /* of each waker */
#define HOUR_US 3600000000u

static struct ewb_clock clock_; /* runs */
static struct ewb_pool *pool;

/* Those that have finished, and a way to wait for them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned ended;
static _Atomic unsigned inside, together;

static void
begin(void)
{
	const struct ewb_class_options o[EWB_POOL_CLASSES] = {
		{ .name = "reader", .threads = THREADS },
		{ .name = "writer",
		  .threads = 1,
		  .policy = EWB_POLICY_BATCH,
		  .nice = 1 },
		{ .name = "aux", .threads = 1, .policy = EWB_POLICY_IDLE }
	};
	int err;

	ended = 0;
	atomic_store(&together, 0);
	pool = ewb_pool_new(o, &clock_, &err);
	ck_assert_ptr_nonnull(pool);
}

static void
end(void)
{
	ewb_pool_free(pool);
}

static void
count_end(struct ewb_job *j)
{
	(void)j;
	pthread_mutex_lock(&lock);
	ended++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

static void
wait_for(unsigned n)
{
	pthread_mutex_lock(&lock);
	while (ended < n)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
}

/* What a job has done is counted when it is its owner's again. */
static void
stats_at_rest(struct ewb_class_stats *s)
{
	do {
		sched_yield();
		ewb_pool_stats(pool, READER, s);
	} while (s->running);
}

/* Many small jobs. */

struct small {
	struct ewb_job job; /* first */
	unsigned runs;
};

static enum ewb_after
run_small(struct ewb_job *j)
{
	((struct small *)j)->runs++;
	return EWB_TASK_DONE;
}

static const struct ewb_job_type small_type = { "small", READER, run_small,
	                                        count_end };

static struct small *
many_small(unsigned n)
{
	struct small *all = calloc(n, sizeof(*all));

	ck_assert_ptr_nonnull(all);
	for (unsigned i = 0; i < n; i++)
		all[i].job.type = &small_type;
	return all;
}

static void *
submit_half(void *arg)
{
	struct small *all = arg;
	struct ewb_batch b = { 0 };

	for (unsigned i = 0; i < MANY / 2; i++) {
		ewb_batch_add(&b, &all[i].job);
		if (b.n == BATCH || i == MANY / 2 - 1)
			ewb_pool_submit(pool, &b);
	}
	return NULL;
}

START_TEST(each_of_many_jobs_runs_once)
{
	struct small *all = many_small(MANY);
	struct ewb_class_stats s;
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, submit_half,
		                                all + i * (MANY / 2)),
		                 0);
	wait_for(MANY);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_uint_eq(all[i].runs, 1);
	stats_at_rest(&s);
	ck_assert_uint_eq(s.ran, MANY);
	ck_assert_uint_eq(s.run_us.count, MANY);
	ck_assert_uint_eq(s.threads, THREADS);
	free(all);
}
END_TEST

START_TEST(one_job_at_a_time_wakes_one_thread_for_each_at_most)
{
	struct small *all = many_small(1000);
	struct ewb_class_stats s;

	for (unsigned i = 0; i < 1000; i++) {
		ewb_pool_submit1(pool, &all[i].job);
		wait_for(i + 1);
	}
	ewb_pool_stats(pool, READER, &s);
	ck_assert_uint_le(s.wakes, 1000);
	free(all);
}
END_TEST

START_TEST(threads_that_run_jobs_allocate_nothing)
{
	struct small *all = many_small(1100);
	uint64_t before = 0;

	for (unsigned i = 0; i < 1100; i++) {
		if (i == 100)
			before = ewb_alloc_count();
		ewb_pool_submit1(pool, &all[i].job);
		wait_for(i + 1);
	}
	ck_assert_uint_eq(ewb_alloc_count(), before);
	free(all);
}
END_TEST

/* All threads of the class at work at once: each waits for the others. */
static pthread_barrier_t barrier;

static enum ewb_after
meet(struct ewb_job *j)
{
	(void)j;
	pthread_barrier_wait(&barrier);
	return EWB_TASK_DONE;
}

START_TEST(a_batch_brings_all_threads_to_work_by_one_wake_each)
{
	static const struct ewb_job_type type = { "meet", READER, meet,
		                                  count_end };
	struct ewb_job j[THREADS];
	struct ewb_batch b = { 0 };
	struct ewb_class_stats s;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		j[i] = (struct ewb_job){ .type = &type };
		ewb_batch_add(&b, &j[i]);
	}
	ewb_pool_submit(pool, &b);
	wait_for(THREADS);
	ewb_pool_stats(pool, READER, &s);
	ck_assert_uint_le(s.wakes, THREADS);
	pthread_barrier_destroy(&barrier);
}
END_TEST

/* Jobs that park until they have seen every wake. */

struct parker {
	struct ewb_job job; /* first */
	_Atomic unsigned noted;
	_Atomic int running;
};

static enum ewb_after
run_parker(struct ewb_job *j)
{
	struct parker *p = (struct parker *)j;
	unsigned seen;

	if (atomic_exchange(&p->running, 1))
		atomic_fetch_add(&together, 1);
	seen = atomic_load(&p->noted);
	atomic_store(&p->running, 0);
	if (seen == WAKERS * WAKES)
		return EWB_TASK_DONE;
	j->sleep_us = HOUR_US; /* a lost wake would be seen */
	return seen % 3 ? EWB_TASK_PARK : EWB_TASK_SLEEP;
}

static const struct ewb_job_type parker_type = { "parker", READER, run_parker,
	                                         count_end };

static void *
wake_all(void *arg)
{
	struct parker *all = arg;

	for (unsigned n = 0; n < WAKES; n++) {
		for (unsigned i = 0; i < PARKERS; i++) {
			atomic_fetch_add(&all[i].noted, 1);
			ewb_pool_wake(pool, &all[i].job);
		}
	}
	return NULL;
}

START_TEST(no_wake_from_another_thread_is_lost)
{
	static struct parker all[PARKERS];
	pthread_t t[WAKERS];

	memset(all, 0, sizeof(all));
	for (unsigned i = 0; i < PARKERS; i++) {
		all[i].job.type = &parker_type;
		ewb_pool_submit1(pool, &all[i].job);
	}
	for (int i = 0; i < WAKERS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, wake_all, all), 0);
	wait_for(PARKERS);
	for (int i = 0; i < WAKERS; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	ck_assert_uint_eq(atomic_load(&together), 0);
}
END_TEST

/* Cancelled while they are taken. */

START_TEST(a_job_is_either_cancelled_or_finished)
{
	struct small *all = many_small(MANY / 5);
	unsigned out = 0, ran = 0;

	for (unsigned i = 0; i < MANY / 5; i++) {
		ewb_pool_submit1(pool, &all[i].job);
		if (i >= 2)
			out += (unsigned)ewb_pool_cancel(pool, &all[i - 2].job);
	}
	wait_for(MANY / 5 - out);
	ewb_pool_free(pool); /* for what runs to be seen */
	for (unsigned i = 0; i < MANY / 5; i++)
		ran += all[i].runs;
	ck_assert_uint_eq(ran + out, MANY / 5);
	begin();
	free(all);
}
END_TEST

/* Strands of two classes. */

struct beads {
	struct ewb_job job; /* first */
	unsigned number, again;
};

static unsigned next_bead; /* guarded by the strand: that is the test */

static enum ewb_after
run_bead(struct ewb_job *j)
{
	struct beads *b = (struct beads *)j;

	if (atomic_fetch_add(&inside, 1))
		atomic_fetch_add(&together, 1);
	if (!b->again && b->number != next_bead++)
		atomic_fetch_add(&together, 1);
	atomic_fetch_sub(&inside, 1);
	if (b->number % 7 || b->again)
		return EWB_TASK_DONE;
	b->again = 1;
	j->sleep_us = 1;
	return b->number % 2 ? EWB_TASK_SLEEP : EWB_TASK_AGAIN;
}

START_TEST(a_strands_jobs_run_one_at_a_time_in_order)
{
	static const struct ewb_job_type type[2] = {
		{ "bead", READER, run_bead, count_end },
		{ "bead", WRITER, run_bead, count_end }
	};
	const unsigned n = MANY / 5;
	struct beads *all = calloc(n, sizeof(*all));
	struct ewb_batch b = { 0 };
	struct ewb_strand s;

	ck_assert_ptr_nonnull(all);
	ewb_strand_init(&s);
	next_bead = 0;
	for (unsigned i = 0; i < n; i++) {
		all[i] = (struct beads){ .job = { .type = &type[i % 3 == 0],
			                          .strand = &s },
			                 .number = i };
		ewb_batch_add(&b, &all[i].job);
		if (i % BATCH == 0 || i == n - 1)
			ewb_pool_submit(pool, &b);
	}
	wait_for(n);
	ck_assert_uint_eq(atomic_load(&together), 0);
	ewb_strand_fini(&s);
	free(all);
}
END_TEST

/* Sleepers, by the machine's clock. */

struct sleeper {
	struct ewb_job job; /* first */
	unsigned left;
	uint64_t not_before;
};

static enum ewb_after
run_sleeper(struct ewb_job *j)
{
	struct sleeper *s = (struct sleeper *)j;
	uint64_t now = ewb_clock_us(&clock_);

	if (now < s->not_before)
		atomic_fetch_add(&together, 1);
	s->not_before = now + j->sleep_us;
	return s->left-- ? EWB_TASK_SLEEP : EWB_TASK_DONE;
}

static const struct ewb_job_type sleeper_type = { "sleeper", READER,
	                                          run_sleeper, count_end };

/* Once it is seen asleep, its thread leads: the lock was not free between. */
static void
see_it_asleep(unsigned where)
{
	struct ewb_class_stats s;

	do {
		sched_yield();
		ewb_pool_stats(pool, where, &s);
	} while (!s.sleeping);
}

START_TEST(sleepers_run_on_time_beside_one_that_sleeps_long)
{
	static struct sleeper s[20];
	struct sleeper longest = {
		.job = { .type = &sleeper_type, .sleep_us = HOUR_US }, .left = 1
	};

	ewb_pool_submit1(pool, &longest.job);
	see_it_asleep(READER);
	for (unsigned i = 0; i < 20; i++) {
		s[i] = (struct sleeper){ .job = { .type = &sleeper_type,
			                          .sleep_us = 50 * (i + 1) },
			                 .left = 10 };
		ewb_pool_submit1(pool, &s[i].job);
		if (i == 0)
			wait_for(1); /* the leader, alone, had to be told */
	}
	wait_for(20);
	ck_assert_uint_eq(atomic_load(&together), 0);
	ewb_pool_cancel(pool, &longest.job);
}
END_TEST

START_TEST(a_long_sleeper_can_be_woken)
{
	struct sleeper s = {
		.job = { .type = &sleeper_type, .sleep_us = HOUR_US }, .left = 1
	};

	ewb_pool_submit1(pool, &s.job);
	see_it_asleep(READER);
	ewb_pool_wake(pool, &s.job);
	wait_for(1);
}
END_TEST

START_TEST(the_only_thread_runs_others_while_one_sleeps)
{
	static const struct ewb_job_type sleeps = { "sleeps", WRITER,
		                                    run_sleeper, count_end };
	static const struct ewb_job_type runs = { "runs", WRITER, run_small,
		                                  count_end };
	struct sleeper s = { .job = { .type = &sleeps, .sleep_us = HOUR_US },
		             .left = 1 };
	struct small other = { .job = { .type = &runs } };

	ewb_pool_submit1(pool, &s.job);
	see_it_asleep(WRITER);
	ewb_pool_submit1(pool, &other.job);
	wait_for(1);
	ck_assert_int_eq(ewb_pool_cancel(pool, &s.job), 1);
}
END_TEST

/* What a thread of the pool is like. */

static struct {
	char name[16];
	int policy, nice;
	sigset_t blocked;
} found;

static enum ewb_after
look_around(struct ewb_job *j)
{
	(void)j;
	pthread_getname_np(pthread_self(), found.name, sizeof(found.name));
	found.policy = sched_getscheduler(0);
	found.nice = getpriority(PRIO_PROCESS, 0);
	pthread_sigmask(SIG_BLOCK, NULL, &found.blocked);
	return EWB_TASK_DONE;
}

static void
look_in(unsigned where)
{
	const struct ewb_job_type type = { "look", where, look_around,
		                           count_end };
	struct ewb_job j = { .type = &type };

	ended = 0;
	ewb_pool_submit1(pool, &j);
	wait_for(1);
}

START_TEST(a_thread_has_its_classs_name_and_policy)
{
	int nice_here = getpriority(PRIO_PROCESS, 0);

	look_in(WRITER);
	ck_assert_str_eq(found.name, "ewb-writer/0");
	ck_assert_int_eq(found.policy, SCHED_BATCH);
	/* without the right to go back down it stays where it was */
	ck_assert_msg(found.nice == 1 ||
	                      (nice_here > 1 && found.nice == nice_here),
	              "%d, from %d", found.nice, nice_here);
	look_in(2);
	ck_assert_str_eq(found.name, "ewb-aux/0");
	ck_assert_int_eq(found.policy, SCHED_IDLE);
}
END_TEST

START_TEST(a_thread_gets_no_signals)
{
	look_in(READER);
	ck_assert_int_eq(sigismember(&found.blocked, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&found.blocked, SIGHUP), 1);
	pthread_sigmask(SIG_BLOCK, NULL, &found.blocked);
	ck_assert_int_eq(sigismember(&found.blocked, SIGTERM), 0);
}
END_TEST

START_TEST(a_pool_that_cannot_have_its_threads_is_refused)
{
	const struct ewb_class_options o[EWB_POOL_CLASSES] = {
		{ .name = "a", .threads = 1 }, { .name = "b", .threads = 1000 }
	};
	struct rlimit before, little;
	struct ewb_pool *p;
	int err = 0;

	if (!ewb_alloc_counts())
		return; /* a sanitizer needs all the room there is */
	getrlimit(RLIMIT_AS, &before);
	little = before;
	little.rlim_cur = (rlim_t)512 << 20;
	setrlimit(RLIMIT_AS, &little);
	p = ewb_pool_new(o, &clock_, &err);
	setrlimit(RLIMIT_AS, &before);
	ck_assert_ptr_null(p);
	ck_assert_int_lt(err, 0);
}
END_TEST

static TCase *
threads(void)
{
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, each_of_many_jobs_runs_once);
	tcase_add_test(t, one_job_at_a_time_wakes_one_thread_for_each_at_most);
	tcase_add_test(t, threads_that_run_jobs_allocate_nothing);
	tcase_add_test(t, a_batch_brings_all_threads_to_work_by_one_wake_each);
	tcase_add_test(t, no_wake_from_another_thread_is_lost);
	tcase_add_test(t, a_job_is_either_cancelled_or_finished);
	tcase_add_test(t, a_strands_jobs_run_one_at_a_time_in_order);
	tcase_add_test(t, sleepers_run_on_time_beside_one_that_sleeps_long);
	tcase_add_test(t, a_long_sleeper_can_be_woken);
	tcase_add_test(t, the_only_thread_runs_others_while_one_sleeps);
	tcase_add_test(t, a_thread_has_its_classs_name_and_policy);
	tcase_add_test(t, a_thread_gets_no_signals);
	tcase_add_test(t, a_pool_that_cannot_have_its_threads_is_refused);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("lib/pool with threads");

	suite_add_tcase(s, threads());
	return unit_run(s);
}
