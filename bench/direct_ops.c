/* SPDX-License-Identifier: BSD-2-Clause */
/* Gets and sets by many threads; and what a sync takes. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/account.h"
#include "bench/direct.h"
#include "bench/net.h"
#include "bench/tally.h"

#define NDIGITS 10
#define BLOCK 4096

enum phase { WARM, COUNT, END };

struct worker {
	pthread_t thread;
	uint64_t seed;
	unsigned long sum; /* of what was read */
	struct tally tally;
};

/* set once */
static const struct direct_library *library;
static const struct direct_options *options;
static bool sets;
/* any thread */
static _Atomic enum phase phase;

/* As load's: k, the size of the value, the number. */
static void
make_key(char *to, unsigned long n)
{
	char text[32];

	snprintf(text, sizeof text, "k%04zu:%010lu", options->vsize % 10000, n);
	memset(to, 0, DIRECT_KEY);
	memcpy(to + DIRECT_KEY - 16, text, 16);
}

static uint64_t
chance(struct worker *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed;
}

static void
work_once(struct worker *w, char *value)
{
	char key[DIRECT_KEY];
	unsigned long got;

	make_key(key, (unsigned long)(chance(w) >> 20) % options->keys);
	if (sets) {
		library->put(key, sizeof key, value,
		             DIRECT_HEAD + options->vsize);
		return;
	}
	got = library->get(key, sizeof key);
	if (got == 0)
		net_fail("direct: a key is missing");
	w->sum += got;
}

static void *
work(void *arg)
{
	char *value = calloc(1, DIRECT_HEAD + options->vsize);
	struct worker *w = arg;
	enum phase now;
	size_t i;

	value[0] = 1;
	for (i = 0; i < options->vsize; i++)
		value[DIRECT_HEAD + i] = (char)('a' + i % 26);
	while ((now = atomic_load(&phase)) != END) {
		uint64_t began = net_now();

		work_once(w, value);
		if (now == COUNT)
			tally_add(&w->tally, net_now() - began, 1);
	}
	free(value);
	return NULL;
}

static void
merge(struct tally *to, const struct tally *from)
{
	size_t i;

	for (i = 0; i < sizeof to->at / sizeof *to->at; i++)
		to->at[i] += from->at[i];
	to->count += from->count;
	if (from->max > to->max)
		to->max = from->max;
}

static void
report(const struct tally *t, const struct account *from,
       const struct account *to)
{
	double ops = (double)(t->count ? t->count : 1);
	struct account_span s;

	account_span(&s, from, to);
	printf("ops=%.0f seconds=%.4f ops_s=%.0f self_us=%.4f p50_us=%.1f "
	       "p99_us=%.1f max_us=%.1f other=%.3f steal=%.3f\n",
	       (double)t->count, s.seconds, ops / s.seconds, s.self * 1e6 / ops,
	       tally_us(t, 0.5), tally_us(t, 0.99), (double)t->max / 1e3,
	       s.other, s.steal);
}

static int
run(void)
{
	struct worker *workers =
		calloc((size_t)options->threads, sizeof *workers);
	static struct tally all;
	struct account from, to;
	int i;

	library->open(options);
	for (i = 0; i < options->threads; i++) {
		workers[i].seed = 88172645463325252ull * (uint64_t)(2 * i + 1);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			net_fail("direct: no more threads");
	}
	net_sleep(options->warm);
	account_take(&from, 0);
	atomic_store(&phase, COUNT);
	net_sleep(options->seconds);
	account_take(&to, 0);
	atomic_store(&phase, END);
	for (i = 0; i < options->threads; i++) {
		pthread_join(workers[i].thread, NULL);
		merge(&all, &workers[i].tally);
	}
	report(&all, &from, &to);
	free(workers);
	return 0;
}

int
direct_sets(const struct direct_library *l, const struct direct_options *o)
{
	library = l;
	options = o;
	sets = true;
	return run();
}

int
direct_gets(const struct direct_library *l, const struct direct_options *o)
{
	library = l;
	options = o;
	return run();
}

int
direct_sync(const struct direct_library *l, const struct direct_options *o)
{
	static const char block[BLOCK];
	static struct tally tally;
	struct account from, to;
	uint64_t began, end;
	char name[4096];
	int fd;

	(void)l;
	snprintf(name, sizeof name, "%s/sync", o->path);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		net_die(name);
	account_take(&from, 0);
	end = net_now() + (uint64_t)(o->seconds * 1e9);
	while ((began = net_now()) < end) {
		if (write(fd, block, BLOCK) != BLOCK || fdatasync(fd))
			net_die(name);
		tally_add(&tally, net_now() - began, 1);
	}
	account_take(&to, 0);
	close(fd);
	unlink(name);
	report(&tally, &from, &to);
	return 0;
}
