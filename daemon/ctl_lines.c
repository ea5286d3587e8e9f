/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ctl_lines.h"
#include "daemon/ctl_say.h"

#define READ_SIZE (64 * 1024)

static int
failed(const struct ewb_ctl_lines *l, int err)
{
	return ewb_ctl_say("%s: %s", l->name, ewb_ctl_strerror(err));
}

int
ewb_ctl_lines_open(struct ewb_ctl_lines *l, const char *file)
{
	struct stat st;

	*l = (struct ewb_ctl_lines){ .fd = STDIN_FILENO, .name = "stdin" };
	if (file && strcmp(file, "-")) {
		l->name = file;
		l->fd = open(file, O_RDONLY | O_CLOEXEC);
	}
	if (l->fd < 0 || fstat(l->fd, &st))
		return failed(l, errno);
	if (S_ISDIR(st.st_mode))
		return failed(l, EISDIR);
	if (S_ISREG(st.st_mode))
		l->size = (uint64_t)st.st_size;
	return 0;
}

void
ewb_ctl_lines_close(struct ewb_ctl_lines *l)
{
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	ewb_ctl_buf_fini(&l->in);
}

/* Reads once: 0 or -1. */
static int
fill(struct ewb_ctl_lines *l)
{
	ssize_t n;

	if (ewb_ctl_buf_reserve(&l->in, READ_SIZE))
		return failed(l, ENOMEM);
	do
		n = read(l->fd, l->in.at + l->in.len, l->in.cap - l->in.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(l, errno);
	l->at_end = n == 0;
	l->in.len += (size_t)n;
	return 0;
}

/* The line is the first n bytes of what is here, and its end is behind it. */
static int
give(struct ewb_ctl_lines *l, size_t n, size_t end, char **line, size_t *len)
{
	*line = (char *)ewb_ctl_buf_front(&l->in);
	*len = n;
	l->taken = n + end;
	l->looked = 0;
	l->nbytes += l->taken;
	return 1;
}

int
ewb_ctl_lines_next(struct ewb_ctl_lines *l, char **line, size_t *n)
{
	ewb_ctl_buf_drop(&l->in, l->taken);
	l->taken = 0;
	l->n++;
	for (;;) {
		size_t used = ewb_ctl_buf_used(&l->in);
		const uint8_t *front = ewb_ctl_buf_front(&l->in), *end = NULL;

		if (used > l->looked)
			end = memchr(front + l->looked, '\n', used - l->looked);
		if (end && (size_t)(end - front) <= l->max)
			return give(l, (size_t)(end - front), 1, line, n);
		if (end || used > l->max)
			return ewb_ctl_lines_bad(l, "longer than %zu bytes: "
			                            "no item that the server "
			                            "takes",
			                         l->max);
		l->looked = used;
		if (l->at_end && used)
			return give(l, used, 0, line, n);
		if (l->at_end)
			return l->n--, 0;
		if (fill(l))
			return -1;
	}
}

int
ewb_ctl_lines_bad(const struct ewb_ctl_lines *l, const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return ewb_ctl_say("%s:%" PRIu64 ": %s", l->name, l->n, text);
}
