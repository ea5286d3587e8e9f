/* SPDX-License-Identifier: BSD-2-Clause */
/* Has each call to the disk fail in turn: while a server starts, on data that are
 * there and on none, and while clients change its data.  Whatever it answers then,
 * what it acknowledges is there after the power is cut; each command is answered,
 * or its connection closed; and when the one fault is over, or the full disk has
 * room again, it goes on without being started anew. */
#include "config.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "t/disk/setup.h"

#define START_SECONDS 60
#define RECOVER_SECONDS 20
#define BURST 25 /* commands of each client */

enum when { RUNNING, STARTING, STARTING_NEW, NWHEN };
static const char *const when_names[] = { "running", "starting",
	                                  "starting on nothing" };

struct hand {
	struct worker worker;
	pthread_t thread;
	struct trial *trial;
	long acknowledged, refused;
};

struct trial {
	struct setup *setup;
	struct model *model;
	struct server *server;
	struct chance chance;
	struct hand *hands;
	char what[100]; /* is being tried */
	bool up;
	/* of this kind */
	long tried, fired, refused, ended, not_started;
	uint64_t longest; /* us until it went on */
};

static void
say_why(struct trial *t, const char *what)
{
	char said[2000];

	model_complain(t->model, "%s: %s; it said: %s", t->what, what,
	               server_said(t->server, said, sizeof said));
}

/* A library may end the process, in its own words; we may not. */
static void
crashed(struct trial *t, int status)
{
	char said[2000];

	server_said(t->server, said, sizeof said);
	t->ended++;
	if (WTERMSIG(status) != SIGABRT ||
	    (!strstr(said, "Assertion") && !strstr(said, "terminate called")))
		say_why(t, "the server has crashed");
	else
		printf("%s: a library ends the process: %s\n", t->what, said);
}

static bool
ended(struct trial *t)
{
	int status;

	if (!t->up)
		return true;
	if (!server_ended(t->server, &status))
		return false;
	if (WIFSIGNALED(status))
		crashed(t, status);
	else
		say_why(t, "the server has ended by itself");
	t->up = false;
	return true;
}

static void
end_server(struct trial *t)
{
	struct disk_undone u;

	for (unsigned i = 0; i < t->model->nworkers; i++)
		client_close(&t->hands[i].worker.client);
	ended(t);
	disk_control_clear(t->server->control);
	server_kill(t->server);
	server_gone(t->server);
	if (server_undo(t->server, setup_forget(t->setup, &t->chance),
	                chance_next(&t->chance), &u))
		exit(2);
	t->up = false;
}

/* Without faults: it serves, and has what it must have. */
static bool
start_well(struct trial *t)
{
	if (t->server->pid)
		end_server(t);
	if (server_begin(t->server))
		exit(2);
	if (server_ready(t->server, START_SECONDS) != SERVER_UP) {
		say_why(t, "afterwards it does not start");
		return false;
	}
	t->up = true;
	if (model_verify(t->model, t->server->port) ||
	    model_scan(t->model, t->setup->ewbctl, t->server->port)) {
		say_why(t, "afterwards it does not answer");
		return false;
	}
	return true;
}

static bool
connect_worker(struct trial *t, struct hand *h)
{
	return h->worker.client.fd >= 0 ||
	       client_open(&h->worker.client, t->server->port) == 0;
}

static void *
work(void *arg)
{
	struct hand *h = arg;

	uint64_t n = h->trial->setup->most ? h->trial->setup->most : BURST;

	for (uint64_t i = 0; i < n && connect_worker(h->trial, h); i++)
		switch (worker_step(&h->worker)) {
		case STEP_READ: break;
		case STEP_ACK: h->acknowledged++; break;
		case STEP_REFUSED: h->refused++; break;
		case STEP_GONE:
		case STEP_LATE: client_close(&h->worker.client); return NULL;
		}
	return NULL;
}

/* All clients at once. */
static void
burst(struct trial *t)
{
	for (unsigned i = 0; i < t->model->nworkers; i++)
		if (pthread_create(&t->hands[i].thread, NULL, work,
		                   &t->hands[i]))
			abort();
	for (unsigned i = 0; i < t->model->nworkers; i++) {
		pthread_join(t->hands[i].thread, NULL);
		t->refused += t->hands[i].refused;
		t->hands[i].refused = t->hands[i].acknowledged = 0;
	}
}

/* The fault is over: soon each client's write succeeds. */
static void
recover(struct trial *t)
{
	uint64_t began = now_us(), until = began + RECOVER_SECONDS * 1000000;
	enum step step = STEP_ACK;

	for (unsigned i = 0; i < t->model->nworkers; i++) {
		struct hand *h = &t->hands[i];

		do {
			if (!connect_worker(t, h) ||
			    (step = worker_set(&h->worker)) >= STEP_GONE) {
				client_close(&h->worker.client);
				if (ended(t))
					return;
			}
			if (step != STEP_ACK)
				poll(NULL, 0, 2);
		} while (step != STEP_ACK && now_us() < until);
		if (step != STEP_ACK) {
			say_why(t, "writes do not succeed afterwards");
			return;
		}
		/* the fault may have been kept for the first of them */
		do
			step = worker_get(&h->worker);
		while (step != STEP_READ && step < STEP_GONE &&
		       now_us() < until);
		if (step != STEP_READ)
			say_why(t, "a read does not succeed afterwards");
	}
	if (now_us() - began > t->longest)
		t->longest = now_us() - began;
}

/* One at start: it serves, or ends and says why. */
static bool
start_badly(struct trial *t)
{
	char said[2000];
	int status = 0;

	if (server_begin(t->server))
		exit(2);
	switch (server_ready(t->server, START_SECONDS)) {
	case SERVER_UP: t->up = true; return true;
	case SERVER_LATE: say_why(t, "it does not start, nor end"); break;
	case SERVER_ENDED:
		t->not_started++;
		server_ended(t->server, &status);
		server_said(t->server, said, sizeof said);
		if (WIFSIGNALED(status))
			crashed(t, status);
		else if (WEXITSTATUS(status) == 0 || *said == 0)
			say_why(t, "it does not say why it does not start");
		else if (strstr(said, "Sanitizer"))
			say_why(t, "it has a mistake where it does not start");
		break;
	}
	return false;
}

static const char *
error_for(struct trial *t, enum disk_call call)
{
	static const char *const of_write[] = { "ENOSPC", "EIO", "HALF" };

	switch (call) {
	case DISK_OPEN: return "EMFILE";
	case DISK_WRITE: return of_write[chance_below(&t->chance, 3)];
	case DISK_SPACE: return "ENOSPC";
	case DISK_SYNC: return "EIO";
	default: return "ENOMEM";
	}
}

static void
arm(struct trial *t, const char *spec)
{
	if (disk_control_set(t->server->control, spec))
		abort();
}

/* The nth of those calls fails. */
static void
try_one(struct trial *t, enum disk_call call, enum when when, uint64_t nth)
{
	struct disk_control *c = t->server->control;
	uint64_t had = atomic_load(&c->of[call].failed);
	char spec[64];

	snprintf(spec, sizeof spec, "%s:%" PRIu64 ":%s", disk_call_names[call],
	         nth, error_for(t, call));
	snprintf(t->what, sizeof t->what, "%s %s", spec, when_names[when]);
	if (when != RUNNING && t->server->pid)
		end_server(t);
	if (when == RUNNING && !t->up && !start_well(t))
		return;
	if (when == STARTING_NEW) {
		server_wipe(t->server);
		model_forget(t->model);
	}
	t->tried++;
	arm(t, spec);
	if (when == RUNNING || start_badly(t)) {
		burst(t);
		if (!ended(t))
			recover(t);
	}
	t->fired += atomic_load(&c->of[call].failed) > had;
	disk_control_clear(c);
	/* not each time: faults are to meet what earlier ones have left */
	if (t->model->complaints || when != RUNNING || call == DISK_SYNC ||
	    chance_below(&t->chance, 2)) {
		end_server(t);
		start_well(t);
	}
}

/* How many of those calls there are. */
static uint64_t
count(struct trial *t, enum disk_call call, enum when when)
{
	struct disk_control *c = t->server->control;
	uint64_t had;

	snprintf(t->what, sizeof t->what, "no fault");
	if (when != RUNNING && t->server->pid)
		end_server(t);
	if (when == STARTING_NEW) {
		server_wipe(t->server);
		model_forget(t->model);
	}
	had = atomic_load(&c->of[call].count);
	if (!t->up && !start_well(t))
		return 0;
	if (when == RUNNING) {
		had = atomic_load(&c->of[call].count);
		burst(t);
	}
	return atomic_load(&c->of[call].count) - had;
}

static void
try_all(struct trial *t, enum disk_call call)
{
	for (int when = 0; when < NWHEN; when++) {
		uint64_t all = count(t, call, (enum when)when), n;
		uint64_t samples = (uint64_t)t->setup->samples;

		if (samples == 0)
			samples = all;
		else if (when != RUNNING) /* which takes longer */
			samples = (samples + 1) / 2;
		t->tried = t->fired = t->refused = t->ended = 0;
		t->not_started = 0;
		t->longest = 0;
		for (n = 0; n < samples && n < all && !t->model->complaints;
		     n++)
			try_one(t, call, (enum when)when,
			        samples >= all
			                ? n + 1
			                : 1 + chance_below(&t->chance, all));
		if (all == 0)
			continue;
		printf("%s, %s: %" PRIu64 " calls, tried %ld, failed %ld; "
		       "refused %ld, not started %ld, crashed %ld, "
		       "went on after %.1f ms at most\n",
		       disk_call_names[call], when_names[when], all, t->tried,
		       t->fired, t->refused, t->not_started, t->ended,
		       (double)t->longest / 1000);
		fflush(stdout);
		if (t->model->complaints)
			return;
	}
}

/* As long as it lasts writes fail, and reads do not. */
static void
try_while(struct trial *t, const char *spec)
{
	uint64_t refused;

	snprintf(t->what, sizeof t->what, "%s for a while", spec);
	if (!t->up && !start_well(t))
		return;
	t->longest = 0;
	arm(t, spec);
	burst(t);
	refused = t->model->refused;
	for (int i = 0; i < 20 && !ended(t); i++) {
		struct hand *h = &t->hands[(unsigned)i % t->model->nworkers];

		if (!connect_worker(t, h)) {
			say_why(t, "nobody can connect");
			return;
		}
		switch (i % 2 ? worker_get(&h->worker)
		              : worker_set(&h->worker)) {
		case STEP_READ: break;
		case STEP_ACK:
			say_why(t, "a write was acknowledged all the same");
			return;
		case STEP_REFUSED:
			if (i % 2) {
				say_why(t, "a read was refused");
				return;
			}
			break;
		case STEP_GONE:
		case STEP_LATE: say_why(t, "it hung up"); return;
		}
	}
	disk_control_clear(t->server->control);
	if (ended(t))
		say_why(t, "it has ended");
	else
		recover(t);
	printf("%s: %" PRIu64 " refused meanwhile, went on after %.1f ms\n",
	       t->what, t->model->refused - refused, (double)t->longest / 1000);
	fflush(stdout);
	end_server(t);
	start_well(t);
}

static void
try_everything(struct trial *t)
{
	static const char *const lasting[] = {
		"write:1+:ENOSPC,space:1+:ENOSPC", "sync:1+:EIO", "write:1+:EIO"
	};

	for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
		if (t->model->complaints == 0 &&
		    strstr(t->setup->kinds, "while"))
			try_while(t, lasting[i]);
	for (int call = 0; call < DISK_NCALLS; call++)
		if (t->model->complaints == 0 &&
		    strstr(t->setup->kinds, disk_call_names[call]))
			try_all(t, (enum disk_call)call);
}

int
main(int argc, char **argv)
{
	static struct setup s;
	struct trial t = { .setup = &s,
		           .model = &s.model,
		           .server = &s.server };

	setup_parse(&s, argc, argv);
	s.model.faulty = true;
	t.chance.state = s.seed;
	t.hands = calloc(s.model.nworkers, sizeof *t.hands);
	if (t.hands == NULL)
		abort();
	for (unsigned i = 0; i < s.model.nworkers; i++) {
		t.hands[i].trial = &t;
		worker_init(&t.hands[i].worker, &s.model, i,
		            chance_next(&t.chance));
	}
	if (start_well(&t) && model_probe(&s.model, s.server.port) == 0)
		try_everything(&t);
	if (s.server.pid)
		end_server(&t);
	if (s.model.complaints == 0 && start_well(&t) &&
	    server_stop(&s.server, START_SECONDS) != 0)
		say_why(&t, "the server did not end well");
	if (s.server.pid) {
		server_kill(&s.server);
		server_gone(&s.server);
	}
	for (unsigned i = 0; i < s.model.nworkers; i++)
		worker_fini(&t.hands[i].worker);
	free(t.hands);
	printf("mutations acknowledged %" PRIu64 ", refused %" PRIu64
	       ", keys verified %" PRIu64 "\n",
	       s.model.acknowledged, s.model.refused, s.model.verified);
	return setup_fini(&s);
}
