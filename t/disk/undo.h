/* SPDX-License-Identifier: BSD-2-Clause */
/* What a power cut leaves, after the program has been killed: disk.c's other
 * half. */
#ifndef T_DISK_UNDO_H
#define T_DISK_UNDO_H

#include <stdint.h>

enum disk_undo {
	DISK_KEEP, /* all had been written: it was the program alone that ended */
	DISK_ALL, /* nothing that was not synced */
	/* Some of it, by chance: a file that has grown ends anywhere between
	 * its old end and its new one; of the sectors that were written over,
	 * some have their old bytes. */
	DISK_CUT,
	/* Likewise, and where a file has grown some sectors were not written:
	 * there are zeros. */
	DISK_TORN,
	DISK_NHOW
};

struct disk_undone {
	uint64_t files, bytes;
};

/* Of the files below dir, by the journals in side, which are gone then.  0, or
 * -1 with what went wrong on stderr. */
int disk_undo(const char *dir, const char *side, enum disk_undo how,
              uint64_t seed, struct disk_undone *u);

#endif
