/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "delay.h"

static int
read_one(struct slow_delay *d, struct ewb_host *host,
         const struct ewb_setting *s)
{
	if (strcmp(s->name, "delay") == 0 && ewb_parse_time(s->value, &d->us)) {
		ewb_host_error(host, "delay=%s: not a time (2ms, 50us, 3s)",
		               s->value);
		return -1;
	}
	if (strcmp(s->name, "every") == 0 &&
	    (ewb_parse_number(s->value, &d->every) || d->every == 0)) {
		ewb_host_error(host, "every=%s: not a number from 1 up",
		               s->value);
		return -1;
	}
	return 0;
}

int
slow_delay_init(struct slow_delay *d, struct ewb_host *host,
                const struct ewb_setting *s, size_t n)
{
	size_t i;

	d->us = 2000;
	d->every = 1;
	atomic_init(&d->commands, 0);
	for (i = 0; i < n; i++)
		if (read_one(d, host, &s[i]))
			return -1;
	return 0;
}

bool
slow_delay_due(struct slow_delay *d)
{
	uint64_t n = atomic_fetch_add(&d->commands, 1) + 1;

	return d->us > 0 && n % d->every == 0;
}
