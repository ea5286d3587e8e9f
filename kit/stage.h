/* SPDX-License-Identifier: BSD-2-Clause */
/* A server for the engine, stepped by hand: one front end in this thread, a
 * pool without threads, a clock that stands still; and clients, which speak the
 * binary protocol over socket pairs.  There is one stage at a time.
 *
 *	stage_open(&stage_plain);
 *	c = client_new();
 *	client_ask(c, &(struct ask){ .opcode = ASK_GET, KEY(k) });
 *	client_hear(c, &a);
 *	stage_close();
 *
 * An engine may have threads of its own, which nobody steps: what they owe is
 * waited for.
 */
#ifndef KIT_STAGE_H
#define KIT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ewb/embed.h>

#include "frontend/front.h"

/* Always as many: an engine that keeps data refuses another number. */
#define STAGE_VBUCKETS 4u

struct stage_how {
	uint32_t deadline_ms; /* 0: none */
	uint64_t high, low;   /* marks of a stream; 0: as a server has them */
	bool strict; /* threads and tasks that are left are looked for */
};

extern const struct stage_how stage_plain;

struct stage {
	struct ewb_server *server;
	struct ewb_core *core;
	struct ev_loop *loop;
	struct ewb_front *front;
	struct ewb_scans *scans;
	struct ewb_instance *instance; /* the outermost */
	/* the engine as it came, with what its filters leave of it */
	const struct ewb_engine *engine;
	struct client *clients;
	struct client *own; /* say()'s */
	unsigned threads;   /* of this process, before */
	bool strict;
	char log[2048]; /* what the server said, until it is full */
};
extern struct stage stage;

/* Opens engine and filters for a server, and watches them.  0, or -1: why. */
int stage_load(struct ewb_server *s, char *why, size_t nwhy);
/* Ends the check when it does not open; or says whether it did. */
void stage_open(const struct stage_how *how);
bool stage_try_open(const struct stage_how *how, char *why, size_t nwhy);
/* All clients go, everything comes home, the engine is closed; else the check
 * is over. */
void stage_close(void);
/* The same in two steps: with clients whose commands may be away. */
void stage_stop(bool grace);
void stage_end(void);

/* One letter, or one background job.  false: there is none. */
bool stage_step(void);
/* n of them; false: there were less. */
bool stage_steps(unsigned n);
/* Is a command away? */
bool stage_away(void);
/* What is at the sockets. */
void stage_sockets(void);
/* Steps until it is so.  false: nothing moves any more, and it is not. */
bool stage_until(bool (*so)(void *arg), void *arg);
/* Steps until all commands are home and nothing moves. */
void stage_settle(const char *what);
/* Likewise; the check is left out if they do not come: others are for that. */
void stage_settle_or_skip(void);
/* Steps until nothing moves, without waiting for anybody. */
void stage_idle(void);
/* Time passes. */
void stage_pass(uint64_t ms);
/* Until the engine's own threads all wait for something; then also steps until
 * nothing moves. */
void stage_let_threads(void);
void stage_calm(void);
/* The server saw the engine break its interface: what it said; or null. */
const char *stage_mistake(void);

uint64_t stage_count(enum ewb_counter i);

/* Clients. */

enum {
	ASK_GET = 0x00,
	ASK_SET = 0x01,
	ASK_ADD = 0x02,
	ASK_REPLACE = 0x03,
	ASK_DELETE = 0x04,
	ASK_INCR = 0x05,
	ASK_DECR = 0x06,
	ASK_FLUSH = 0x08,
	ASK_NOOP = 0x0a,
	ASK_APPEND = 0x0e,
	ASK_PREPEND = 0x0f,
	ASK_STAT = 0x10,
	ASK_TOUCH = 0x1c,
	ASK_GAT = 0x1d,
	ASK_CREATE = 0xda,
	ASK_CONTINUE = 0xdb,
	ASK_CANCEL = 0xdc
};

#define ASK_EXTRAS 28

struct ask {
	uint8_t opcode, nextras, datatype;
	uint8_t extras[ASK_EXTRAS];
	const void *key;
	size_t nkey;
	const void *value;
	size_t nvalue;
	uint64_t cas;
	uint16_t vbucket;
};

struct answer {
	uint8_t opcode, datatype;
	uint16_t status;
	uint64_t cas;
	uint32_t flags;                      /* of a get */
	const uint8_t *extras, *key, *value; /* until the client hears more */
	size_t nextras, nkey, nvalue;
};

struct client {
	int fd;
	uint64_t id; /* of its connection */
	uint8_t *in;
	size_t from, len, cap;
	struct client *next;
};

struct client *client_new(void);
/* With kernel buffers so small that a reader that stops is soon noticed. */
void client_small(struct client *c);
/* Sends; the server reads when it has to. */
void client_say(struct client *c, const void *data, size_t n);
/* Sends, and lets the server read it. */
void client_ask(struct client *c, const struct ask *a);
/* The next answer that is here already. */
bool client_has(struct client *c, struct answer *a);
/* The next answer; the check is over if there is none. */
void client_hear(struct client *c, struct answer *a, const char *what);
/* All that is here, until the client hears more; takes n bytes off it. */
const uint8_t *client_here(struct client *c, size_t *n);
void client_take(struct client *c, size_t n);
/* It vanishes, now. */
void client_drop(struct client *c);
/* Does its connection live? */
bool client_served(const struct client *c);

#endif
