/* SPDX-License-Identifier: BSD-2-Clause */
/* What every check has: its engine, its chance, and how it ends.
 *
 * A check runs in a process of its own, which ends with it.  It returns when
 * all is as it must be; else it ends in kit_broken(), on whatever thread.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ewb/engine.h>

#define KIT_SETTINGS 64
#define KIT_FILTERS 15
#define KIT_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* One that wraps the engine, and the parameters that are its own. */
struct kit_filter {
	const char *given; /* as the command line has it */
	char path[4096];   /* of its file */
	char name[32];     /* what its parameters begin with */
	struct ewb_setting settings[KIT_SETTINGS];
	size_t nsettings;
};

/* Set once, by main(). */
struct kit {
	const char *given; /* the engine, as the command line has it */
	char path[4096];   /* of its file */
	struct ewb_setting settings[KIT_SETTINGS];
	size_t nsettings;
	struct kit_filter filters[KIT_FILTERS]; /* outermost first */
	unsigned nfilters;
	uint64_t seed;
	uint64_t salt;     /* of the check, from its name */
	unsigned seconds;  /* for what is done at random */
	unsigned patience; /* seconds, for what must happen */
};
extern struct kit kit;

enum kit_end { KIT_RUNS, KIT_HOLDS, KIT_BROKEN, KIT_SKIPPED };

/* Shared by the check's process and the one that waits for it. */
struct kit_verdict {
	_Atomic int end; /* enum kit_end */
	char at[200];    /* what it was about to do */
	char what[900];  /* is wrong, or why it was left out */
};
extern struct kit_verdict *kit_verdict;

/* any thread: the check fails; the first one counts. */
_Noreturn void kit_broken(const char *fmt, ...) KIT_PRINTF(1, 2);
/* any thread: it does not apply to this engine. */
_Noreturn void kit_skip(const char *fmt, ...) KIT_PRINTF(1, 2);
/* What comes next, for those who find it crashed there. */
void kit_at(const char *fmt, ...) KIT_PRINTF(1, 2);
#define KIT_NEED(cond, ...) ((cond) ? (void)0 : kit_broken(__VA_ARGS__))

/* Chance, from the seed: the same for each check. */
uint64_t kit_draw(void);
unsigned kit_below(unsigned n);
/* Bytes that follow from a number. */
void kit_fill(void *to, size_t n, uint64_t from);
/* A name for what is no text: \x00 and the like; cut to fit. */
const char *kit_spell(char *to, size_t cap, const void *bytes, size_t n);

/* The machine's time, seconds. */
double kit_now(void);
/* Threads of this process. */
unsigned kit_threads(void);

#endif
