/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/ctl_spill.h"
#include "lib/check.h"

static int
make(const char *dir)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/ewbctl.XXXXXX", dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int
open_file(struct ewb_ctl_spill *s)
{
	const char *dir = getenv("TMPDIR");
	int fd = make(dir && *dir ? dir : "/var/tmp");

	if (fd == -ENOENT)
		fd = make("/tmp");
	if (fd < 0)
		return fd;
	s->fd = fd;
	return 0;
}

int
ewb_ctl_spill_write(struct ewb_ctl_spill *s, uint32_t user, uint64_t at,
                    const void *data, size_t n)
{
	const char *from = data;
	int err = s->fd ? 0 : open_file(s);

	EWB_MUST(at + n <= EWB_CTL_SPILL_PART);
	at += user * EWB_CTL_SPILL_PART;
	while (n && !err) {
		ssize_t done = pwrite(s->fd, from, n, (off_t)at);

		if (done < 0 && errno != EINTR)
			err = -errno;
		if (done <= 0)
			continue;
		from += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return err;
}

int
ewb_ctl_spill_read(const struct ewb_ctl_spill *s, uint32_t user, uint64_t at,
                   void *data, size_t n)
{
	char *to = data;
	int err = 0;

	at += user * EWB_CTL_SPILL_PART;
	while (n && !err) {
		ssize_t done = pread(s->fd, to, n, (off_t)at);

		if (done == 0 || (done < 0 && errno != EINTR))
			err = done ? -errno : -EIO;
		if (done <= 0)
			continue;
		to += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return err;
}

void
ewb_ctl_spill_fini(struct ewb_ctl_spill *s)
{
	if (s->fd)
		close(s->fd);
	s->fd = 0;
}
