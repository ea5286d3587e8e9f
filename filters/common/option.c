/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "option.h"
#include "statuses.h"

const char *
option_set(const struct option *o, void *filter, const char *name,
           const char *text)
{
	while (o->name && strcmp(o->name, name))
		o++;
	if (o->name == NULL)
		return "no such parameter";
	return o->read(text, (char *)filter + o->at) ? o->wrong : NULL;
}

int
option_read(const struct option *o, void *filter, struct ewb_host *host,
            const struct ewb_setting *s, size_t n)
{
	const char *wrong;

	for (size_t i = 0; i < n; i++) {
		wrong = option_set(o, filter, s[i].name, s[i].value);
		if (wrong == NULL)
			continue;
		ewb_host_error(host, "%s=%s: %s", s[i].name, s[i].value, wrong);
		return -1;
	}
	return 0;
}

int
option_time(const char *text, void *us)
{
	return ewb_parse_time(text, us);
}

int
option_number(const char *text, void *n)
{
	return ewb_parse_number(text, n);
}

int
option_rate(const char *text, void *rate)
{
	return rate_parse(text, rate);
}

int
option_status(const char *text, void *status)
{
	enum ewb_status s;

	if (status_parse(text, strlen(text), &s) || s == EWB_OK)
		return -1;
	*(enum ewb_status *)status = s;
	return 0;
}
