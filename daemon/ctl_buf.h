/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that come at the end and go at the front.  Zero-filled is empty and
 * ready for use. */
#ifndef DAEMON_CTL_BUF_H
#define DAEMON_CTL_BUF_H

#include <stddef.h>
#include <stdint.h>

struct ewb_ctl_buf {
	uint8_t *at;
	size_t pos, len, cap; /* in use: at[pos..len) */
};

/* Room for n more bytes at at + len: 0 or -ENOMEM.  Moves what is in use. */
int ewb_ctl_buf_reserve(struct ewb_ctl_buf *b, size_t n);
/* 0 or -ENOMEM. */
int ewb_ctl_buf_add(struct ewb_ctl_buf *b, const void *data, size_t n);
/* Takes n bytes off the front. */
void ewb_ctl_buf_drop(struct ewb_ctl_buf *b, size_t n);
void ewb_ctl_buf_fini(struct ewb_ctl_buf *b);

/* Null when nothing was ever added. */
static inline uint8_t *
ewb_ctl_buf_front(const struct ewb_ctl_buf *b)
{
	return b->at ? b->at + b->pos : NULL;
}

static inline size_t
ewb_ctl_buf_used(const struct ewb_ctl_buf *b)
{
	return b->len - b->pos;
}

#endif
