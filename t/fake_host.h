/* SPDX-License-Identifier: BSD-2-Clause */
/* A host for engines, without a server: it records what an engine answers, and
 * runs the engine's tasks when it is told to.
 *
 * It has the functions of engine.h that the engines of this tree call. */
#ifndef T_FAKE_HOST_H
#define T_FAKE_HOST_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ewb_task {
	struct ewb_host *host;
	/* the engine's own work, or one command's */
	ewb_work_fn work;
	ewb_offload_fn offload;
	void *arg;
	const char *name;
	enum ewb_class where;
	struct ewb_cookie *cookie;
	unsigned runs;
	/* what the last run asked for */
	bool again;
	uint64_t sleep_us;
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken, stop;
	pthread_t thread;
};

struct ewb_host {
	uint32_t vbuckets;
	_Atomic uint32_t now;
	_Atomic uint64_t clock; /* us; it stands still */
	char error[256];
	char notice[256]; /* the last one */
	unsigned nnotices;
	struct ewb_task *task; /* the last that was made */
};

/* One command, and what was answered to it. */
struct ewb_cookie {
	struct ewb_request request;
	struct ewb_task task; /* when it was offloaded */
	bool offloaded, cancelled;
	/* blocked: which block it is, and how it was notified */
	uint64_t block;
	void *block_arg;
	unsigned notifies;
	enum ewb_status notified;
	void *state;
	void (*destroy)(void *ptr);
	void *taken; /* what ewb_value_take() gives; then null */
	/* the reply */
	bool has_item;
	struct ewb_item item;
	void (*release)(void *arg);
	void *release_arg;
	uint64_t cas;
	uint64_t uuid, seqno; /* the token */
	size_t nstats;
	struct {
		char name[32];
		int64_t value;
	} stats[32];
};

struct ewb_sink {
	enum ewb_status (*put)(struct ewb_sink *sink,
	                       const struct ewb_item *item);
	void *arg;
	uint64_t n;    /* records taken */
	uint64_t room; /* how many it takes; then it refuses */
	uint64_t bytes;
};

extern _Atomic unsigned fake_values_freed; /* by ewb_value_free() */

void fake_host_init(struct ewb_host *h, uint32_t vbuckets);

/* A command for a key.  The vbucket is chosen by the key. */
void fake_cookie_init(struct ewb_cookie *c, const struct ewb_host *h,
                      const void *key, size_t nkey);
void fake_cookie_value(struct ewb_cookie *c, const void *value, size_t n);
/* Lets go of a lent value, and of the state. */
void fake_cookie_fini(struct ewb_cookie *c);
/* The callback has returned this; runs the offloaded function, if there is
 * one, and the host's task between its runs, until the final status. */
enum ewb_status fake_finish(struct ewb_host *h, struct ewb_cookie *c,
                            enum ewb_status status);
/* One run of a command's offloaded function. */
enum ewb_status fake_offload_run(struct ewb_cookie *c);
/* Whose name is not among the statistics: -1. */
int64_t fake_stat(const struct ewb_cookie *c, const char *name);

/* One run of the task.  False: it was neither woken nor wants to go on. */
bool fake_task_step(struct ewb_task *t);
/* Until it has nothing more to do. */
void fake_task_settle(struct ewb_task *t);
/* A thread that runs it whenever it is woken. */
void fake_task_start(struct ewb_task *t);
void fake_task_stop(struct ewb_task *t);

#endif
