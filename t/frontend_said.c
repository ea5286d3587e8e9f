/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/frontend_said.h"

char said[262144];

const char *
said_ask(struct client *from, const char *what)
{
	say(from, what);
	play_run(from->play);
	said[hear_some(from, said, sizeof said - 1)] = '\0';
	return said;
}

const char *
said_text(const char *name)
{
	static char text[256];
	char line[128];
	const char *at;

	snprintf(line, sizeof line, "STAT %s ", name);
	at = strstr(said, line);
	if (at == NULL || (at > said && at[-1] != '\n'))
		return NULL;
	at += strlen(line);
	snprintf(text, sizeof text, "%.*s", (int)strcspn(at, "\r"), at);
	return text;
}

uint64_t
said_number(const char *name)
{
	const char *text = said_text(name);

	ck_assert_msg(text != NULL, "no statistic %s", name);
	return strtoull(text, NULL, 10);
}

void
said_check(const char *name, const char *want)
{
	const char *text = said_text(name);

	ck_assert_msg(text != NULL, "no statistic %s", name);
	ck_assert_msg(strcmp(text, want) == 0, "%s: %s, not %s", name, text,
	              want);
}
