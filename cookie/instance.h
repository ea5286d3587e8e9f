/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine at work: a plugin, or a struct of the embedder's, opened with its
 * settings.  struct ewb_host of the public header is its first part. */
#ifndef COOKIE_INSTANCE_H
#define COOKIE_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <ewb/engine.h>

#include "cookie/core.h"
#include "lib/pool.h"
#include "lib/roles.h"

#define EWB_INSTANCE_MAGIC 0x65776269u

struct ewb_blame;
struct ewb_own_task;

struct ewb_host {
	struct ewb_core *core;
	const char *kind; /* "engine" or "filter", for messages */
	char name[32];
	char error[512]; /* why open failed; while it opens */
};

struct ewb_instance {
	uint32_t magic;
	/* set once, by open */
	struct ewb_host host;
	struct ewb_engine engine; /* a copy, zero where the plugin's is shorter */
	void *self;
	void *handle;             /* of dlopen, or null */
	uint64_t device, inode;   /* the file that it is from; 0: none */
	struct ewb_blame *blame;
	struct ewb_strand strand; /* of the stack's serial ones; the engine's is used */
	/* a filter's: what it wraps; null: an engine.  can, max_key and
	 * max_value above are those of the whole from here down. */
	struct ewb_instance *below;
	/* any thread: what stands in the way of closing */
	_Atomic uint64_t cookies, cursors, lent;
	/* under lock: its own tasks */
	pthread_mutex_t lock;
	struct ewb_own_task *tasks;
};

/* Loads and opens.  what: a path with a slash, or a name to be found in dir.
 * Null: why has the line to print. */
struct ewb_instance *ewb_instance_load(struct ewb_core *core, const char *what,
                                       const char *dir,
                                       const struct ewb_setting *s, size_t n,
                                       char *why, size_t nwhy);
/* Likewise with an engine that is here already. */
struct ewb_instance *ewb_instance_open(struct ewb_core *core,
                                       const struct ewb_engine *e,
                                       const struct ewb_setting *s, size_t n,
                                       char *why, size_t nwhy);
/* Likewise filters, which wrap below.  Null: below is as it was. */
struct ewb_instance *ewb_filter_load(struct ewb_core *core,
                                     struct ewb_instance *below,
                                     const char *what, const char *dir,
                                     const struct ewb_setting *s, size_t n,
                                     char *why, size_t nwhy);
struct ewb_instance *ewb_filter_open(struct ewb_core *core,
                                     struct ewb_instance *below,
                                     const struct ewb_engine *e,
                                     const struct ewb_setting *s, size_t n,
                                     char *why, size_t nwhy);
/* Would that file be loaded in the place of now?  If it is another one, it is
 * loaded beside it, and let go.  0, or -1: why. */
int ewb_instance_try(const struct ewb_instance *now, uint32_t kind,
                     const char *what, const char *dir,
                     const struct ewb_setting *s, size_t n, char *why,
                     size_t nwhy);
/* any: is a cookie, cursor or lent value of it, or of what it wraps, left?  Then
 * why names them. */
int ewb_instance_in_use(struct ewb_instance *i, char *why, size_t nwhy);
/* EWB_BUSY while a cookie, cursor or lent value of it, or of what it wraps, is
 * left: nothing was done, and why names them.  Else all are closed from the
 * outermost down, their own tasks ended, unloaded and freed. */
enum ewb_status ewb_instance_close(struct ewb_instance *i, char *why,
                                   size_t nwhy);

/* Is it i, or below it? */
static inline int
ewb_instance_has(const struct ewb_instance *i, const struct ewb_instance *it)
{
	while (i && i != it)
		i = i->below;
	return i != NULL;
}

/* Who wants to know what comes: i, or the first below it with a prefetch(); null:
 * nobody. */
static inline struct ewb_instance *
ewb_instance_fetcher(struct ewb_instance *i)
{
	while (i->below && i->engine.prefetch == NULL)
		i = i->below;
	if (i->engine.prefetch && i->engine.model == EWB_NONBLOCKING)
		return i;
	return NULL;
}

/* The commands that every engine has: get to stats. */
void ewb_commands_basic(struct ewb_core *core);
/* pool or front: calls the engine's callback for c. */
enum ewb_status ewb_instance_call(struct ewb_cookie *c);
/* any: i, or the first below it that has a callback for that command. */
struct ewb_instance *ewb_instance_for(struct ewb_instance *i, enum ewb_op op);
/* any: the engine below i, when it does that composed command itself and no
 * filter on the way looks at gets or stores; else null. */
struct ewb_instance *ewb_instance_override(struct ewb_instance *i,
                                           enum ewb_op op);
/* commands.c: runs c there. */
enum ewb_status ewb_override_run(struct ewb_cookie *c, struct ewb_instance *i)
	EWB_ON_FRONT;
/* any: likewise for cursors; null: the engine has none. */
struct ewb_instance *ewb_instance_scanner(struct ewb_instance *i);
/* any: what the engine below knows of a vbucket; EWB_NOT_SUPPORTED: nothing, and
 * its mutations have no tokens. */
enum ewb_status ewb_instance_vbucket(const struct ewb_instance *i,
                                     uint16_t vbucket, struct ewb_vbucket *v);
int ewb_instance_has_tokens(const struct ewb_instance *i);
/* any: where its callbacks run one at a time, or those that move its cursors;
 * null: where they may. */
struct ewb_strand *ewb_instance_strand(struct ewb_instance *i);
struct ewb_strand *ewb_instance_cursor_strand(struct ewb_instance *i);
/* any: whom a host belongs to. */
struct ewb_instance *ewb_instance_of(struct ewb_host *h);

/* next.c.  front: what the callback of a blocking filter asked for on the pool
 * is begun, and its result laid ready for the next run.  EWB_WOULDBLOCK: not
 * yet; else the callback is to be run. */
enum ewb_status ewb_next_step(struct ewb_cookie *c) EWB_ON_FRONT;
/* pool: it has asked, and is to be run again when that has been done. */
int ewb_next_asked(struct ewb_cookie *c, enum ewb_status status);
/* compose.c: the commands made out of get and store. */
enum ewb_status ewb_compose_run(struct ewb_cookie *c);
/* front: drops what a composed command holds. */
void ewb_compose_fini(struct ewb_cookie *c) EWB_ON_FRONT;

#endif
