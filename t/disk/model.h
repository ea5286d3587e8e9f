/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server must have, by what it acknowledged.  Each key belongs to one
 * worker, so that after a kill it can be in two states: the last one that was
 * acknowledged, or that of the one mutation which was not answered yet.  After
 * an error it can be in either, too, until something else is acknowledged: what
 * nobody knows the outcome of may be done later than it was answered.
 *
 *      may:  [acknowledged] [not answered]  ── OK ──▶  [acknowledged]
 *                 └──────────┴── killed, restarted ──▶ [what is found]
 */
#ifndef T_DISK_MODEL_H
#define T_DISK_MODEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "t/disk/chance.h"
#include "t/disk/client.h"

#include "t/disk/server.h"

#define MODEL_VBUCKETS SERVER_VBUCKETS
#define MODEL_NSHARED 2
#define MODEL_NSEEN 65536

struct state {
	bool there;
	uint32_t flags;
	char *bytes;
	size_t len;
	uint64_t cas;   /* 0: not known */
	uint64_t floor; /* below what is not known */
	uint64_t turn;  /* which of its worker's it was */
};

struct item {
	char key[72];
	size_t nkey;
	uint16_t vbucket;
	bool counter;
	/* its worker only */
	struct state *may;
	size_t n, cap;
	int live; /* which of them a get would show; -1: not known */
	/* of the last verification */
	struct state found;
};

/* All clients count it up. */
struct shared {
	struct item item;
	uint64_t base;
	_Atomic uint64_t acknowledged, tried;
};

struct model {
	/* set once */
	bool can_cas, can_flags;
	bool loose;      /* what is acknowledged may be lost, but not be half */
	bool prefix;     /* ... and if it is lost, so is what came after it */
	bool faulty;     /* errors are expected */
	double patience; /* seconds for an answer */
	unsigned nworkers, each;
	uint64_t seed;
	struct item *items;
	struct shared shared[MODEL_NSHARED];
	/* any */
	_Atomic uint64_t floors[MODEL_VBUCKETS]; /* the highest cas seen */
	_Atomic uint64_t acknowledged, refused, complaints, verified;
	/* under lock */
	pthread_mutex_t lock;
	struct seen {
		uint64_t cas, hash;
		uint16_t vbucket;
	} seen[MODEL_NSEEN];
};

struct worker {
	struct model *model;
	unsigned id;
	struct client client;
	struct chance chance;
	uint32_t number; /* of the last record that it wrote */
	uint64_t turn;
	char *room; /* for values */
};

enum step {
	STEP_READ,    /* or refused as it had to be: nothing has changed */
	STEP_ACK,     /* a mutation was acknowledged */
	STEP_REFUSED, /* there was an error */
	STEP_GONE,
	STEP_LATE
};

void model_init(struct model *m);
void model_fini(struct model *m);
/* Finds out what the engine can do.  0 or -1. */
int model_probe(struct model *m, int port);
/* Says what is wrong, in printf's way. */
void model_complain(struct model *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* What is there now, and whether it may be; the server is at rest.  0, or -1:
 * it could not be asked. */
int model_verify(struct model *m, int port);
/* All is gone, and the server with it. */
void model_forget(struct model *m);
/* What a scan shows is what model_verify found. */
int model_scan(struct model *m, const char *ewbctl, int port);

void worker_init(struct worker *w, struct model *m, unsigned id, uint64_t seed);
void worker_fini(struct worker *w);
/* One command of any kind, and whether its answer may be. */
enum step worker_step(struct worker *w);
/* A set of one of its keys. */
enum step worker_set(struct worker *w);
/* A get of one of its keys. */
enum step worker_get(struct worker *w);

/* Between model.c and its parts. */
struct item *model_item(struct model *m, size_t i);
size_t model_nitems(const struct model *m);
/* A record: it says how long it is, and has a sum of itself and its key.  At
 * least RECORD_MIN bytes; a value consists of such. */
#define RECORD_MIN 32
size_t record_put(char *to, const struct item *i, uint32_t number, size_t len);
/* Whether bytes are nothing but records of this key. */
bool record_check(const struct item *i, const char *bytes, size_t len);
/* A cas that was seen with this state. */
void model_saw(struct model *m, const struct item *i, uint64_t cas,
               const char *bytes, size_t len);
void model_raise(struct model *m, const struct item *i, uint64_t cas);
bool state_is(const struct item *i, const struct state *s,
              const struct answer *a);
void state_say(char to[96], const struct state *s);
/* Item i can only be in that one of its states. */
void item_settle(struct item *i, size_t which);
struct state *item_add(struct item *i);
void item_drop(struct item *i);

#endif
