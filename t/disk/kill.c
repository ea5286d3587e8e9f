/* SPDX-License-Identifier: BSD-2-Clause */
/* Kills a server again and again while clients change its data, takes back what
 * it had not synced, starts it anew and looks whether all that it acknowledged is
 * there, whole, and nothing else. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "t/disk/setup.h"

#define START_SECONDS 120
#define FIRST_MS 50 /* that a start takes, until one was seen */
#define MOST 2000   /* acknowledgements between two kills */

struct round {
	struct setup *setup;
	/* the worker that makes it so many kills the server */
	_Atomic uint64_t left;
	uint64_t spin; /* microseconds later */
	_Atomic int killed;
};

struct hand {
	struct round *round;
	struct worker worker;
	pthread_t thread;
};

static struct {
	uint64_t *starts;
	size_t nstarts;
	long kills, kills_starting;
	uint64_t undone_files, undone_bytes;
} total;

static int
by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double
median_start(void)
{
	if (total.nstarts)
		qsort(total.starts, total.nstarts, sizeof *total.starts,
		      by_time);
	return total.nstarts ? (double)total.starts[total.nstarts / 2] / 1000
	                     : 0;
}

static void
say_why(struct setup *s, const char *what)
{
	char said[2000];

	model_complain(&s->model, "%s; it said: %s", what,
	               server_said(&s->server, said, sizeof said));
}

/* Starts it and waits until it serves.  0 or -1. */
static int
start(struct setup *s)
{
	uint64_t began = now_us();

	s->server.control->lie = 0;
	if (server_begin(&s->server))
		exit(2);
	switch (server_ready(&s->server, START_SECONDS)) {
	case SERVER_UP: break;
	case SERVER_ENDED: say_why(s, "the server did not start"); return -1;
	case SERVER_LATE: say_why(s, "the server does not start"); return -1;
	}
	total.starts = realloc(total.starts,
	                       (total.nstarts + 1) * sizeof *total.starts);
	if (total.starts == NULL)
		abort();
	total.starts[total.nstarts++] = now_us() - began;
	/* only now: else there would be nothing at all */
	s->server.control->lie = s->lie;
	return 0;
}

static void *
work(void *arg)
{
	struct hand *h = arg;
	struct round *r = h->round;
	uint64_t until;
	enum step step;

	if (client_open(&h->worker.client, r->setup->server.port))
		return NULL;
	while ((step = worker_step(&h->worker)) < STEP_GONE) {
		if (step != STEP_ACK || atomic_fetch_sub(&r->left, 1) != 1)
			continue;
		until = now_us() + r->spin;
		while (now_us() < until)
			;
		atomic_store(&r->killed, 1);
		server_kill(&r->setup->server);
	}
	client_close(&h->worker.client);
	return NULL;
}

/* The disk kills it, with one of its next calls. */
static void
arm(struct setup *s, struct chance *c, uint64_t most)
{
	char spec[64];

	snprintf(spec, sizeof spec, "%s:%" PRIu64 ":KILL",
	         chance_below(c, 4) ? "sync" : "write",
	         1 + chance_below(c, most));
	if (disk_control_set(s->server.control, spec))
		abort();
}

static bool
killed_by_disk(struct setup *s)
{
	bool is = false;

	for (int i = 0; i < DISK_NCALLS; i++)
		is |= atomic_exchange(&s->server.control->of[i].failed, 0) != 0;
	disk_control_clear(s->server.control);
	return is;
}

/* Clients at work until one of them kills it. */
static void
disturb(struct setup *s, struct chance *c)
{
	uint64_t most = 1 + chance_below(c, s->most);
	struct round r = { .setup = s, .spin = chance_below(c, 3000) };
	struct hand *hands = calloc(s->model.nworkers, sizeof *hands);
	unsigned i;
	int status;

	if (hands == NULL)
		abort();
	r.left = 1 + chance_below(c, most); /* rather early than late */
	if (chance_below(c, 2))
		arm(s, c, 1 + r.left / 8); /* many go together */
	for (i = 0; i < s->model.nworkers; i++) {
		hands[i].round = &r;
		worker_init(&hands[i].worker, &s->model, i, chance_next(c));
		/* records are told apart over all rounds */
		hands[i].worker.number = (uint32_t)total.nstarts << 16;
		if (pthread_create(&hands[i].thread, NULL, work, &hands[i]))
			abort();
	}
	for (i = 0; i < s->model.nworkers; i++) {
		pthread_join(hands[i].thread, NULL);
		worker_fini(&hands[i].worker);
	}
	free(hands);
	if (killed_by_disk(s) || r.killed)
		return;
	if (server_ended(&s->server, &status))
		say_why(s, "the server has ended by itself");
	else
		model_complain(&s->model, "the server has hung up");
	server_kill(&s->server);
}

static void
cut_power(struct setup *s, struct chance *c)
{
	enum disk_undo how = setup_forget(s, c);
	struct disk_undone u;

	server_gone(&s->server);
	if (server_undo(&s->server, how, chance_next(c), &u))
		exit(2);
	total.undone_files += u.files;
	total.undone_bytes += u.bytes;
	total.kills++;
}

/* While it is starting, if it has not done so before. */
static void
kill_early(struct setup *s, struct chance *c)
{
	double usual = total.nstarts ? median_start() : FIRST_MS;
	uint64_t us = chance_below(c, 1 + (uint64_t)(usual * 2000));
	struct timespec t = { (time_t)(us / 1000000),
		              (long)(us % 1000000) * 1000 };

	if (chance_below(c, 2))
		arm(s, c, 20);
	if (server_begin(&s->server))
		exit(2);
	nanosleep(&t, NULL);
	server_kill(&s->server);
	killed_by_disk(s);
	cut_power(s, c);
	total.kills_starting++;
}

static int
look(struct setup *s)
{
	int status;

	if (model_verify(&s->model, s->server.port) == 0 &&
	    model_scan(&s->model, s->ewbctl, s->server.port) == 0)
		return 0;
	say_why(s, server_ended(&s->server, &status)
	                   ? "the server has ended while it was looked at"
	                   : "the server could not be asked");
	return -1;
}

/* To the end; as long as nothing is wrong. */
static void
go(struct setup *s)
{
	uint64_t until = now_us() + (uint64_t)(s->minutes * 6e7);
	struct chance c = { s->seed };
	struct model *m = &s->model;

	while ((s->kills == 0 || total.kills < s->kills) && now_us() < until &&
	       m->complaints == 0) {
		/* also while it makes what is not there yet */
		if (chance_below(&c, total.nstarts ? 6 : 2) == 0) {
			kill_early(s, &c);
			continue;
		}
		if (start(s) ||
		    (total.nstarts == 1 && model_probe(m, s->server.port)) ||
		    look(s)) {
			server_kill(&s->server);
			server_gone(&s->server);
			return;
		}
		if (m->complaints) {
			server_kill(&s->server);
			server_gone(&s->server);
			return;
		}
		disturb(s, &c);
		cut_power(s, &c);
	}
}

/* After a last kill, and after an end as it should be. */
static void
finish(struct setup *s)
{
	for (int i = 0; i < 2 && s->model.complaints == 0; i++) {
		if (start(s) == 0)
			look(s);
		if (s->model.complaints == 0 &&
		    server_stop(&s->server, START_SECONDS) != 0)
			say_why(s, "the server did not end well");
		else if (s->server.pid) {
			server_kill(&s->server);
			server_gone(&s->server);
		}
	}
}

int
main(int argc, char **argv)
{
	static struct setup s;

	setup_parse(&s, argc, argv);
	s.most = s.most ? s.most : MOST;
	go(&s);
	finish(&s);
	printf("kills %ld (%ld while it was starting), mutations acknowledged "
	       "%" PRIu64 ", keys verified %" PRIu64 "\n",
	       total.kills, total.kills_starting, s.model.acknowledged,
	       s.model.verified);
	printf("undone: %" PRIu64 " bytes of %" PRIu64 " files; starts: "
	       "median %.0f ms",
	       total.undone_bytes, total.undone_files, median_start());
	printf(", most %.0f ms\n",
	       total.nstarts ? (double)total.starts[total.nstarts - 1] / 1000
	                     : 0);
	free(total.starts);
	return setup_fini(&s);
}
