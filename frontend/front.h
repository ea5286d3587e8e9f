/* SPDX-License-Identifier: BSD-2-Clause */
/* A front end: a libev loop's watchers, its connections, its dispatch.
 *
 * One turn: take the inbox → look after those that it touched → go on with
 * connections that have input left → read ready sockets, parse, run → send all →
 * hand the turn's tasks to the pool → sleep.
 * After EWB_TURN_COMMANDS in one turn the inbox is looked at again; after
 * EWB_TURN_US too, and then all is sent that is there.  Those with input left have
 * EWB_TURN_US of a turn, or as much as the last turn's sockets had.
 */
#ifndef FRONTEND_FRONT_H
#define FRONTEND_FRONT_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <ewb/embed.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/plan.h"
#include "frontend/conn.h"
#include "frontend/trim.h"
#include "protocol/cluster.h"

#define EWB_FRONT_MAGIC 0x65776266u
#define EWB_SERVER_MAGIC 0x65776272u

#define EWB_TURN_US 1000
#define EWB_TURN_COMMANDS 256
#define EWB_TURN_LETTERS 256
#define EWB_GATHER 8
#define EWB_LISTENERS 16
#define EWB_FRONTS 64
#define EWB_ARENA (128u * 1024)

struct ewb_listener {
	struct ewb_letter letter; /* it came when there were front ends */
	struct ewb_front *to;     /* of the letter: the first */
	int fd;
	ev_io io; /* the first front end's */
	char path[108]; /* of a Unix socket, to be removed */
	char name[128];
};

/* What the counters were at the last reset. */
struct ewb_base {
	uint64_t at[EWB_NCOUNTERS], stale, filling;
};

struct ewb_server {
	uint32_t magic;
	/* set once, before the first front end */
	struct ewb_server_options o;
	struct ewb_core core;
	/* written by a reload, under lock; else the same for every front end
	 * that is not paused for it */
	struct ewb_instance *instance;
	struct ewb_plan plan; /* what it was opened from */
	struct ewb_users *users;   /* who may log in; null: nobody has to */
	struct ewb_instance *none; /* stands in where it would not open again */
	struct ewb_command engine_stats; /* stats, as the engine answers it */
	struct ewb_command engine_flush; /* likewise */
	uint64_t started_at;
	char bucket[EWB_BUCKET_MAX + 1]; /* the name of the one that there is */
	uint64_t revision;               /* of the cluster's configuration */
	struct ewb_collections collections; /* of the core's; may be none */
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	/* one that is there is the first front end's, if there is one */
	struct ewb_listener listeners[EWB_LISTENERS];
	unsigned nlisteners;
	struct ewb_front *fronts[EWB_FRONTS];
	unsigned nfronts, nstopped;
	struct ewb_counters past; /* of front ends that were freed */
	struct ewb_base base;
	uint64_t busy_at;      /* us: after this, what is left are orphans */
	int reloading;         /* one at a time */
	struct ewb_trim trim;
	/* any thread */
	_Atomic unsigned running; /* fronts to hand connections to */
	_Atomic unsigned port;    /* of the first listener that has one; 0: none */
	_Atomic uint32_t connections;
	_Atomic size_t unread;    /* bytes of output that clients have not taken */
	_Atomic size_t receiving; /* bytes of large values that are not whole yet */
	_Atomic int stopping;
	_Atomic int accept_paused; /* as the first front end says */
	_Atomic uint32_t grace_ms;
	/* flush.c.  How many were asked for, and when the last one is due, Unix
	 * seconds; 0: it is not */
	_Atomic uint64_t flush_due;
};

/* A flush that was due. */
struct ewb_flush {
	struct ewb_session session; /* it has no connection */
	uint64_t due;               /* the server's, when it began */
	int running;
};

struct ewb_front {
	uint32_t magic;
	/* set once */
	struct ewb_server *server;
	struct ev_loop *loop;
	unsigned index;
	int wake_fd;
	struct ewb_dispatch d;
	struct ewb_letter stop_letter;
	/* front */
	int by_hand;           /* a test takes the letters and the time */
	ev_io wake_io;
	ev_prepare prepare;
	ev_check check, last;  /* before and after the sockets */
	ev_idle idle;
	ev_timer deadline, second, stop_timer;
	uint64_t deadline_at;  /* us: when the timer above will fire; 0: not set */
	struct ewb_conn *conns, *touched, *ready, *dead;
	struct ewb_conn *ticking; /* the next that is to be looked at in this second */
	struct ewb_conn **touched_end, **ready_end;
	uint32_t nconns;
	struct ewb_chunk *arena;  /* input is received into its free end */
	struct ewb_chunk *spare;  /* one of output, kept */
	struct ewb_piece *pieces; /* free ones */
	struct ewb_drain *drains; /* likewise */
	/* commands of the connection that is being parsed; see order.c */
	struct ewb_cookie *gathered[EWB_GATHER];
	unsigned ngathered;
	uint64_t turn_began;
	uint64_t sockets_at;      /* when it was their turn */
	uint64_t sockets_us;      /* what they took in the last turn */
	unsigned turn_commands;
	unsigned next_front;      /* accepting: whose turn */
	unsigned nwatched;        /* accepting: of the server's listeners */
	uint8_t accepting, accept_paused, stopping, cancelled, stopped;
	struct ewb_reload_part *reload; /* paused for it; null: it is not */
	ev_timer reload_timer;
	struct ewb_flush flush; /* the first front end's */
};

/* Each may hold so much when all of them hold more than there is memory for. */
#define EWB_UNREAD_FEW (64u * 1024)

/* Are so many bytes as many as a client may make it hold? */
static inline int
ewb_conn_is_much(const struct ewb_conn *n, size_t bytes)
{
	struct ewb_server *s = n->front->server;

	if (bytes < EWB_UNREAD_FEW && bytes < s->o.max_unread)
		return 0;
	/* relaxed: when it is known a little later, a little more is held */
	return bytes >= s->o.max_unread ||
	       atomic_load_explicit(&s->unread, memory_order_relaxed) >
	               s->o.buffer_memory;
}

/* Holds it as many? */
static inline int
ewb_conn_full(const struct ewb_conn *n)
{
	size_t bytes = n->out.bytes + n->waiting_bytes;

	/* alone, a command may be larger than the limit */
	if (n->first)
		bytes += n->pinned_bytes;
	return ewb_conn_is_much(n, bytes);
}

/* Counts a command that has come.  Most are gets and sets, and no samples. */
static inline void
ewb_tally_command(struct ewb_front *f, const struct ewb_cookie *c) EWB_ON_FRONT
{
	if ((c->op != EWB_OP_GET && c->op != EWB_OP_SET) ||
	    f->d.latency.skip == 0) {
		ewb_tally_other(f, c);
		return;
	}
	f->d.latency.skip--;
	ewb_count_n(&f->d.counters,
	            c->op == EWB_OP_GET ? EWB_COUNT_cmd_get : EWB_COUNT_cmd_set,
	            1);
}

/* front.c */
void ewb_front_touch(struct ewb_front *f, struct ewb_conn *n) EWB_ON_FRONT;
void ewb_front_ready(struct ewb_front *f, struct ewb_conn *n) EWB_ON_FRONT;
/* Looks after those that were touched. */
void ewb_front_look(struct ewb_front *f) EWB_ON_FRONT;
/* How many commands the next connection may run at once. */
unsigned ewb_front_slice(const struct ewb_front *f) EWB_ON_FRONT;
/* Commands were run: looks at the inbox again when it is time to. */
void ewb_front_spent(struct ewb_front *f, unsigned commands) EWB_ON_FRONT;
/* A connected socket that the server counts already; see ewb_front_adopt(). */
int ewb_front_serve(struct ewb_front *f, int fd) EWB_ON_FRONT;
/* By hand: one letter, or what was touched. */
int ewb_front_letter(struct ewb_front *f) EWB_ON_FRONT;
void ewb_front_settle(struct ewb_front *f) EWB_ON_FRONT;
void ewb_front_second(struct ewb_front *f) EWB_ON_FRONT;
/* By hand: the grace is over. */
void ewb_front_grace_over(struct ewb_front *f) EWB_ON_FRONT;

/* listen.c */
void ewb_listen_start(struct ewb_front *f) EWB_ON_FRONT;
void ewb_listen_stop(struct ewb_front *f) EWB_ON_FRONT;
/* Accepting goes on, if it was paused and may. */
void ewb_listen_resume(struct ewb_front *f) EWB_ON_FRONT;

/* What is away, waits or is over and not notified, in lines for people. */
typedef void ewb_front_tell_fn(void *arg, const char *name, const char *text);
/* blocked.c.  How many were told. */
unsigned ewb_front_describe(struct ewb_front *f, const struct ewb_cookie *but,
                            ewb_front_tell_fn *tell, void *arg) EWB_ON_FRONT;

/* server.c.  any: it may be in a reload just now. */
int ewb_server_has_engine(struct ewb_server *s);
/* any: one more connection is counted; 0: there are as many as there may be. */
int ewb_server_admit(struct ewb_server *s);
/* Under its lock: a counter over all front ends, from the beginning. */
uint64_t ewb_server_sum(const struct ewb_server *s, enum ewb_counter i);
/* A front end that has stopped is being freed. */
void ewb_server_retire(struct ewb_server *s, struct ewb_front *f);

/* stats.c */
void ewb_front_commands(struct ewb_server *s);

/* mode.c: hello. */
enum ewb_status ewb_hello_run(struct ewb_cookie *c);

#endif
