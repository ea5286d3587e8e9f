/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program gets that uses an engine's library itself, without a server:
 * the same records in the same form, from threads of its own. */
#ifndef BENCH_DIRECT_H
#define BENCH_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRECT_KEY 22  /* vbucket and collection, which are 0, then 16 bytes */
#define DIRECT_HEAD 28 /* of a value: form, flags, expiry, cas, seqno */

struct direct_options {
	const char *library, *path;
	int port;
	int threads;
	unsigned long keys;
	size_t vsize;
	double seconds, warm;
	uint64_t cache, memtable; /* bytes */
	bool compress;
	bool direct_io;
	bool writes; /* the mode's: else it is opened to be read only */
};

/* Called with each record, in order; false: no more of them. */
typedef bool direct_take_fn(void *arg, const void *key, size_t nkey,
                            const void *value, size_t nvalue);

/* A library.  Each ends the program when it fails. */
struct direct_library {
	const char *name;
	void (*open)(const struct direct_options *o);
	/* any thread: it is on disk, then it returns */
	void (*put)(const void *key, size_t nkey, const void *value,
	            size_t nvalue);
	/* any thread: the sum of its bytes, so that all have been read; 0:
	 * there is none */
	unsigned long (*get)(const void *key, size_t nkey);
	void (*scan)(direct_take_fn *take, void *arg);
};

extern const struct direct_library direct_rocksdb, direct_lmdb;

/* Modes.  Each reports, and returns the exit status. */
int direct_sets(const struct direct_library *l, const struct direct_options *o);
int direct_gets(const struct direct_library *l, const struct direct_options *o);
int direct_serve(const struct direct_library *l,
                 const struct direct_options *o);
int direct_sync(const struct direct_library *l, const struct direct_options *o);

#endif
