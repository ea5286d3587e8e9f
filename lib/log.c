/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

#define LINE_MAX_BYTES 1000

/* A peer's bytes must not make lines of their own. */
static void
one_line(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

void
ewb_log(const struct ewb_log *l, enum ewb_log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES + 2]; /* newline and nul */
	size_t len;
	va_list ap;

	if ((int)level > l->level)
		return;
	va_start(ap, fmt);
	if (vsnprintf(line, LINE_MAX_BYTES + 1, fmt, ap) < 0)
		line[0] = '\0';
	va_end(ap);
	one_line(line);
	if (l->write) {
		l->write(l->arg, line);
		return;
	}
	len = strlen(line);
	line[len] = '\n';
	/* One write, so that lines of several threads do not mix.  There is
	 * nobody to tell when it fails. */
	if (write(STDERR_FILENO, line, len + 1) < 0)
		return;
}

const char *
ewb_log_text(char text[EWB_LOG_TEXT], const char *system)
{
	snprintf(text, EWB_LOG_TEXT, "%s", system);
	/* but not of a word of capitals, such as RPC */
	if (text[0] && !isupper((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}
