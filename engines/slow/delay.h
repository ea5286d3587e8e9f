/* SPDX-License-Identifier: BSD-2-Clause */
/* Which commands are late, and by how much. */
#ifndef SLOW_DELAY_H
#define SLOW_DELAY_H

#include <ewb/engine.h>
#include <stdatomic.h>
#include <stdbool.h>

struct slow_delay {
	/* set once */
	uint64_t us, every;
	/* any thread */
	_Atomic uint64_t commands;
};

/* For a plugin's table of parameters. */
#define SLOW_PARAMS                                                     \
	{ "delay", "2ms", "how late an answer is" },                    \
	{                                                               \
		"every", "1", "delays each Nth command, not the others" \
	}

/* From the settings that it knows; -1: one is wrong, and the host was told. */
int slow_delay_init(struct slow_delay *d, struct ewb_host *host,
                    const struct ewb_setting *s, size_t n);
/* Counts a command: is it a late one? */
bool slow_delay_due(struct slow_delay *d);

#endif
