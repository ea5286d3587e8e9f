/* SPDX-License-Identifier: BSD-2-Clause */
/* The server in your own process: engine, front ends, listeners, scans.
 *
 * A server has one or more front ends.  Each runs on a libev loop that you
 * give it, in the thread that runs the loop; a connection lives on one front
 * end.  The order of things:
 *
 *      ewb_server_new ─▶ _engine ─▶ _filter … ─▶ ewb_scans_new ─▶ _listen ─▶ ewb_front_new (each thread)
 *      ewb_server_stop ─▶ ewb_front_free (each thread) ─▶ ewb_scans_free ─▶ ewb_server_free
 *
 * "main": any one thread that is not a front end's, one call at a time.
 * "front": the thread that runs the front end's loop.
 * Where why is asked for, it gets one line that says what was wrong.
 */
#ifndef EWB_EMBED_H
#define EWB_EMBED_H

#include <ewb/engine.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct ev_loop;
struct ewb_server;
struct ewb_front;
struct ewb_core;
struct ewb_scans;

/* Scheduling of a class of background threads. */
enum ewb_schedule { EWB_SCHED_NORMAL, EWB_SCHED_BATCH, EWB_SCHED_IDLE };

struct ewb_pool_options {
	unsigned threads; /* 0: runs nothing by itself; for tests */
	enum ewb_schedule schedule;
	int nice;
};

/* Set by ewb_server_defaults(); then change what you want. */
struct ewb_server_options {
	uint32_t size;
	uint32_t vbuckets;         /* 1 to 1024 */
	struct ewb_pool_options pool[3]; /* by enum ewb_class */
	uint64_t max_cookies;      /* blocked commands of the server */
	uint32_t deadline_ms;      /* of a blocked command; 0: none */
	uint32_t in_flight;        /* commands of a connection */
	uint64_t high, low;        /* marks of a stream, bytes */
	/* bytes of all streams, and as many of all blocked requests, of what all
	 * clients have not read, and of large values that are not whole; more
	 * than max_item */
	uint64_t buffer_memory;
	uint64_t max_item;         /* bytes of a value */
	uint64_t max_unread;       /* bytes of a connection: output, held input */
	uint32_t max_connections;
	uint32_t requests_per_turn; /* of a connection */
	uint32_t no_progress_s;    /* a client that reads nothing; 0: for ever */
	uint32_t idle_timeout_s;   /* a client that says nothing; 0: for ever */
	int verbose;
	void (*log)(void *arg, const char *line); /* any thread; null: stderr */
	void *log_arg;
	/* front: a client says shutdown; null: it may not */
	void (*shutdown)(void *arg);
	void *shutdown_arg;
	uint32_t unix_mode;        /* of Unix sockets; 0: as the umask says */
	uint32_t backlog;          /* connections not accepted yet; 0: 1024 */
	uint32_t auth_timeout_s;   /* a client that does not log in; 0: for ever */
	/* for Couchbase's clients, see ewbd(1); read by ewb_server_new() alone */
	const char *bucket;        /* its name; null: "default" */
	const char *collections;   /* lines ID SCOPE.COLLECTION; null: none but
	                            * the default one, and keys are not mapped */
};

/* main */
void ewb_server_defaults(struct ewb_server_options *o);
/* main.  Null: why. */
struct ewb_server *ewb_server_new(const struct ewb_server_options *o, char *why,
                                  size_t nwhy);
/* main: loads and opens the engine: once, before the first front end.  what: a
 * path with a slash, or the name of a plugin in dir.  0, or -1. */
int ewb_server_engine(struct ewb_server *s, const char *what, const char *dir,
                      const struct ewb_setting *settings, size_t n, char *why,
                      size_t nwhy);
/* main: likewise with an engine that is part of your program.  The struct is
 * copied; what it points to stays, until the server is freed. */
int ewb_server_engine_here(struct ewb_server *s, const struct ewb_engine *e,
                           const struct ewb_setting *settings, size_t n,
                           char *why, size_t nwhy);
/* main: wraps what is there, the engine or a filter around it, so that the
 * innermost comes first; after the engine, before the first front end.  0, or
 * -1: nothing has changed. */
int ewb_server_filter(struct ewb_server *s, const char *what, const char *dir,
                      const struct ewb_setting *settings, size_t n, char *why,
                      size_t nwhy);
/* main: likewise with a filter that is part of your program. */
int ewb_server_filter_here(struct ewb_server *s, const struct ewb_engine *e,
                           const struct ewb_setting *settings, size_t n,
                           char *why, size_t nwhy);
/* main: clients have to log in, as a user in that file, which ewbctl(1) makes; before
 * the first front end.  Later: the file is read again; who has logged in stays.  0, or
 * -1: all is as it was, but that somebody has to log in.  Passwords are tried one at a
 * time on EWB_AUX: give it two threads, or scans wait for each of them. */
int ewb_server_users(struct ewb_server *s, const char *path, char *why,
                     size_t nwhy);
/* any, before the first front end or while there are some: host:port, [v6]:port,
 * or the path of a Unix socket (with a slash).  Port 0 takes a free one.  It waits
 * when a name has to be looked up.  0, or -1: nothing has changed. */
int ewb_server_listen(struct ewb_server *s, const char *where, char *why,
                      size_t nwhy);
/* any, likewise: fd is a socket that listens already, TCP or Unix.  0: it is the
 * server's, which closes it when it stops, and leaves a Unix socket's path where it
 * is; -1: fd is yours, as it was. */
int ewb_server_listen_fd(struct ewb_server *s, int fd, char *why, size_t nwhy);
/* any: the port of the first TCP listener, also after it was closed; 0: none. */
unsigned ewb_server_port(const struct ewb_server *s);
/* any: for ewb_scans_new(). */
struct ewb_core *ewb_server_core(struct ewb_server *s);
/* any: one line to the server's log. */
void ewb_server_log(struct ewb_server *s, const char *fmt, ...) EWB_PRINTF(2, 3);

/* front: the calling thread is this front end's from now on; it waits here while
 * the engine is being loaded anew.  The first one
 * accepts connections, for all.  Null: no memory or descriptors, the server is
 * stopping, it has 64 front ends, or no engine (which is logged). */
struct ewb_front *ewb_front_new(struct ewb_server *s, struct ev_loop *loop);
/* front: serves a connected socket; the front end closes it.  0; EWB_BUSY: there
 * are max_connections already, or the last place is just being looked at by one
 * that accepts, and fd stays yours; -1: no memory, or the server is stopping, and
 * fd is closed. */
int ewb_front_adopt(struct ewb_front *f, int fd);
/* front, after the server has stopped: its watchers have left the loop. */
void ewb_front_free(struct ewb_front *f);

/* any: no new connections and commands; blocked commands have grace_ms, then
 * they are cancelled.  When a front end has none left, its watchers leave its
 * loop (so that ev_run() returns, if nobody else is there). */
void ewb_server_stop_begin(struct ewb_server *s, uint32_t grace_ms);
/* any: EWB_WOULDBLOCK while stopping; EWB_OK; EWB_BUSY: the grace is over and
 * cookies were not notified: the engine must not be closed, see the log. */
enum ewb_status ewb_server_stopped(struct ewb_server *s);
/* main: both, and waits. */
enum ewb_status ewb_server_stop(struct ewb_server *s, uint32_t grace_ms);
/* main: closes the engine too.  Front ends and scans were freed before. */
void ewb_server_free(struct ewb_server *s);

/* Range scans, for engines with cursors. */
struct ewb_scan_options {
	uint32_t size;
	uint32_t max_scans;  /* open ones */
	uint32_t lifetime_s; /* of a scan */
	uint32_t idle_s;     /* without a continue */
};
void ewb_scan_defaults(struct ewb_scan_options *o);
/* main: before the first front end.  Null: no memory. */
struct ewb_scans *ewb_scans_new(struct ewb_core *core,
                                const struct ewb_scan_options *o);
/* main: after the server has stopped; waits until all cursors are closed. */
void ewb_scans_free(struct ewb_scans *s);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
