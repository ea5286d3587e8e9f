/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything with threads: two front ends with loops of their own, a pool, and
 * clients that check each byte that they are answered. */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/check.h"
#include "t/frontend_real.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define CLIENTS 8
#define PIPELINES (50 + UNIT_TIMES(250))
#define COMMANDS 32 /* of a pipeline, at most */
#define KEYS 6
#define LARGE 100000u

static unsigned seed;

/* On the pool: all bytes of a value are alike, whatever is received meanwhile. */
static void
look_at_request(struct ewb_task *t, const struct ewb_request *r)
{
	const char *v = r->value, *k = r->key;

	(void)t;
	for (size_t i = 1; i < r->nvalue; i++)
		if (v[i] != v[0]) {
			real_complain("a value changed under its command");
			return;
		}
	if (r->nkey < 6 || k[0] != 'l' || k[r->nkey - 2] != '.')
		real_complain("a key changed under its command");
}

static uint64_t delay;

static void
begin_late(void)
{
	tiny.delay_us = delay;
	tiny.working = look_at_request;
	seed = getenv("EWB_SEED") ? (unsigned)atoi(getenv("EWB_SEED"))
	                          : (unsigned)time(NULL);
	printf("EWB_SEED=%u\n", seed);
}

/* A client. */

struct model {
	unsigned epoch;     /* keys of an epoch are this connection's alone */
	unsigned len[KEYS]; /* of the value; 0: there is none */
	char byte[KEYS];
};

struct talker {
	unsigned number;
	uint64_t rng;
	int fd;
	bool stops; /* the server may go away */
	struct model m;
	char *say, *want;
	size_t nsay, nwant;
};

static unsigned
below(struct talker *t, unsigned n)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return (unsigned)((t->rng >> 33) % n);
}

static void
say_more(struct talker *t, const char *text)
{
	t->nsay += (size_t)sprintf(t->say + t->nsay, "%s", text);
}

static void
want_more(struct talker *t, const char *text)
{
	t->nwant += (size_t)sprintf(t->want + t->nwant, "%s", text);
}

/* Some keys are answered at once, some late. */
static void
spell_key(struct talker *t, unsigned k, char key[64])
{
	sprintf(key, "%c%u.%u.%u", k % 2 ? 'l' : 'k', t->number, t->m.epoch, k);
}

static void
plan_get(struct talker *t, unsigned k)
{
	unsigned other = below(t, KEYS), keys[2] = { k, other };
	char key[64], line[128];

	say_more(t, "get");
	for (unsigned i = 0; i < 2; i++) {
		unsigned n = t->m.len[keys[i]];

		spell_key(t, keys[i], key);
		sprintf(line, " %s", key);
		say_more(t, line);
		if (n == 0)
			continue;
		sprintf(line, "VALUE %s 0 %u\r\n", key, n);
		want_more(t, line);
		memset(t->want + t->nwant, t->m.byte[keys[i]], n);
		t->nwant += n;
		want_more(t, "\r\n");
	}
	say_more(t, "\r\n");
	want_more(t, "END\r\n");
}

static void
plan_set(struct talker *t, unsigned k)
{
	unsigned n = below(t, 20) ? 1 + below(t, 300) : 1 + below(t, LARGE);
	char key[64], line[128];
	bool quiet = below(t, 4) == 0;

	t->m.len[k] = n;
	t->m.byte[k] = (char)('a' + below(t, 26));
	spell_key(t, k, key);
	sprintf(line, "set %s 0 0 %u%s\r\n", key, n, quiet ? " noreply" : "");
	say_more(t, line);
	memset(t->say + t->nsay, t->m.byte[k], n);
	t->nsay += n;
	say_more(t, "\r\n");
	if (!quiet)
		want_more(t, "STORED\r\n");
}

static void
plan_delete(struct talker *t, unsigned k)
{
	char key[64], line[128];

	spell_key(t, k, key);
	sprintf(line, "delete %s\r\n", key);
	say_more(t, line);
	want_more(t, t->m.len[k] ? "DELETED\r\n" : "NOT_FOUND\r\n");
	t->m.len[k] = 0;
}

static void
plan_append(struct talker *t, unsigned k)
{
	char key[64], line[128];

	spell_key(t, k, key);
	if (t->m.len[k] == 0) {
		sprintf(line, "append %s 0 0 1\r\nx\r\n", key);
		say_more(t, line);
		want_more(t, "NOT_STORED\r\n");
		return;
	}
	sprintf(line, "append %s 0 0 1\r\n%c\r\n", key, t->m.byte[k]);
	say_more(t, line);
	want_more(t, "STORED\r\n");
	t->m.len[k]++;
}

static void
plan(struct talker *t)
{
	unsigned n = 1 + below(t, COMMANDS);

	t->nsay = t->nwant = 0;
	while (n--) {
		unsigned k = below(t, KEYS);

		/* the buffers hold this much of the largest */
		if (t->nsay > 20 * LARGE || t->nwant > 20 * LARGE)
			break;
		switch (below(t, 10)) {
		case 0:
		case 1:
		case 2:
		case 3: plan_get(t, k); break;
		case 4:
		case 5:
		case 6: plan_set(t, k); break;
		case 7: plan_delete(t, k); break;
		case 8: plan_append(t, k); break;
		default: say_more(t, "bogus\r\n"); want_more(t, "ERROR\r\n");
		}
	}
}

/* 0; -1: the connection is gone. */
static int
say_all(struct talker *t)
{
	size_t at = 0, part;
	ssize_t n;

	for (; at < t->nsay; at += (size_t)n) {
		/* sometimes in pieces */
		part = below(t, 3) ? t->nsay - at : 1 + below(t, 2000);
		if (part > t->nsay - at)
			part = t->nsay - at;
		n = send(t->fd, t->say + at, part, MSG_NOSIGNAL);
		if (n <= 0)
			return -1;
	}
	return 0;
}

static int
hear_all(struct talker *t)
{
	char *got = t->say; /* no longer needed */
	size_t at = 0;
	ssize_t n;

	for (; at < t->nwant; at += (size_t)n) {
		n = recv(t->fd, got,
		         t->nwant - at < 65536 ? t->nwant - at : 65536, 0);
		if (n <= 0)
			return -1;
		if (memcmp(got, t->want + at, (size_t)n) != 0) {
			real_complain("another answer than it should be");
			return -1;
		}
	}
	return 0;
}

static void
reconnect(struct talker *t)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (below(t, 2))
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(t->fd);
	t->fd = real_dial();
	t->m = (struct model){ .epoch = t->m.epoch + 1 };
}

/* Says no more: everything is answered, and then the connection ends. */
static void
finish_well(struct talker *t)
{
	char more;

	shutdown(t->fd, SHUT_WR);
	if (hear_all(t) || recv(t->fd, &more, 1, 0) != 0)
		if (!t->stops)
			real_complain("the end of input was not answered well");
	reconnect(t);
}

static void
talk_once(struct talker *t)
{
	plan(t);
	if (say_all(t)) {
		if (!t->stops)
			real_complain("the server does not listen");
		reconnect(t);
		return;
	}
	switch (below(t, 12)) {
	case 0: reconnect(t); return; /* hears nothing of it */
	case 1: finish_well(t); return;
	default: break;
	}
	if (hear_all(t) == 0)
		return;
	if (!t->stops)
		real_complain("the server does not answer");
	reconnect(t);
}

static void
talker_init(struct talker *t, unsigned number, bool stops)
{
	*t = (struct talker){ .number = number,
		              .rng = seed * 2654435761u + number * 97 + 1,
		              .stops = stops,
		              .say = malloc(60 * LARGE),
		              .want = malloc(60 * LARGE) };
	EWB_MUST(t->say && t->want);
	t->fd = real_dial();
}

static void *
talk(void *arg)
{
	struct talker *t = arg;

	for (unsigned i = 0; t->stops || i < PIPELINES; i++) {
		if (t->fd < 0)
			break; /* the server has gone */
		talk_once(t);
		real_tell();
	}
	if (t->fd < 0 && !t->stops)
		real_complain("the server does not accept");
	if (t->fd >= 0)
		close(t->fd);
	free(t->say);
	free(t->want);
	return NULL;
}

/* Somebody who asks for statistics all the time. */
static void *
ask(void *arg)
{
	_Atomic int *over = arg;
	static char got[1 << 20];
	int fd = real_dial();
	size_t have;
	ssize_t n;

	while (!atomic_load(over)) {
		static const char line[] = "stats cookies\r\nstats\r\n";
		unsigned ends = 0;

		if (send(fd, line, sizeof line - 1, MSG_NOSIGNAL) <= 0)
			break;
		for (have = 0; ends < 2; have += (size_t)n) {
			n = recv(fd, got + have, sizeof got - 1 - have, 0);
			if (n <= 0)
				break;
			got[have + (size_t)n] = '\0';
			ends = 0;
			for (char *at = got; (at = strstr(at, "END\r\n")); at++)
				ends++;
		}
		if (ends < 2)
			break;
	}
	close(fd);
	return NULL;
}

START_TEST(eight_clients_are_answered_right)
{
	struct talker t[CLIENTS];
	pthread_t threads[CLIENTS], asker;
	_Atomic int over = 0;

	delay = _i ? 300 : 0;
	real_start(0, begin_late);
	for (unsigned i = 0; i < CLIENTS; i++) {
		talker_init(&t[i], i, false);
		EWB_MUST0(pthread_create(&threads[i], NULL, talk, &t[i]));
	}
	EWB_MUST0(pthread_create(&asker, NULL, ask, &over));
	for (unsigned i = 0; i < CLIENTS; i++)
		EWB_MUST0(pthread_join(threads[i], NULL));
	atomic_store(&over, 1);
	EWB_MUST0(pthread_join(asker, NULL));
	real_stop();
}
END_TEST

START_TEST(a_stop_in_the_middle_of_it_brings_everything_home)
{
	struct talker t[CLIENTS];
	pthread_t threads[CLIENTS], asker;
	_Atomic int over = 0;

	delay = 300;
	real_start(0, begin_late);
	for (unsigned i = 0; i < CLIENTS; i++) {
		talker_init(&t[i], i, true);
		EWB_MUST0(pthread_create(&threads[i], NULL, talk, &t[i]));
	}
	EWB_MUST0(pthread_create(&asker, NULL, ask, &over));
	real_await(200);
	real_stop();
	for (unsigned i = 0; i < CLIENTS; i++)
		EWB_MUST0(pthread_join(threads[i], NULL));
	EWB_MUST0(pthread_join(asker, NULL));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, eight_clients_are_answered_right, 0, 2);
	tcase_add_test(t, a_stop_in_the_middle_of_it_brings_everything_home);
	suite_add_tcase(s, t);
	return unit_run(s);
}
