/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file had before it was written to and not yet synced: the undo journal
 * of disk.c, one for each file, named by its inode's number.
 *
 *      BEGIN 8192        at the last sync it was so long
 *      OLD   4096 4096…  before the first write since then these bytes were here
 *      NEW   4100 20…    and these are on the disk now (they were written
 *                        through a descriptor that syncs each write)
 *      SIZE  12288       and so is this length
 *
 * An empty one, or none: all of the file is on the disk.  An entry is appended
 * before what it can undo is done, so one that is cut short, or that has another
 * sum than it says, is the last one and undoes nothing. */
#ifndef T_DISK_JOURNAL_H
#define T_DISK_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define DISK_PAGE 4096u
#define DISK_RUN (4 * DISK_PAGE) /* the most bytes of an entry */

enum disk_kind {
	DISK_BEGIN = 0x6b736964,
	DISK_OLD,
	DISK_NEW,
	DISK_SIZE,
};

struct disk_entry {
	uint32_t kind, len;
	uint64_t at; /* an offset, or a length of the file */
	uint64_t sum;
};

/* Where that of an inode is, in the directory side. */
#define DISK_NAME_MAX 4096
void disk_journal_name(char to[DISK_NAME_MAX], const char *side, uint64_t ino);

/* Both make system calls themselves, not libc's functions, which disk.c has
 * others for.  0 or -1. */
int disk_journal_add(int fd, enum disk_kind kind, uint64_t at,
                     const void *bytes, uint32_t len);
/* The entry at *pos, and moves *pos on.  1, or 0: there are no more. */
int disk_journal_next(int fd, uint64_t *pos, struct disk_entry *e,
                      uint8_t bytes[DISK_RUN]);

#endif
