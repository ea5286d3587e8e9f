/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ctl_interrupt.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_say.h"

#define MUCH (256 * 1024)
#define LONG_AGO 100000 /* us */

static int
fd_of(const struct ewb_ctl_out *o)
{
	return o->file ? o->fd : STDOUT_FILENO;
}

/* Where it goes first; was: what is in its place, or null. */
static int
open_part(struct ewb_ctl_out *o, const struct stat *was)
{
	int fd = open(o->part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	              0666);

	if (fd >= 0 && was && fchmod(fd, was->st_mode & 0777)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Null, or what could not be made. */
static const char *
open_file(struct ewb_ctl_out *o, const char *file)
{
	struct stat was;
	bool is = stat(file, &was) == 0;

	if (is && !S_ISREG(was.st_mode)) {
		o->fd = open(file, O_WRONLY | O_CLOEXEC);
		return o->fd < 0 ? file : NULL;
	}
	o->target = is ? realpath(file, NULL) : strdup(file);
	if (!o->target)
		return file;
	if (asprintf(&o->part, "%s.part", o->target) < 0) {
		o->part = NULL;
		return file;
	}
	o->fd = open_part(o, is ? &was : NULL);
	return o->fd < 0 ? o->part : NULL;
}

int
ewb_ctl_out_open(struct ewb_ctl_out *o, const char *file)
{
	const char *wrong = open_file(o, file);

	if (!wrong) {
		o->file = file;
		return 0;
	}
	ewb_ctl_say("%s: %s", wrong, ewb_ctl_strerror(errno));
	ewb_ctl_out_fini(o);
	return -1;
}

/* Whoever started us may have made it non-blocking. */
static int
wait_for_room(const struct ewb_ctl_out *o)
{
	struct pollfd p = { .fd = fd_of(o), .events = POLLOUT };

	return poll(&p, 1, -1) < 0 ? -errno : 0;
}

int
ewb_ctl_out_flush(struct ewb_ctl_out *o)
{
	while (ewb_ctl_buf_used(&o->buf)) {
		ssize_t n;
		int err;

		if (ewb_ctl_interrupted())
			return -EINTR;
		n = write(fd_of(o), ewb_ctl_buf_front(&o->buf),
		          ewb_ctl_buf_used(&o->buf));
		err = n < 0 ? -errno : 0;
		if (err == -EAGAIN)
			err = wait_for_room(o);
		if (err && err != -EINTR)
			return err;
		if (n > 0)
			ewb_ctl_buf_drop(&o->buf, (size_t)n);
	}
	o->written = ewb_ctl_now();
	return 0;
}

int
ewb_ctl_out_mark(struct ewb_ctl_out *o)
{
	return ewb_ctl_buf_used(&o->buf) < MUCH ? 0 : ewb_ctl_out_flush(o);
}

int
ewb_ctl_out_idle(struct ewb_ctl_out *o)
{
	return ewb_ctl_now() - o->written < LONG_AGO ? 0 : ewb_ctl_out_flush(o);
}

int
ewb_ctl_out_end(struct ewb_ctl_out *o)
{
	int err = ewb_ctl_out_flush(o);

	/* What cannot be synced, such as a pipe, need not be. */
	if (!err && o->file && fsync(o->fd) && errno != EINVAL &&
	    errno != EROFS && errno != ENOTSUP)
		err = -errno;
	if (o->file && close(o->fd) && !err)
		err = -errno;
	if (!err && o->part && rename(o->part, o->target))
		err = -errno;
	o->fd = -1;
	return err;
}

void
ewb_ctl_out_fini(struct ewb_ctl_out *o)
{
	if (o->file && o->fd >= 0)
		close(o->fd);
	free(o->part);
	free(o->target);
	ewb_ctl_buf_fini(&o->buf);
	*o = (struct ewb_ctl_out){ 0 };
}

int
ewb_ctl_out_status(int err)
{
	if (!err || err == -EPIPE || ewb_ctl_interrupted())
		return 0;
	ewb_ctl_say("standard output: %s", ewb_ctl_strerror(err));
	return 1;
}
