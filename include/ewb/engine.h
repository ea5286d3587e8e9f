/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine author needs, and nothing else.
 *
 * An engine is a shared object with one EWB_ENGINE(...) in it.  It answers a
 * command at once, or says EWB_WOULDBLOCK and has the answer prepared in the
 * background; see ewb_offload() for the short way and ewb_cookie_block() for
 * the long one.  An engine that would rather sleep says EWB_BLOCKING and
 * meets none of this.
 *
 *      callback ── EWB_OK, EWB_NOT_FOUND, … ───────────────────▶ the client
 *         ▲  └──── EWB_WOULDBLOCK ──▶ background fills the reply
 *         └──── run again ◀── ewb_notify(ticket, status) ──┘
 *
 * Threads.  "front": a front-end thread, which must never wait.  "pool": a
 * background thread, which may.  "any": whichever.  "holder": the one thread
 * that holds the cookie now: the front end while the callback runs, until the
 * ticket is handed out; from then on the background, until it notifies.
 *
 * Pointers that a function is given stay the caller's, unless it says
 * otherwise.  Times are in the unit that their name says; expiry is absolute
 * Unix seconds, 0 for never.
 */
#ifndef EWB_ENGINE_H
#define EWB_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#if defined(__GNUC__)
#define EWB_EXPORT __attribute__((visibility("default")))
#define EWB_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define EWB_EXPORT
#define EWB_PRINTF(f, a)
#endif

#define EWB_ABI 1               /* differs: cannot be loaded */
#define EWB_API 0x000200        /* 0.2.0; newer than the server's: refused */

/* Up to 0xffff these are the statuses of the memcached binary protocol and go
 * to the client; the others are between the engine and libewb. */
enum ewb_status {
	EWB_OK = 0,
	EWB_NOT_FOUND = 0x01,     /* no such key, no such scan */
	EWB_EXISTS = 0x02,        /* the key is there, or its cas is another */
	EWB_TOO_BIG = 0x03,
	EWB_INVALID = 0x04,
	EWB_NOT_STORED = 0x05,
	EWB_NOT_NUMBER = 0x06,    /* incr or decr of what is no number */
	EWB_NOT_MY_VBUCKET = 0x07,
	EWB_RANGE = 0x22,
	EWB_NO_ACCESS = 0x24,
	EWB_UNKNOWN_COMMAND = 0x81,
	EWB_NO_MEMORY = 0x82,
	EWB_NOT_SUPPORTED = 0x83,
	EWB_INTERNAL = 0x84,
	EWB_BUSY = 0x85,
	EWB_TEMPORARY = 0x86,     /* try again; after a mutation: outcome unknown */
	EWB_SCAN_CANCELLED = 0xa5,
	EWB_SCAN_MORE = 0xa6,
	EWB_SCAN_COMPLETE = 0xa7,

	EWB_WOULDBLOCK = 0x10000, /* the answer is being prepared */
	EWB_NEW = 0x10001,        /* ewb_cookie_resumed(): the first run */
	EWB_STALE = 0x10002,      /* ewb_notify(): not this ticket's turn any more */
	EWB_FILLING = 0x10003,    /* ewb_notify(): the reply is still being filled */
	EWB_END = 0x10004         /* scan_next(): no more records */
};

struct ewb_host;   /* the server, as one engine instance sees it */
struct ewb_cookie; /* one command in flight */
struct ewb_task;   /* background work */
struct ewb_sink;   /* takes the records of a scan */

/* One block of one command.  Any thread may keep it, as long as it likes:
 * a ticket whose time has passed is harmless.  word 0: no ticket. */
struct ewb_ticket {
	struct ewb_cookie *slot;
	uint64_t word;
};

enum ewb_expect {
	EWB_EXPECT_ANY,
	EWB_EXPECT_ABSENT,  /* else EWB_EXISTS */
	EWB_EXPECT_PRESENT, /* else EWB_NOT_FOUND */
	EWB_EXPECT_CAS      /* else EWB_EXISTS, or EWB_NOT_FOUND without the key */
};

/* 0.2: What a request is for its item's last use; for engines that note it. */
enum ewb_use {
	EWB_USE_USUAL,   /* a get asks for it, a store makes a new one */
	EWB_USE_UNSEEN,  /* get: as if it had not been asked for */
	EWB_USE_FETCHED  /* store: it counts as asked for since it was stored */
};

/* What the client asks.  Lives as long as its command does; grows at the end,
 * so do not copy it by value. */
struct ewb_request {
	const void *key;
	size_t nkey;        /* 1 to 250 */
	uint32_t hash;      /* crc32 of the key */
	uint16_t vbucket;   /* from the hash; below ewb_host_vbuckets() */
	uint8_t datatype;
	uint8_t unused;
	const void *value;  /* store only */
	size_t nvalue;
	uint32_t flags;
	uint32_t expiry;    /* absolute Unix seconds, 0 never; may have passed */
	uint64_t cas;       /* for EWB_EXPECT_CAS; remove: 0 for any */
	enum ewb_expect expect;
	uint64_t hint[2];   /* 0.2: the engine's own; 0, or what prefetch() left */
	/* 0.2: a command of the engine's own: binary, the extras; text, the
	 * words between its key and its value's length, as they stand */
	const void *extras;
	size_t nextras;
	enum ewb_use use;   /* 0.2 */
};

/* 0.2 */
enum ewb_fetched { EWB_FETCHED_UNKNOWN, EWB_FETCHED_NO, EWB_FETCHED_YES };

/* A record, both ways: what a get answers, and what a scan offers.  Set size
 * to sizeof(struct ewb_item) and what is not known to 0. */
struct ewb_item {
	uint32_t size;
	uint32_t flags;
	uint32_t expiry;
	uint32_t datatype;
	uint64_t cas, seqno;
	const void *key;    /* scans only */
	size_t nkey;
	const void *value;
	size_t nvalue;
	/* 0.2: before this get, or as the cursor comes by: when it was stored or
	 * asked for last, Unix seconds; and whether it was asked for since it was
	 * stored (0, EWB_FETCHED_UNKNOWN: the engine does not know) */
	uint32_t accessed;
	enum ewb_fetched fetched;
};

/* What a cursor ranges over.  Bounds are raw keys, compared as unsigned bytes
 * and then by length; a null pointer is no bound.  It stays as it is, with its
 * bounds, until scan_close() has returned, or scan_open() has failed; or until
 * scan_seek() has taken another in its place. */
struct ewb_range {
	uint32_t size;
	uint16_t vbucket;
	uint8_t start_excluded, end_excluded;
	const void *start, *end;
	size_t nstart, nend;
	uint32_t keys_only; /* the values will not be asked for */
	uint32_t unused;
	uint32_t descending; /* 0.2: from the end to the start; EWB_CAN_DESCEND */
};

/* In this release it is _GONE, _DEADLINE or _STOP; there will be others. */
enum ewb_cancel_reason {
	EWB_CANCEL_GONE = 1,     /* the client hung up */
	EWB_CANCEL_CLIENT = 2,   /* the client asked for it; not yet */
	EWB_CANCEL_DEADLINE = 3,
	EWB_CANCEL_ENGINE = 4,   /* the engine is being closed, to be loaded anew */
	EWB_CANCEL_STOP = 5      /* the server is stopping, with its engine */
};

enum ewb_model {
	EWB_NONBLOCKING,    /* callbacks run on the front end, never wait */
	EWB_BLOCKING,       /* callbacks run on the pool and may wait */
	EWB_BLOCKING_SERIAL /* likewise, one at a time, cursors included */
};

/* What an engine can do, or-ed together in struct ewb_engine's can. */
#define EWB_CAN_CAS 1u      /* gives each item a cas and honours EWB_EXPECT_CAS */
#define EWB_CAN_EXPIRE 2u   /* honours expiry */
#define EWB_CAN_FLAGS 4u    /* keeps flags */
#define EWB_CAN_SNAPSHOT 8u /* a cursor sees the data of its opening */
#define EWB_CAN_DATATYPE 16u /* 0.2: keeps a request's datatype, all 8 bits */
#define EWB_CAN_DESCEND 32u /* 0.2: a cursor honours a range's descending */

/* A parameter that the engine knows, for help and for refusing the others. */
struct ewb_param {
	const char *name, *fallback, *help;
};

/* A parameter as it was given. */
struct ewb_setting {
	const char *name, *value;
};

enum ewb_kind {
	EWB_KIND_ENGINE,
	EWB_KIND_FILTER /* wraps an engine, or another filter; see ewb_next_get() */
};

/* A command of the engine's own, how it stands to the others: struct ewb_own's
 * is.  Neither keyed nor a barrier: it waits for nobody. */
#define EWB_OWN_KEYED 1u     /* waits for earlier ones of its client on its key */
#define EWB_OWN_MUTATES 2u   /* changes data: its outcome may be unknown */
#define EWB_OWN_BARRIER 4u   /* waits for all of its client, and holds all */
#define EWB_OWN_KEY 8u       /* has a key, though it is not keyed */
#define EWB_OWN_VALUE 16u    /* has a value */
#define EWB_OWN_STREAMS 32u  /* may call ewb_stream_open() */
#define EWB_OWN_TERMINAL_ERROR 64u /* ... and an error may end a stream that has
                                    * begun; else the client is hung up on */
#define EWB_OWN_NO_TEXT 128u /* the binary protocol's alone */
#define EWB_OWN_ALL 255u

/* In text it is a line, with a value in the next one, as a set has it:
 *
 *      NAME [KEY] [WORD]... [BYTES]
 *
 * in binary a frame with any extras.  Its reply: what ewb_reply_value() and
 * ewb_reply_item() say; in text VALUE KEY FLAGS BYTES, the value and END, or OK
 * where there is no value; statistics, or a number, as of stats and incr.  A
 * stream is, in text, lines of DATA and a number of bytes, each followed by so
 * many bytes, and END or an error's line; in binary frames with status 0, and
 * one without a body, or with an error, that ends them. */
struct ewb_own {
	const char *name, *help; /* 1 to 31 of a-z 0-9 _ -; help: one line */
	uint32_t opcode;         /* 0: not in the binary protocol */
	uint32_t is;             /* EWB_OWN_... */
	/* As any callback: runs where the model says. */
	enum ewb_status (*run)(void *self, struct ewb_cookie *c,
	                       const struct ewb_request *r);
};

/* 0.2: What an engine says of a vbucket: of its history, and of its present. */
struct ewb_vbucket {
	uint32_t size, unused; /* size: set by who asks */
	uint64_t uuid;  /* of its history: not 0, and below 2^63; another one when
	                 * mutations were lost */
	uint64_t seqno; /* of the last mutation: what a cursor shows that is
	                 * opened now has all of them up to that one */
	uint64_t items; /* how many there are, as counted */
};

/* What a client counts by. */
struct ewb_count {
	uint32_t size;
	uint8_t down;    /* decr, not incr: never below 0; incr wraps */
	uint8_t create;  /* without the key it is stored with initial, and the
	                  * request's expiry; else EWB_NOT_FOUND */
	uint8_t unused[2];
	uint64_t delta, initial;
};

/* The engine itself.  get, store and remove are required.  Where "model" is
 * not said, open, close and the scan callbacks run on the pool or at start
 * and stop and may wait; get, store, remove, flush and stats run where the
 * model says. */
struct ewb_engine {
	uint32_t abi, size, api; /* set by EWB_ENGINE() */
	enum ewb_model model;
	const char *name, *help;
	uint32_t can;
	uint32_t max_key;            /* 0: 250 */
	uint64_t max_value;          /* 0: as the server is told */
	const struct ewb_param *params; /* ends with a null name; may be null */

	/* Sets *self.  On failure says why with ewb_host_error(). */
	enum ewb_status (*open)(struct ewb_host *host, const struct ewb_setting *s,
	                        size_t n, void **self);
	/* No command, task, cursor or lent value of this engine is left. */
	void (*close)(void *self);

	/* Answers with ewb_reply_item() or ewb_reply_value(). */
	enum ewb_status (*get)(void *self, struct ewb_cookie *c,
	                       const struct ewb_request *r);
	/* Checks the expectation and stores in one step; answers with
	 * ewb_reply_cas() if it can. */
	enum ewb_status (*store)(void *self, struct ewb_cookie *c,
	                         const struct ewb_request *r);
	enum ewb_status (*remove)(void *self, struct ewb_cookie *c,
	                          const struct ewb_request *r);
	/* Removes everything.  Null: not supported. */
	enum ewb_status (*flush)(void *self, struct ewb_cookie *c);
	/* Answers with ewb_reply_stat().  0.2: when the client named the engine
	 * as the group, that is the key of ewb_cookie_request(): say more; else
	 * it has none.  May be null. */
	enum ewb_status (*stats)(void *self, struct ewb_cookie *c);
	/* front: the answer to this blocked command is not wanted any more.
	 * Once for each block at most, and the task may be notifying just now.
	 * The engine must notify all the same, with any status.  arg is what
	 * ewb_cookie_block() was given.  May be null. */
	void (*cancel)(void *self, struct ewb_ticket t,
	               enum ewb_cancel_reason why, void *arg);

	/* pool.  All three, or none: then scans are not supported.  One thread
	 * at a time for a cursor, not always the same one.  *count: how many
	 * records the vbucket holds, whatever the range. */
	enum ewb_status (*scan_open)(void *self, const struct ewb_range *range,
	                             void **cursor, uint64_t *count);
	/* Offers records in key order with ewb_sink_put() until one is refused
	 * (return EWB_OK, and offer that one first the next time) or there is
	 * none left (EWB_END).  EWB_OK though nothing was refused: it is called
	 * again, at once.  EWB_SCAN_CANCELLED: the engine took the
	 * snapshot away for want of memory. */
	enum ewb_status (*scan_next)(void *self, void *cursor,
	                             struct ewb_sink *sink);
	void (*scan_close)(void *self, void *cursor);

	/* 0.2: front, EWB_NONBLOCKING alone: a get, store or remove of this key
	 * is likely to come soon, behind others that came along with it: the
	 * engine can begin to fetch into the caches what that will touch.  It
	 * may leave a note in r->hint, which the callback finds in its request
	 * and must not believe: anything may have happened in between.  It may
	 * not wait, and answers nothing.  May be null. */
	void (*prefetch)(void *self, struct ewb_request *r);

	/* 0.2: enum ewb_kind; set by EWB_FILTER() */
	uint32_t kind;
	uint32_t own_size;         /* set by EWB_ENGINE() */
	/* Commands of its own, a filter's too; ends with a null name.  A clash
	 * with one of the protocols, or of another engine, is refused at load. */
	const struct ewb_own *own;
	/* Filters: an own command of one below.  ewb_next_own() does it.  Null:
	 * it passes. */
	enum ewb_status (*other)(void *self, struct ewb_cookie *c,
	                         const struct ewb_request *r,
	                         const struct ewb_own *what);
	/* Engines: instead of what libewb makes out of get and store; each may be
	 * null, and has to be one step.  Not called where a filter looks at gets
	 * or stores.  append and prepend: the value is what is added; without
	 * the key EWB_NOT_STORED.  count: answers with ewb_reply_number().
	 * touch, get_and_touch: to the request's expiry. */
	enum ewb_status (*append)(void *self, struct ewb_cookie *c,
	                          const struct ewb_request *r);
	enum ewb_status (*prepend)(void *self, struct ewb_cookie *c,
	                           const struct ewb_request *r);
	enum ewb_status (*count)(void *self, struct ewb_cookie *c,
	                         const struct ewb_request *r,
	                         const struct ewb_count *n);
	enum ewb_status (*touch)(void *self, struct ewb_cookie *c,
	                         const struct ewb_request *r);
	enum ewb_status (*get_and_touch)(void *self, struct ewb_cookie *c,
	                                 const struct ewb_request *r);
	/* Engines: any, may not wait.  What is known of a vbucket; fills *v.  An
	 * engine that has it answers each mutation of an item with
	 * ewb_reply_token() too, and the items of gets and cursors with their
	 * seqno.  May be null. */
	enum ewb_status (*vbucket)(void *self, uint16_t vbucket,
	                           struct ewb_vbucket *v);
	/* pool: the cursor goes on with another range of the same vbucket: with
	 * EWB_CAN_SNAPSHOT in the same snapshot.  Its first range is not looked
	 * at any more.  Another status than EWB_OK: the cursor is as it was, and
	 * is still to be closed.  Null: cursors cannot. */
	enum ewb_status (*scan_seek)(void *self, void *cursor,
	                             const struct ewb_range *range);
};

/* EWB_ENGINE(.name = "mine", .get = get, ...) makes the shared object an
 * engine.  Once in a shared object. */
#define EWB_ENGINE(...)                                                 \
	EWB_EXPORT const struct ewb_engine *ewb_engine_entry(void);     \
	const struct ewb_engine *ewb_engine_entry(void)                 \
	{                                                               \
		static const struct ewb_engine engine = {               \
			.abi = EWB_ABI,                                 \
			.size = (uint32_t)sizeof(struct ewb_engine),    \
			.api = EWB_API,                                 \
			.own_size = (uint32_t)sizeof(struct ewb_own),   \
			__VA_ARGS__                                     \
		};                                                      \
		return &engine;                                         \
	}

/* EWB_FILTER(.name = "mine", .store = store, ...) makes it a filter.  No
 * callback is required: what is null passes to the engine below as if the
 * filter were not there.  can is what it leaves of what that one can, and
 * max_key and max_value are limits of its own; 0: all. */
#define EWB_FILTER(...) EWB_ENGINE(.kind = EWB_KIND_FILTER, __VA_ARGS__)

/* The host.  any thread, except where said. */

uint32_t ewb_host_vbuckets(const struct ewb_host *h);
/* Unix seconds, for expiry. */
uint32_t ewb_host_time(const struct ewb_host *h);
/* The largest value that a client may store, bytes. */
uint64_t ewb_host_max_value(const struct ewb_host *h);
/* Microseconds from some moment on, for measuring; it never goes back. */
uint64_t ewb_host_clock(const struct ewb_host *h);
/* One line for the operator who wants to know more (ewbd -v). */
void ewb_host_log(struct ewb_host *h, const char *fmt, ...) EWB_PRINTF(2, 3);
/* Likewise for each operator. */
void ewb_host_notice(struct ewb_host *h, const char *fmt, ...) EWB_PRINTF(2, 3);
/* Why open failed, one line: what, where, what would be right. */
void ewb_host_error(struct ewb_host *h, const char *fmt, ...) EWB_PRINTF(2, 3);

/* Settings.  any thread.  0, or -1 when text is not of that form.
 * Sizes: 64M, 4k, 1G or bytes.  Times: 2ms, 50us, 3s, 1m; without a unit
 * milliseconds.  Numbers: decimal. */
int ewb_parse_size(const char *text, uint64_t *bytes);
int ewb_parse_time(const char *text, uint64_t *us);
int ewb_parse_number(const char *text, uint64_t *n);

/* The cookie. */

/* front, in a callback: the command will wait.  The ticket is the right to
 * end the wait; who has it holds the cookie.  Handing it over is the last
 * thing that the callback does before it returns EWB_WOULDBLOCK.  arg is for
 * the cancel callback.  Over the limit of cookies in flight, or of the bytes
 * that they hold, the ticket's word is 0: return EWB_BUSY. */
struct ewb_ticket ewb_cookie_block(struct ewb_cookie *c, void *arg);
/* any: ends the wait and gives the cookie back; do not touch it after.  With
 * EWB_OK the callback is run again, else the command ends with that status.
 * EWB_OK: accepted.  EWB_STALE: notified before, or an earlier block's or
 * command's ticket; nothing was touched.  EWB_FILLING: some thread is just
 * filling the reply; the cookie is still waiting. */
enum ewb_status ewb_notify(struct ewb_ticket t, enum ewb_status status);
/* any: not zero when nobody wants the answer any more. */
int ewb_cancelled(struct ewb_ticket t);
/* holder: EWB_NEW in the first run, then the status of the last notify. */
enum ewb_status ewb_cookie_resumed(const struct ewb_cookie *c);
/* holder: what the client asks; the same pointer in each run. */
const struct ewb_request *ewb_cookie_request(const struct ewb_cookie *c);
/* holder: state for the next run.  destroy(ptr) runs on the front end when the
 * command has ended, or here, when the state is replaced; it may not wait. */
void ewb_cookie_set_state(struct ewb_cookie *c, void *ptr,
                          void (*destroy)(void *ptr));
/* holder */
void *ewb_cookie_state(const struct ewb_cookie *c);
/* front, in a callback: how long this command may need a notify from now on,
 * milliseconds; 0: for ever.  A get or store that is a part of a command which
 * libewb makes out of them, such as incr, sets it for the whole in its first
 * run; in a run after a notify it changes nothing. */
void ewb_cookie_set_deadline(struct ewb_cookie *c, uint32_t ms);
/* holder: takes over the request's value when it was received into a buffer
 * of its own (large ones are): then r->value stays valid until the engine
 * calls ewb_value_free(the result).  Null: copy the value. */
void *ewb_value_take(struct ewb_cookie *c);
/* any */
void ewb_value_free(void *value);

/* The reply.  holder.  EWB_OK, or EWB_NO_MEMORY. */

/* Bytes of the value, copied; more than one call appends. */
enum ewb_status ewb_reply_value(struct ewb_cookie *c, const void *data,
                                size_t n);
/* The item that was asked for.  release null: the value is copied.  Else it is
 * lent: it must stay as it is until release(arg), which runs exactly once, on
 * any thread, soon or late, also when this fails; it may not wait. */
enum ewb_status ewb_reply_item(struct ewb_cookie *c, const struct ewb_item *i,
                               void (*release)(void *arg), void *arg);
/* A mutation's new cas. */
void ewb_reply_cas(struct ewb_cookie *c, uint64_t cas);
/* 0.2: Where a mutation, that of a removal too, stands in its vbucket's history.
 * It has been made: vbucket() says this seqno, or a later one, from now on; that
 * takes a lock around both, or an atomic that is written with seq_cst. */
void ewb_reply_token(struct ewb_cookie *c, uint64_t uuid, uint64_t seqno);
/* A number: of count, and of an engine's own command. */
void ewb_reply_number(struct ewb_cookie *c, uint64_t number);
/* In the stats callback: one statistic.  Its text is cut at 511 bytes. */
enum ewb_status ewb_reply_stat(struct ewb_cookie *c, const char *name,
                               const char *fmt, ...) EWB_PRINTF(3, 4);

/* Background work. */

enum ewb_class {
	EWB_READER, /* short reads that a client waits for */
	EWB_WRITER,
	EWB_AUX     /* long work: it gives way to everybody else */
};

/* pool: does the command's work and returns its final status, without the
 * callback being run again; or returns EWB_WOULDBLOCK after one of
 * ewb_task_again(), _park() and _sleep(), and is called again.  It is not
 * called at all when the command is cancelled before: what arg owns belongs
 * into the cookie's state. */
typedef enum ewb_status (*ewb_offload_fn)(struct ewb_task *t,
                                          struct ewb_cookie *c, void *arg);
/* front, in a callback, as its last act: return ewb_offload(c, fn, arg). */
enum ewb_status ewb_offload(struct ewb_cookie *c, ewb_offload_fn fn, void *arg);
enum ewb_status ewb_offload_to(struct ewb_cookie *c, enum ewb_class where,
                               ewb_offload_fn fn, void *arg);

/* pool: work of the engine's own, not for one command.  fn runs after each
 * wake; it parks when it returns, unless it said again or sleep. */
typedef void (*ewb_work_fn)(struct ewb_task *t, void *arg);
/* any.  Null: no memory.  name is for the statistics and must stay. */
struct ewb_task *ewb_task_new(struct ewb_host *h, enum ewb_class where,
                              const char *name, ewb_work_fn fn, void *arg);
/* any but a pool thread: waits until fn does not run, and never runs it again. */
void ewb_task_free(struct ewb_task *t);
/* The task itself, while it runs: what to do when it returns. */
void ewb_task_again(struct ewb_task *t);
void ewb_task_park(struct ewb_task *t);
void ewb_task_sleep(struct ewb_task *t, uint64_t us);
/* any: a parked or sleeping task runs; a running one runs once more.  A park
 * may also end early, so look at the condition again. */
void ewb_task_wake(struct ewb_task *t);
/* The task itself: the ticket of the command that it works for. */
struct ewb_ticket ewb_task_ticket(const struct ewb_task *t);
/* The task itself: how often its function was called before this time. */
unsigned ewb_task_runs(const struct ewb_task *t);

/* Streams: a reply larger than memory should hold.  It may be that of a command
 * of the engine's own which says EWB_OWN_STREAMS; elsewhere ewb_stream_open()
 * says EWB_NOT_SUPPORTED, and in a blocking engine it is a mistake.  (A scan's
 * is made by libewb out of what scan_next() offers.)  In the callback
 * ewb_stream_open(), then as for any block; in the background reserve and
 * commit piece after piece; at the end notify (or return from the offloaded
 * function): with EWB_OK the callback is run once more to give the final
 * status, another status is it.  The client sees pieces as they are filled, not
 * as they were committed. */

/* front, in a callback, before it blocks.  wake(arg), on the front end, says
 * that there is room again; null: the offloaded task is woken, so there must be
 * one (ewb_offload()).  EWB_BUSY: no memory for another
 * stream; EWB_NOT_SUPPORTED: this command's reply cannot come in pieces, see
 * above. */
enum ewb_status ewb_stream_open(struct ewb_cookie *c, void (*wake)(void *arg),
                                void *arg);
/* holder: room for n bytes in one piece, to be filled in place.  Null: the
 * reader is slow, or there is no memory now; park until woken, then ask again. */
void *ewb_stream_reserve(struct ewb_cookie *c, size_t n);
/* holder: the first n bytes reserved are a record. */
void ewb_stream_commit(struct ewb_cookie *c, size_t n);
/* holder: sends what is there, though a chunk is not full.  What was reserved
 * and not committed is given up. */
void ewb_stream_flush(struct ewb_cookie *c);

/* Filters: the way to the engine below.  In a callback of a filter's, on the
 * thread that it runs on; not in an offloaded function.
 *
 *      get(self, c, r) ── ewb_next_get(c, r) ── EWB_OK, … ──▶ the reply is c's
 *         ▲                  └─ EWB_WOULDBLOCK: return that
 *         └─ run again ◀── the command below has ended; ask for it again
 *
 * Each runs a command at the engine below and gives its final status; or
 * EWB_WOULDBLOCK, which the callback returns.  It is then run again, and asks
 * again, in the same words, for the command that it waits for.  Each result is
 * given once: the next call begins another command.  A filter that runs more
 * than one, or waits itself before or after, keeps in ewb_cookie_set_state()
 * how far it is.  A blocking filter is always told EWB_WOULDBLOCK first.
 *
 * With the status comes the reply: what the command below answered is the
 * reply of c from then on, lent values included, nothing is copied; statistics
 * are added to those that are there.  While the command below is under way, c
 * may not be blocked otherwise.  A cancel, a deadline and the end of the
 * client go down to it.
 *
 * r: what is asked; null: what the client asked.  A changed one must stay,
 * with its key and value, until the result was given; libewb sets its hash and
 * vbucket.  EWB_NO_MEMORY: it was not begun.  EWB_INTERNAL: the filter's
 * mistake, named in the log. */
enum ewb_status ewb_next_get(struct ewb_cookie *c, const struct ewb_request *r);
/* r->expect and r->cas are looked at.  The value may be gone afterwards. */
enum ewb_status ewb_next_store(struct ewb_cookie *c,
                               const struct ewb_request *r);
enum ewb_status ewb_next_remove(struct ewb_cookie *c,
                                const struct ewb_request *r);
enum ewb_status ewb_next_flush(struct ewb_cookie *c);
enum ewb_status ewb_next_stats(struct ewb_cookie *c);
/* In the callback other(): the engine's own command that it was called for. */
enum ewb_status ewb_next_own(struct ewb_cookie *c, const struct ewb_request *r);
/* holder: the reply as it is now: value, flags, expiry, cas; valid until the
 * reply changes, and not to be given to ewb_reply_item().  Set item->size. */
void ewb_next_reply(const struct ewb_cookie *c, struct ewb_item *item);
/* holder: how often the commands below had to wait, in all. */
unsigned ewb_next_waits(const struct ewb_cookie *c);
/* pool: the cursors of the engine below; h is the filter's own host.
 * EWB_NOT_SUPPORTED: it has none. */
enum ewb_status ewb_next_scan_open(struct ewb_host *h,
                                   const struct ewb_range *range, void **cursor,
                                   uint64_t *count);
enum ewb_status ewb_next_scan_next(struct ewb_host *h, void *cursor,
                                   struct ewb_sink *sink);
void ewb_next_scan_close(struct ewb_host *h, void *cursor);
/* Likewise; EWB_NOT_SUPPORTED, too, where that engine's cursors cannot seek. */
enum ewb_status ewb_next_scan_seek(struct ewb_host *h, void *cursor,
                                   const struct ewb_range *range);

/* Whose command it is.  holder. */

/* The client's command, of which this may be a part: "get", "incr". */
const char *ewb_cookie_command(const struct ewb_cookie *c);
/* A number of the client's connection, another for each; and, where name is
 * not null, its name, cut to n bytes with the final 0: front, in a callback;
 * elsewhere it is "". */
uint64_t ewb_cookie_client(const struct ewb_cookie *c, char *name, size_t n);

/* Scans.  In scan_next: EWB_OK, taken; EWB_WOULDBLOCK, refused: return EWB_OK
 * and offer this record first the next time. */
enum ewb_status ewb_sink_put(struct ewb_sink *sink, const struct ewb_item *item);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
