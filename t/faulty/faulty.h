/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that is right, but for one fault.  It is what it takes to have a
 * place for each: gets are answered by a thread of its own, stores and removes
 * by offloaded functions that run twice, the rest at once.
 *
 *	ewb-check-engine faulty.so fault=notify-twice
 */
#ifndef T_FAULTY_H
#define T_FAULTY_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct item {
	struct item *next; /* in key order */
	unsigned refs;
	uint8_t key[250];
	size_t nkey;
	uint8_t *value;
	size_t nvalue;
	bool taken; /* value is libewb's, taken over */
	uint32_t flags, expiry, datatype;
	uint64_t cas, seqno;
};

/* A get on its way, or a fetch. */
struct errand {
	struct errand *next;
	struct ewb_cookie *cookie;
	struct ewb_ticket ticket;
	enum ewb_status status;
	bool own;
};

struct faulty {
	/* set once */
	struct ewb_host *host;
	char fault[32];
	pthread_t thread;
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct item *first;
	struct errand *asked;
	bool ending;
	uint64_t cas;
	uint64_t seqno; /* one count for all vbuckets will do */
	unsigned ncas;              /* stores with a cas */
	unsigned storing;           /* stores that were begun and not ended */
	enum ewb_cancel_reason why; /* of the last cancel */
	/* pool */
	unsigned looks; /* of commands of its own that wait by looking */
};

/* Is this its fault? */
bool is(const struct faulty *f, const char *fault);

/* engine.c: the thread answers it. */
enum ewb_status ask_thread(struct faulty *f, struct ewb_cookie *c, bool own);

/* own.c */
extern const struct ewb_own own_commands[];

/* items.c.  Under the lock, but for drop(). */
int compare(const void *a, size_t na, const void *b, size_t nb);
struct item *find(struct faulty *f, const void *key, size_t nkey);
enum ewb_status put(struct faulty *f, struct ewb_cookie *c,
                    const struct ewb_request *r, bool checked);
/* May it be stored so? */
enum ewb_status check(struct faulty *f, const struct ewb_request *r);
enum ewb_status take_out(struct faulty *f, struct ewb_cookie *c,
                         const struct ewb_request *r);
/* Takes the lock. */
enum ewb_status tell(void *self, uint16_t vbucket, struct ewb_vbucket *v);
void clear(struct faulty *f, bool half);
bool expired(struct faulty *f, const struct item *i);
void hold(struct item *i);
/* Takes the lock. */
void drop(struct faulty *f, struct item *i);
/* Takes the lock.  EWB_OK: the cookie has the item. */
enum ewb_status answer(struct faulty *f, struct ewb_cookie *c,
                       const struct ewb_request *r);

/* cursor.c */
enum ewb_status cursor_open(void *self, const struct ewb_range *range,
                            void **cursor, uint64_t *count);
enum ewb_status cursor_next(void *self, void *cursor, struct ewb_sink *sink);
enum ewb_status cursor_seek(void *self, void *cursor,
                            const struct ewb_range *range);
void cursor_close(void *self, void *cursor);

#endif
