/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that say anything, in pieces of any size, and come and go, against a
 * server with small limits: whatever happens, everything comes home. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define CLIENTS 12
#define STEPS 10000

static struct play p;
static struct client *clients[CLIENTS];
static uint64_t rng;

static unsigned
below(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 33) % n);
}

static void
seed_it(void)
{
	unsigned seed = getenv("EWB_SEED") ? (unsigned)atoi(getenv("EWB_SEED"))
	                                   : (unsigned)time(NULL);

	printf("EWB_SEED=%u\n", seed);
	rng = seed * 2654435761ull + 1;
}

static const char *const texts[] = {
	"get k\r\n",
	"get h1 k l1 h2\r\n",
	"gets h1\r\n",
	"set k 0 0 3\r\nabc\r\n",
	"set h1 0 0 1\r\n5\r\n",
	"set l1 0 0 1 noreply\r\n7\r\n",
	"set k 0 0 3\r\nabcdef\r\n",
	"append h1 0 0 1\r\n1\r\n",
	"incr h1 1\r\n",
	"touch l2 0\r\n",
	"gat 0 h2 k\r\n",
	"delete h2\r\n",
	"flush_all\r\n",
	"stats cookies\r\n",
	"stats\r\n",
	"verbosity 1\r\n",
	"bogus\r\n",
	"get f\r\n",
	"set k 0 0 9000000\r\n",
	"quit\r\n",
	"\r\n",
	" ",
};

/* A binary header that may be right. */
static size_t
header(uint8_t *to)
{
	static const uint8_t sizes[] = { 0, 0, 1, 2, 4, 8, 20, 28, 250 };
	size_t barrier = below(8) == 0, n = 24 + barrier, body = 0;

	memset(to, 0, 600);
	to[0] = barrier ? 0x08 : 0x80;
	to[1] = (uint8_t)below(0x26);
	to[2] = (uint8_t)barrier;
	to[3] = below(4) ? 2 : sizes[below(9)];
	to[4] = sizes[below(9)];
	body = barrier + to[3] + to[4] + (below(3) ? 0 : below(20));
	to[10] = (uint8_t)(body >> 8);
	to[11] = (uint8_t)body;
	if (below(40) == 0)
		to[below(24)] ^= (uint8_t)(1u << below(8));
	for (size_t i = barrier; i < body; i++)
		to[n++] = (uint8_t)(below(3) ? 0 : "hkl1"[below(4)]);
	return n;
}

/* From now on in any order, or in order again. */
static size_t
hello(uint8_t *to)
{
	static const uint8_t frame[] = { 0x80, 0x1f, 0, 0, 0, 0, 0, 0,
		                         0,    0,    0, 2, 0, 0, 0, 0,
		                         0,    0,    0, 0, 0, 0, 0, 0,
		                         0,    0x0e };

	memcpy(to, frame, sizeof frame);
	if (below(4) == 0)
		to[25] = 0x0f;
	return sizeof frame;
}

/* As much as the kernel takes. */
static void
speak(struct client *c, const void *data, size_t n)
{
	size_t part = below(3) ? n : below((unsigned)n) + 1;

	(void)send(c->fd, data, part, MSG_NOSIGNAL);
}

static void
say_something(unsigned i)
{
	static char large[60000];
	uint8_t frame[600];
	const char *text;

	if (i % 3 == 0) {
		size_t n = below(8) ? header(frame) : hello(frame);

		speak(clients[i], frame, n);
		return;
	}
	if (below(30) == 0) {
		static const char line[] = "set h3 0 0 50000\r\n";

		(void)send(clients[i]->fd, line, sizeof line - 1, MSG_NOSIGNAL);
		speak(clients[i], large, 1 + below(60000));
		return;
	}
	text = texts[below(sizeof texts / sizeof *texts)];
	speak(clients[i], text, strlen(text));
}

static void
come(unsigned i)
{
	clients[i] = client_open(&p, i % 2);
	if (below(2))
		client_small(clients[i], 4096);
}

static void
let_one(void)
{
	static const char *const keys[] = { "h", "h1", "h2", "h3", "" };

	if (below(30) == 0)
		tiny_let_all();
	else
		(void)tiny_let(keys[below(5)],
		               below(4) ? EWB_OK : EWB_NO_MEMORY);
}

static void
step(void)
{
	static char sink[4096];
	unsigned i = below(CLIENTS);
	struct client *c = clients[i];

	if (c && !client_served(c)) {
		client_close(c);
		c = clients[i] = NULL;
	}
	switch (c ? below(16) : 0) {
	case 0:
		if (c == NULL)
			come(i);
		break;
	case 1: play_pass(&p, below(1500)); break;
	case 2:
		if (below(4) == 0) {
			client_close(c);
			clients[i] = NULL;
		} else if (below(4) == 0) {
			client_shut(c);
		}
		break;
	case 3:
	case 4: let_one(); break;
	case 5: (void)play_letter(&p, below(2)); break;
	case 6: (void)play_job(&p); break;
	case 7: play_settle(&p); break;
	case 8:
	case 9: play_sockets(&p); break;
	case 10: (void)recv(c->fd, sink, 1 + below(sizeof sink), 0); break;
	default: say_something(i);
	}
}

static void
bring_home(void)
{
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	for (unsigned i = 0; i < 100; i++) {
		if (i == 50)
			play_grace_over(&p);
		tiny_let_all();
		play_run(&p);
		play_pass(&p, 1000);
	}
}

START_TEST(whatever_is_said_and_done_everything_comes_home)
{
	struct ewb_server_options o;

	seed_it();
	play_defaults(&o);
	o.in_flight = 1 + below(8);
	o.max_unread = 4096;
	o.requests_per_turn = 1 + below(5);
	o.no_progress_s = 5;
	o.deadline_ms = 500;
	o.max_cookies = 30;
	play_open(&p, 2, &tiny_engine, &o);
	tiny.delay_us = 3000;
	memset(clients, 0, sizeof clients);
	for (unsigned i = 0; i < STEPS; i++)
		step();
	bring_home();
	ck_assert_uint_eq(atomic_load(&tiny.lent), atomic_load(&tiny.released));
	play_fronts_free(&p);
	play_free(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend random");
	TCase *t = tcase_create("random");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, whatever_is_said_and_done_everything_comes_home);
	suite_add_tcase(s, t);
	return unit_run(s);
}
