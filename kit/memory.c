/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kit/code.h"
#include "kit/kit.h"
#include "kit/memory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#define WORKS 1
#else
#define WORKS 0
#endif

#define BLOCKS (1u << 18) /* remembered at once, a power of two */
#define WITH 2            /* libraries beside: libewb, libc */
#define GONE 0xdd         /* what a freed block is filled with */

struct block {
	void *p; /* null: never used; TOMB: was used */
	size_t n;
	uintptr_t by;
	uint64_t born;
	bool taken;
};
#define TOMB ((void *)1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static struct block blocks[BLOCKS];
static uint64_t born;
static size_t nblocks;
/* any thread */
struct range {
	_Atomic uintptr_t from, to;
};
static struct range code[1 + KIT_FILTERS];
static struct range with[WITH];
static _Atomic unsigned nwith;
static _Atomic long until_failure; /* 0: no failure is due */
static _Atomic bool has_failed;
static _Thread_local int inside, paused;

bool
kit_memory_works(void)
{
	return WORKS;
}

void
kit_memory_of(unsigned which, uintptr_t from, uintptr_t to)
{
	atomic_store(&code[which].to, to);
	atomic_store(&code[which].from, from);
}

void
kit_memory_with(uintptr_t from, uintptr_t to)
{
	unsigned i = atomic_load(&nwith);

	if (i == WITH)
		return;
	atomic_store(&with[i].to, to);
	atomic_store(&with[i].from, from);
	atomic_store(&nwith, i + 1);
}

void
kit_memory_inside(int step)
{
	inside += step;
}

void
kit_memory_pause(int step)
{
	paused += step;
}

void
kit_memory_fail(unsigned n)
{
	atomic_store(&has_failed, false);
	atomic_store(&until_failure, (long)n);
}

bool
kit_memory_failed(void)
{
	return atomic_load(&has_failed);
}

static size_t
place_of(const void *p)
{
	return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 20) &
	       (BLOCKS - 1);
}

/* Under the lock; null: it is not remembered. */
static struct block *
find(const void *p)
{
	size_t i = place_of(p);

	for (size_t n = 0; n < BLOCKS && blocks[i].p; n++) {
		if (blocks[i].p == p)
			return &blocks[i];
		i = (i + 1) & (BLOCKS - 1);
	}
	return NULL;
}

static void
remember(void *p, size_t n, uintptr_t by, bool taken)
{
	size_t i = place_of(p);

	pthread_mutex_lock(&lock);
	/* when it is half full, what comes is not watched */
	if (nblocks < BLOCKS / 2 && find(p) == NULL) {
		while (blocks[i].p && blocks[i].p != TOMB)
			i = (i + 1) & (BLOCKS - 1);
		blocks[i] = (struct block){ p, n, by, ++born, taken };
		nblocks++;
	}
	pthread_mutex_unlock(&lock);
}

void
kit_memory_taken(void *p)
{
	if (WORKS && p)
		remember(p, 0, 0, true);
}

uint64_t
kit_memory_mark(void)
{
	uint64_t mark;

	pthread_mutex_lock(&lock);
	mark = born;
	pthread_mutex_unlock(&lock);
	return mark;
}

struct kit_leak
kit_memory_left(uint64_t mark)
{
	struct kit_leak l = { 0 };

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < BLOCKS; i++) {
		const struct block *b = &blocks[i];

		if (b->p == NULL || b->p == TOMB || b->born <= mark)
			continue;
		l.blocks++;
		l.bytes += b->n;
		l.taken |= b->taken;
		if (!b->taken)
			l.by = b->by;
	}
	pthread_mutex_unlock(&lock);
	return l;
}

void
kit_memory_need_freed(uint64_t mark)
{
	struct kit_leak l = kit_memory_left(mark);
	char by[600];

	KIT_NEED(!l.taken, "a value that was taken with ewb_value_take() was "
	                   "not freed with ewb_value_free()");
	KIT_NEED(l.blocks == 0,
	         "the engine is closed, and %zu blocks that it allocated (%zu "
	         "bytes) are not freed; one was allocated at %s",
	         l.blocks, l.bytes, kit_code_name(by, sizeof by, l.by));
}

#if WORKS

/* glibc's own, under the names that it keeps for those who wrap them. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);
extern void __libc_free(void *p);

#define EXPORTED __attribute__((visibility("default")))
#define CALLER ((uintptr_t)__builtin_return_address(0))

/* Under the lock.  A tomb at the end of a row of places is none. */
static void
bury(struct block *b)
{
	size_t i = (size_t)(b - blocks);

	b->p = TOMB;
	nblocks--;
	if (blocks[(i + 1) & (BLOCKS - 1)].p)
		return;
	for (; blocks[i].p == TOMB; i = (i - 1) & (BLOCKS - 1))
		blocks[i].p = NULL;
}

static bool
is_of(const struct range *r, unsigned n, uintptr_t by)
{
	for (unsigned i = 0; i < n; i++)
		if (by >= atomic_load(&r[i].from) && by < atomic_load(&r[i].to))
			return true;
	return false;
}

static bool
engines(uintptr_t by)
{
	return is_of(code, 1 + kit.nfilters, by);
}

/* Is it this one's turn to fail? */
static bool
fails(uintptr_t by)
{
	if (paused || atomic_load(&until_failure) == 0)
		return false;
	if (!engines(by) && !(inside && is_of(with, WITH, by)))
		return false;
	if (atomic_fetch_sub(&until_failure, 1) != 1)
		return false;
	atomic_store(&has_failed, true);
	errno = ENOMEM;
	return true;
}

static void *
made(void *p, size_t n, uintptr_t by)
{
	if (p && engines(by))
		remember(p, n, by, false);
	return p;
}

/* What is freed changes, so that who reads it notices. */
static void
forget(void *p)
{
	struct block *b;
	size_t n = 0;

	if (atomic_load(&code[0].to) == 0)
		return;
	pthread_mutex_lock(&lock);
	b = find(p);
	if (b) {
		n = b->n;
		bury(b);
	}
	pthread_mutex_unlock(&lock);
	if (n)
		memset(p, GONE, n);
}

EXPORTED void *
malloc(size_t n)
{
	return fails(CALLER) ? NULL : made(__libc_malloc(n), n, CALLER);
}

EXPORTED void *
calloc(size_t n, size_t size)
{
	return fails(CALLER) ? NULL
	                     : made(__libc_calloc(n, size), n * size, CALLER);
}

EXPORTED void *
realloc(void *p, size_t n)
{
	struct block *b;
	void *q;

	if (fails(CALLER))
		return NULL;
	pthread_mutex_lock(&lock);
	b = p ? find(p) : NULL;
	if (b)
		bury(b);
	pthread_mutex_unlock(&lock);
	q = __libc_realloc(p, n);
	return made(q, n, CALLER);
}

EXPORTED void *
aligned_alloc(size_t alignment, size_t n)
{
	return fails(CALLER) ? NULL
	                     : made(__libc_memalign(alignment, n), n, CALLER);
}

EXPORTED void *
memalign(size_t alignment, size_t n)
{
	return fails(CALLER) ? NULL
	                     : made(__libc_memalign(alignment, n), n, CALLER);
}

EXPORTED int
posix_memalign(void **p, size_t alignment, size_t n)
{
	void *q = fails(CALLER) ? NULL : __libc_memalign(alignment, n);

	if (q == NULL)
		return ENOMEM;
	*p = made(q, n, CALLER);
	return 0;
}

/* libc's would hide who asked. */
EXPORTED char *
strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *to = fails(CALLER) ? NULL : __libc_malloc(len + 1);

	if (to == NULL)
		return NULL;
	memcpy(to, s, len);
	to[len] = '\0';
	return made(to, len + 1, CALLER);
}

EXPORTED char *
strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *to = fails(CALLER) ? NULL : __libc_malloc(n);

	return to ? made(memcpy(to, s, n), n, CALLER) : NULL;
}

EXPORTED void
free(void *p)
{
	if (p)
		forget(p);
	__libc_free(p);
}

#endif
