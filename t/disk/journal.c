/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "t/disk/journal.h"

void
disk_journal_name(char to[DISK_NAME_MAX], const char *side, uint64_t ino)
{
	snprintf(to, DISK_NAME_MAX, "%s/%llu", side, (unsigned long long)ino);
}

/* FNV-1a, eight bytes at a time. */
static uint64_t
sum(const struct disk_entry *e, const uint8_t *bytes)
{
	uint64_t h = 0xcbf29ce484222325u, word;
	size_t i;

	h = (h ^ e->kind) * 0x100000001b3u;
	h = (h ^ e->len) * 0x100000001b3u;
	h = (h ^ e->at) * 0x100000001b3u;
	for (i = 0; i < e->len; i += sizeof word) {
		word = 0;
		memcpy(&word, bytes + i,
		       e->len - i < sizeof word ? e->len - i : sizeof word);
		h = (h ^ word) * 0x100000001b3u;
		h ^= h >> 32;
	}
	return h;
}

int
disk_journal_add(int fd, enum disk_kind kind, uint64_t at, const void *bytes,
                 uint32_t len)
{
	struct disk_entry e = { .kind = kind, .len = len, .at = at };
	struct iovec v[2] = { { &e, sizeof e }, { (void *)bytes, len } };

	e.sum = sum(&e, bytes);
	return syscall(SYS_writev, fd, v, 2) == (long)(sizeof e + len) ? 0 : -1;
}

int
disk_journal_next(int fd, uint64_t *pos, struct disk_entry *e,
                  uint8_t bytes[DISK_RUN])
{
	if (syscall(SYS_pread64, fd, e, sizeof *e, *pos) != sizeof *e ||
	    e->kind < DISK_BEGIN || e->kind > DISK_SIZE || e->len > DISK_RUN)
		return 0;
	if (syscall(SYS_pread64, fd, bytes, (size_t)e->len, *pos + sizeof *e) !=
	            (long)e->len ||
	    sum(e, bytes) != e->sum)
		return 0;
	*pos += sizeof *e + e->len;
	return 1;
}
