/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_option.h"
#include "daemon/ctl_say.h"

#define WORD_MAX 24

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters to put in, take out or change to make b of a. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1], i, j;
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (j = 1; j <= nb; j++) {
			unsigned above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
			               corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[nb];
}

const char *
ewb_ctl_nearest(const char *word, const void *names, size_t n, size_t size)
{
	size_t len = strlen(word), i;
	unsigned best = len < 4 ? 2 : 3; /* less than this is near */
	const char *found = NULL;

	for (i = 0; i < n; i++) {
		const char *name;
		unsigned d;

		memcpy(&name, (const char *)names + i * size, sizeof(name));
		d = distance(word, name);
		if (len >= 2 && !strncmp(word, name, len))
			d = 1; /* it was cut short */
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}

static int
unknown(const struct ewb_ctl_option *table, const char *word)
{
	const char *name = word + strspn(word, "-");
	const char *near;
	char plain[WORD_MAX + 1] = "";
	size_t n = 0;

	while (table[n].name)
		n++;
	strncat(plain, name,
	        strcspn(name, "=") < WORD_MAX ? strcspn(name, "=") : WORD_MAX);
	near = ewb_ctl_nearest(plain, table, n, sizeof(*table));
	if (near)
		ewb_ctl_say("unknown option %s; did you mean --%s?", word,
		            near);
	else
		ewb_ctl_say("unknown option %s; try: ewbctl help", word);
	return EWB_CTL_BAD_OPTION;
}

/* The option that word names, and the text after its '=' or letter. */
static int
find(const struct ewb_ctl_option *table, const char *word, const char **rest)
{
	int i;

	*rest = NULL;
	for (i = 0; table[i].name; i++) {
		size_t n = strlen(table[i].name);

		if (word[1] != '-') {
			if (word[1] != table[i].letter)
				continue;
			*rest = word[2] ? word + 2 : NULL;
			return i;
		}
		if (strncmp(word + 2, table[i].name, n) ||
		    (word[2 + n] && word[2 + n] != '='))
			continue;
		*rest = word[2 + n] ? word + 3 + n : NULL;
		return i;
	}
	return unknown(table, word);
}

int
ewb_ctl_option_take(const struct ewb_ctl_option *table, char ***argv,
                    const char **value)
{
	const char *word = **argv, *rest;
	int i;

	if (!word || word[0] != '-' || !word[1])
		return EWB_CTL_NO_OPTION;
	++*argv;
	if (!strcmp(word, "--"))
		return EWB_CTL_NO_OPTION;
	i = find(table, word, &rest);
	if (i < 0)
		return i;
	if (table[i].takes && !rest) {
		rest = **argv;
		if (rest)
			++*argv;
	}
	if (table[i].takes == (rest != NULL)) {
		*value = rest;
		return i;
	}
	if (table[i].takes)
		ewb_ctl_say("%s wants a value", word);
	else
		ewb_ctl_say("--%s takes no value", table[i].name);
	return EWB_CTL_BAD_OPTION;
}

int
ewb_ctl_number(const char *option, const char *text, uint64_t low,
               uint64_t high, uint64_t *n)
{
	size_t len = strlen(text);

	errno = 0;
	*n = strtoull(text, NULL, 10);
	if (len && strspn(text, "0123456789") == len && !errno && *n >= low &&
	    *n <= high)
		return 0;
	if (high == UINT64_MAX)
		return ewb_ctl_say("%s wants a number, %" PRIu64
		                   " or more, not '%s'",
		                   option, low, text);
	return ewb_ctl_say("%s wants a number from %" PRIu64 " to %" PRIu64
	                   ", not '%s'",
	                   option, low, high, text);
}
