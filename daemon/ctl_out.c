/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "daemon/ctl_out.h"
#include "daemon/ctl_say.h"

#define MUCH (256 * 1024)
#define LONG_AGO 100000 /* us */

/* Whoever started us may have made it non-blocking. */
static int
wait_for_room(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int
ewb_ctl_out_flush(struct ewb_ctl_out *o)
{
	while (ewb_ctl_buf_used(&o->buf)) {
		ssize_t n = write(STDOUT_FILENO, ewb_ctl_buf_front(&o->buf),
		                  ewb_ctl_buf_used(&o->buf));
		int err = n < 0 ? -errno : 0;

		if (err == -EAGAIN)
			err = wait_for_room();
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

void
ewb_ctl_out_fini(struct ewb_ctl_out *o)
{
	ewb_ctl_buf_fini(&o->buf);
}

int
ewb_ctl_out_status(int err)
{
	if (!err || err == -EPIPE)
		return 0;
	ewb_ctl_say("standard output: %s", ewb_ctl_strerror(err));
	return 1;
}
