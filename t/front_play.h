/* SPDX-License-Identifier: BSD-2-Clause */
/* A server stepped by hand, with one or two front ends in the test's own
 * thread, a pool without threads and a clock that stands still; and clients.
 *
 *	struct play p;
 *	struct client *c;
 *
 *	play_open(&p, 1, &tiny_engine, NULL);
 *	c = client_open(&p, 0);
 *	say(c, "get k\r\n");
 *	play_run(&p);
 *	hear(c, "END\r\n");
 *	play_close(&p);
 *
 * Each step can be taken alone: play_sockets() lets the loops read and write
 * what is ready, play_letter() takes one letter, play_settle() looks after the
 * connections that letters touched, play_job() runs one background job,
 * play_pass() lets time go by.
 */
#ifndef T_FRONT_PLAY_H
#define T_FRONT_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <ewb/embed.h>

#include "frontend/front.h"

#define PLAY_FRONTS 2
#define PLAY_GRACE_MS 3600000u /* nobody waits for it */

struct client;

struct play {
	struct ewb_server *server;
	struct ewb_core *core;
	unsigned nfronts;
	struct ev_loop *loop[PLAY_FRONTS];
	struct ewb_front *front[PLAY_FRONTS];
	struct client *clients;
	char log[4096]; /* what the server said, until it is full */
};

/* What play_open() uses when it is given null; to be changed and passed. */
void play_defaults(struct ewb_server_options *o);
/* The server with its engine, then its front ends; or both.  Between them is
 * the place for ewb_scans_new(). */
void play_server(struct play *p, const struct ewb_engine *e,
                 const struct ewb_server_options *o);
void play_fronts(struct play *p, unsigned nfronts);
void play_open(struct play *p, unsigned nfronts, const struct ewb_engine *e,
               const struct ewb_server_options *o);
/* Closes the clients, stops the server and frees the front ends: everything
 * must come home.  Then frees the rest; or both. */
void play_stop(struct play *p);
void play_free(struct play *p);
void play_close(struct play *p);
/* For those who stop it step by step: the end of the grace; and, when it has
 * stopped, the front ends are freed. */
void play_grace_over(struct play *p);
void play_fronts_free(struct play *p);

/* One step each, of all front ends or of one.  Letter and job: false when
 * there was none. */
void play_sockets(struct play *p);
bool play_letter(struct play *p, unsigned front);
void play_settle(struct play *p);
bool play_job(struct play *p);
/* Steps until nothing moves any more; background jobs too, or not. */
void play_run(struct play *p);
void play_run_fronts(struct play *p);
/* Time passes, then what is due: deadlines; the housekeeping, if it is a
 * second or more. */
void play_pass(struct play *p, uint64_t ms);
/* A counter, summed over the front ends, and freed ones. */
#define play_count(p, name) play_sum((p), EWB_COUNT_##name)
uint64_t play_sum(const struct play *p, enum ewb_counter i);

struct client {
	struct play *play;
	struct ewb_front *front; /* or null, see client_connect() */
	struct ewb_conn *conn;   /* while it is open, see client_served() */
	uint64_t id;             /* of its session */
	int fd;                  /* -1: closed */
	bool tcp;
	struct client *next;
};

/* A Unix socket pair, or TCP over loopback, served by that front end. */
struct client *client_open(struct play *p, unsigned front);
struct client *client_tcp(struct play *p, unsigned front);
/* Through a listener; the server may not have accepted it yet, and which front
 * end will is not known. */
struct client *client_connect(struct play *p, const struct sockaddr *a,
                              socklen_t n);
/* Sizes of the kernel's buffers between it and the server. */
void client_small(struct client *c, int bytes);
/* Says no more, still hears. */
void client_shut(struct client *c);
void client_close(struct client *c);
/* TCP: with a reset; waits until the server's side of it has arrived. */
void client_reset(struct client *c);
/* Does the front end still have it? */
bool client_served(const struct client *c);

/* Sends; lets the sockets be read only when they are full. */
void say(struct client *c, const char *text);
void say_bytes(struct client *c, const void *data, size_t n);
/* The text n times in one piece; a %u in it counts from 0. */
void say_times(struct client *c, unsigned n, const char *format);
/* Receives exactly that, and fails otherwise; makes the server go on sending
 * when it is not here yet. */
void hear(struct client *c, const char *text);
void hear_bytes(struct client *c, const void *data, size_t n);
/* Nothing is here and the server has nothing to say; the connection lives. */
void hear_nothing(struct client *c);
/* Nothing is here, and the server has closed the connection. */
void hear_end(struct client *c);
/* The same for a driver of orders: null, or what is wrong. */
const char *heard(struct client *c, const char *text);
const char *heard_nothing(struct client *c);
const char *heard_end(struct client *c);
/* Takes up to n bytes of what is here; how many. */
size_t hear_some(struct client *c, void *to, size_t n);
/* Takes all that is here, and throws it away; how many bytes. */
size_t hear_all(struct client *c);

#endif
