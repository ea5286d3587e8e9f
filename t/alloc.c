/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "t/alloc.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#define COUNTS 1
#else
#define COUNTS 0
#endif

static _Atomic uint64_t calls, bytes;

bool
ewb_alloc_counts(void)
{
	return COUNTS;
}

uint64_t
ewb_alloc_count(void)
{
	return atomic_load(&calls);
}

uint64_t
ewb_alloc_bytes(void)
{
	return atomic_load(&bytes);
}

#if COUNTS

/* glibc's own, under the names that it keeps for those who wrap them.  The
 * library's calls come here too: the program's symbols come first. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

static void
count(size_t n)
{
	atomic_fetch_add(&calls, 1);
	atomic_fetch_add(&bytes, n);
}

__attribute__((visibility("default"))) void *
malloc(size_t n)
{
	count(n);
	return __libc_malloc(n);
}

__attribute__((visibility("default"))) void *
calloc(size_t n, size_t size)
{
	count(n * size);
	return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *
realloc(void *p, size_t n)
{
	count(n);
	return __libc_realloc(p, n);
}

__attribute__((visibility("default"))) void *
aligned_alloc(size_t alignment, size_t n)
{
	count(n);
	return __libc_memalign(alignment, n);
}

#endif
