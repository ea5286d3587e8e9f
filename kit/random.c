/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands drawn at random: step by step against a model of what must come of
 * them, and with real threads. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/say.h"
#include "kit/watch.h"
#include "lib/check.h"
#include "protocol/binary.h"

/* The model: a few connections, each with a few keys of its own, and up to one
 * command of each connection on its way. */

#define ACTORS 6
#define KEYS 4

struct item {
	bool there;
	uint64_t from; /* the value's bytes */
	size_t n;
};

static struct actor {
	struct client *c;
	struct key key[KEYS];
	struct item item[KEYS];
	/* on its way */
	bool asked;
	uint8_t opcode;
	unsigned on;
	struct item then;
	unsigned expect;
} actors[ACTORS];

static uint8_t bytes[20000];

static size_t
some_size(void)
{
	static const size_t sizes[] = { 0, 1, 10, 100, 1000, 4096, 17000 };
	size_t n = sizes[kit_below(sizeof sizes / sizeof *sizes)];

	return n < say_max_value() ? n : say_max_value();
}

static void
ask_store_of(struct actor *a, uint8_t opcode)
{
	const struct item *is = &a->item[a->on];
	struct ask q;

	a->then = (struct item){ true, kit_draw(), some_size() };
	kit_fill(bytes, a->then.n, a->then.from);
	q = ask_store(opcode, &a->key[a->on], bytes, a->then.n);
	a->expect = EWB_OK;
	if (opcode == ASK_ADD && is->there)
		a->expect = EWB_EXISTS;
	if (opcode == ASK_REPLACE && !is->there)
		a->expect = EWB_NOT_FOUND;
	if (a->expect != EWB_OK)
		a->then = *is;
	client_ask(a->c, &q);
}

static void
act(struct actor *a)
{
	static const uint8_t opcodes[] = { ASK_GET,   ASK_GET, ASK_SET,
		                           ASK_SET,   ASK_ADD, ASK_REPLACE,
		                           ASK_DELETE };
	struct ask q;

	a->on = kit_below(KEYS);
	a->opcode = opcodes[kit_below(sizeof opcodes)];
	a->then = a->item[a->on];
	a->expect = a->then.there ? EWB_OK : EWB_NOT_FOUND;
	a->asked = true;
	switch (a->opcode) {
	case ASK_GET:
		q = ask_get(&a->key[a->on]);
		client_ask(a->c, &q);
		break;
	case ASK_DELETE:
		q = ask_remove(&a->key[a->on]);
		a->then.there = false;
		client_ask(a->c, &q);
		break;
	default: ask_store_of(a, a->opcode); break;
	}
}

static const char *
what_of(const struct actor *a)
{
	switch (a->opcode) {
	case ASK_GET: return "a get";
	case ASK_SET: return "a store";
	case ASK_ADD: return "a store that expects the key to be absent";
	case ASK_REPLACE: return "a store that expects the key to be present";
	default: return "a remove";
	}
}

static void
look_at(struct actor *a, const struct answer *got)
{
	const struct item *is = &a->item[a->on];

	must_status(got->status, a->expect, what_of(a));
	if (a->opcode == ASK_GET && is->there) {
		kit_fill(bytes, is->n, is->from);
		KIT_NEED(got->nvalue == is->n &&
		                 memcmp(got->value, bytes, is->n) == 0,
		         "a get answers %zu bytes which are not the %zu that "
		         "were stored last",
		         got->nvalue, is->n);
	}
	a->item[a->on] = a->then;
	a->asked = false;
}

static void
hear(struct actor *a)
{
	struct answer got;

	if (a->asked && client_has(a->c, &got))
		look_at(a, &got);
}

void
check_random_commands(void)
{
	double until;

	stage_open(&stage_plain);
	say_need_store();
	for (unsigned i = 0; i < ACTORS; i++) {
		actors[i] = (struct actor){ .c = client_new() };
		for (unsigned k = 0; k < KEYS; k++)
			actors[i].key[k] = key_of("%u.%u", i, k);
	}
	until = kit_now() + kit.seconds;
	for (unsigned n = 0; n < 2500 || kit_now() < until; n++) {
		struct actor *a = &actors[kit_below(ACTORS)];

		if (!a->asked)
			act(a);
		for (unsigned s = kit_below(4); s; s--)
			(void)stage_step();
		for (unsigned i = 0; i < ACTORS; i++)
			hear(&actors[i]);
		if (n % 64 == 0)
			stage_settle("commands drawn at random");
	}
	stage_settle("commands drawn at random");
	for (unsigned i = 0; i < ACTORS; i++)
		hear(&actors[i]);
	stage_close();
}

/* Real threads. */

#define FRONTS 2
#define DIALLED 8
#define EACH 8 /* incr of each connection, at once */

static struct real {
	struct ewb_server *server;
	pthread_t thread[FRONTS];
	pthread_barrier_t up;
	int fd[DIALLED]; /* ours */
	int theirs[DIALLED];
	char log[1000];
} real;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void
write_down(void *arg, const char *line)
{
	(void)arg;
	pthread_mutex_lock(&log_lock);
	snprintf(real.log, sizeof real.log, "%s", line);
	pthread_mutex_unlock(&log_lock);
}

static void *
be_front(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ewb_front *f = ewb_front_new(real.server, loop);

	EWB_MUST(f);
	ewb_now_on_front(f->d.thread);
	for (unsigned i = me; i < DIALLED; i += FRONTS)
		EWB_MUST0(ewb_front_adopt(f, real.theirs[i]));
	(void)pthread_barrier_wait(&real.up);
	ev_run(loop, 0);
	ewb_front_free(f);
	ev_loop_destroy(loop);
	return NULL;
}

static void
dial(void)
{
	struct timeval patience = { .tv_sec = kit.patience };
	int fd[2];

	for (unsigned i = 0; i < DIALLED; i++) {
		EWB_MUST0(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
		setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &patience,
		           sizeof patience);
		real.fd[i] = fd[0];
		real.theirs[i] = fd[1];
	}
}

static void
real_open(void)
{
	struct ewb_server_options so;
	char why[600] = "";

	ewb_server_defaults(&so);
	so.deadline_ms = 0;
	so.vbuckets = STAGE_VBUCKETS;
	so.log = write_down;
	real.server = ewb_server_new(&so, why, sizeof why);
	KIT_NEED(real.server, "%s", why);
	KIT_NEED(stage_load(real.server, why, sizeof why) == 0,
	         "it does not open: %s", why);
	dial();
	EWB_MUST0(pthread_barrier_init(&real.up, NULL, FRONTS + 1));
	for (unsigned i = 0; i < FRONTS; i++)
		EWB_MUST0(pthread_create(&real.thread[i], NULL, be_front,
		                         (void *)(uintptr_t)i));
	(void)pthread_barrier_wait(&real.up);
}

static void
real_close(void)
{
	for (unsigned i = 0; i < DIALLED; i++)
		close(real.fd[i]);
	KIT_NEED(ewb_server_stop(real.server, kit.patience * 1000) == EWB_OK,
	         "the server does not stop: %s", real.log);
	for (unsigned i = 0; i < FRONTS; i++)
		EWB_MUST0(pthread_join(real.thread[i], NULL));
	ewb_server_free(real.server);
}

static void
shout(unsigned i, const struct ask *a)
{
	struct ewb_bin_request r = {
		.opcode = a->opcode,
		.nextras = a->nextras,
		.nkey = (uint16_t)a->nkey,
		.nbody = (uint32_t)(a->nextras + a->nkey + a->nvalue),
	};
	uint8_t frame[400];
	size_t n = EWB_BIN_HEAD;

	ewb_bin_request(frame, &r);
	memcpy(frame + n, a->extras, a->nextras);
	n += a->nextras;
	memcpy(frame + n, a->key, a->nkey);
	n += a->nkey;
	if (a->nvalue)
		memcpy(frame + n, a->value, a->nvalue);
	n += a->nvalue;
	KIT_NEED(send(real.fd[i], frame, n, MSG_NOSIGNAL) == (ssize_t)n,
	         "the server closed a connection");
}

/* The status; the body's last 8 bytes. */
static unsigned
listen_to(unsigned i, uint64_t *number)
{
	uint8_t head[EWB_BIN_HEAD], body[1000];
	struct ewb_bin_reply r;

	KIT_NEED(recv(real.fd[i], head, sizeof head, MSG_WAITALL) ==
	                 sizeof head,
	         "a command was not answered within %u s", kit.patience);
	EWB_MUST(ewb_bin_response(head, sizeof head, &r) == EWB_BIN_HEAD);
	KIT_NEED(r.nbody <= sizeof body, "an answer has %u bytes", r.nbody);
	if (r.nbody)
		KIT_NEED(recv(real.fd[i], body, r.nbody, MSG_WAITALL) ==
		                 (ssize_t)r.nbody,
		         "an answer was cut short");
	if (number)
		*number = r.nbody >= 8 ? ewb_be64(body + r.nbody - 8) : 0;
	return r.status;
}

static void
need_stores(unsigned status)
{
	say_need_passed(status);
	if (status == EWB_NOT_SUPPORTED)
		kit_skip("the engine does not store");
}

static void
count_together(const struct key *k)
{
	struct ask incr = ask_count(ASK_INCR, k, 1);
	bool seen[DIALLED * EACH + 1] = { false };
	uint64_t n;

	for (unsigned e = 0; e < EACH; e++)
		for (unsigned i = 0; i < DIALLED; i++)
			shout(i, &incr);
	for (unsigned e = 0; e < EACH; e++)
		for (unsigned i = 0; i < DIALLED; i++) {
			must_status(listen_to(i, &n), EWB_OK, "an incr");
			KIT_NEED(n >= 1 && n <= DIALLED * EACH && !seen[n],
			         "64 incr at once, by real threads: two of "
			         "them answered %llu, so one was lost",
			         (unsigned long long)n);
			seen[n] = true;
		}
}

void
check_threads_increments(void)
{
	struct key k = key_of("k");
	struct ask set = ask_store(ASK_SET, &k, "0", 1);
	double until;

	real_open();
	shout(0, &set);
	need_stores(listen_to(0, NULL));
	until = kit_now() + kit.seconds / 2.0;
	do {
		shout(0, &set);
		must_status(listen_to(0, NULL), EWB_OK, "a store");
		count_together(&k);
	} while (kit_now() < until);
	real_close();
}

/* Each connection has a key that it alone writes, and reads those of others. */

static struct key mine[DIALLED];

static void
shout_round(unsigned i, unsigned round)
{
	struct ask get = ask_get(&mine[i]);
	struct ask other = ask_get(&mine[(i + round + 1) % DIALLED]);
	struct ask gone = ask_remove(&mine[i]), set;
	uint8_t value[8];

	ewb_put64(value, round * DIALLED + i);
	set = ask_store(ASK_SET, &mine[i], value, sizeof value);
	shout(i, round % 3 == 2 ? &gone : &set);
	shout(i, &get);
	shout(i, &other);
}

static void
listen_round(unsigned i, unsigned round)
{
	bool removed = round % 3 == 2;
	unsigned status = listen_to(i, NULL);
	uint64_t n = 0;

	must_status(status, EWB_OK,
	            removed ? "a remove, by real threads"
	                    : "a store, by real threads");
	must_status(listen_to(i, &n), removed ? EWB_NOT_FOUND : EWB_OK,
	            "a get of a connection's own key, by real threads");
	KIT_NEED(removed || n == round * DIALLED + i,
	         "a get, by real threads, answers another value than the "
	         "connection had stored before it");
	status = listen_to(i, NULL);
	KIT_NEED(status == EWB_OK || status == EWB_NOT_FOUND,
	         "a get, by real threads, says %s", status_name(status));
}

void
check_threads_commands(void)
{
	struct ask set;
	double until;

	real_open();
	for (unsigned i = 0; i < DIALLED; i++)
		mine[i] = key_of("%u", i);
	set = ask_store(ASK_SET, &mine[0], "probe", 5);
	shout(0, &set);
	need_stores(listen_to(0, NULL));
	until = kit_now() + kit.seconds / 2.0;
	for (unsigned round = 0; round < 24 || kit_now() < until; round++) {
		for (unsigned i = 0; i < DIALLED; i++)
			shout_round(i, round);
		for (unsigned i = 0; i < DIALLED; i++)
			listen_round(i, round);
	}
	real_close();
}
