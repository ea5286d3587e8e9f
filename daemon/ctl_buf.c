/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_buf.h"
#include "lib/check.h"

int
ewb_ctl_buf_reserve(struct ewb_ctl_buf *b, size_t n)
{
	size_t used = b->len - b->pos;
	size_t cap = b->cap ? b->cap : 4096;
	uint8_t *at;

	if (b->cap - b->len >= n)
		return 0;
	if (n > SIZE_MAX / 4 - used)
		return -ENOMEM;
	/* Moving little to win much: the work stays linear. */
	if (b->pos >= used && b->cap - used >= n) {
		memmove(b->at, b->at + b->pos, used);
		b->pos = 0;
		b->len = used;
		return 0;
	}
	while (cap - used < n)
		cap *= 2;
	at = malloc(cap);
	if (!at)
		return -ENOMEM;
	if (used)
		memcpy(at, b->at + b->pos, used);
	free(b->at);
	*b = (struct ewb_ctl_buf){ .at = at, .len = used, .cap = cap };
	return 0;
}

int
ewb_ctl_buf_add(struct ewb_ctl_buf *b, const void *data, size_t n)
{
	int err = ewb_ctl_buf_reserve(b, n);

	if (err)
		return err;
	if (n)
		memcpy(b->at + b->len, data, n);
	b->len += n;
	return 0;
}

void
ewb_ctl_buf_drop(struct ewb_ctl_buf *b, size_t n)
{
	EWB_MUST(n <= b->len - b->pos);
	b->pos += n;
	if (b->pos == b->len)
		b->pos = b->len = 0;
}

void
ewb_ctl_buf_fini(struct ewb_ctl_buf *b)
{
	free(b->at);
	*b = (struct ewb_ctl_buf){ 0 };
}
