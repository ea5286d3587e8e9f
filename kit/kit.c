/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kit/kit.h"

struct kit kit;
struct kit_verdict *kit_verdict;

static _Noreturn void
finish(enum kit_end end, const char *fmt, va_list ap)
{
	static _Atomic int taken;

	if (atomic_exchange(&taken, 1) == 0) {
		vsnprintf(kit_verdict->what, sizeof kit_verdict->what, fmt, ap);
		atomic_store(&kit_verdict->end, (int)end);
		_exit(0);
	}
	for (;;)
		pause(); /* somebody else is ending it */
}

void
kit_broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(KIT_BROKEN, fmt, ap);
}

void
kit_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(KIT_SKIPPED, fmt, ap);
}

void
kit_at(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(kit_verdict->at, sizeof kit_verdict->at, fmt, ap);
	va_end(ap);
}

/* splitmix64 */
static uint64_t
mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t
kit_draw(void)
{
	static uint64_t state;

	if (state == 0)
		state = kit.seed + 1;
	return mix(&state);
}

unsigned
kit_below(unsigned n)
{
	return (unsigned)(kit_draw() % n);
}

void
kit_fill(void *to, size_t n, uint64_t from)
{
	uint8_t *p = to;
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 0)
			word = mix(&from);
		p[i] = (uint8_t)(word >> 8 * (i % 8));
	}
}

const char *
kit_spell(char *to, size_t cap, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t at = 0;

	for (size_t i = 0; i < n && at + 8 < cap; i++) {
		if (p[i] > ' ' && p[i] < 127 && p[i] != '\\')
			to[at++] = (char)p[i];
		else
			at += (size_t)snprintf(to + at, cap - at, "\\x%02x",
			                       p[i]);
		if (at + 8 >= cap && i + 1 < n)
			at += (size_t)snprintf(to + at, cap - at, "...");
	}
	to[at] = '\0';
	return to;
}

double
kit_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

unsigned
kit_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		return 1;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}
