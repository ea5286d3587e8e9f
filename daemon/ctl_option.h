/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of the command line, one after another, with a hint for a slip. */
#ifndef DAEMON_CTL_OPTION_H
#define DAEMON_CTL_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ewb_ctl_option {
	const char *name; /* without its dashes; a table ends with null */
	char letter;      /* 0: none */
	bool takes;       /* a value, as --name value or --name=value */
};

#define EWB_CTL_NO_OPTION (-1)  /* what comes next is none */
#define EWB_CTL_BAD_OPTION (-2) /* what is wrong was said */

/* Takes an option off *argv: its place in the table, and its value. */
int ewb_ctl_option_take(const struct ewb_ctl_option *table, char ***argv,
                        const char **value);
/* The one of the names that was probably meant; null when none is near.  The
 * names are the first members of n structs of the given size. */
const char *ewb_ctl_nearest(const char *word, const void *names, size_t n,
                            size_t size);
/* A decimal number from low to high: 0, or -1 and says so. */
int ewb_ctl_number(const char *option, const char *text, uint64_t low,
                   uint64_t high, uint64_t *n);

#endif
