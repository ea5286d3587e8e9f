/* SPDX-License-Identifier: BSD-2-Clause */
/* What disk.c counts and which calls are to fail: a file that it and a test both
 * have mapped, so that a test can fill the disk and free it again while the
 * program runs, and can read the counts after it was killed. */
#ifndef T_DISK_CONTROL_H
#define T_DISK_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum disk_call {
	DISK_OPEN,
	DISK_WRITE, /* of any kind */
	DISK_SPACE, /* ftruncate and fallocate */
	DISK_SYNC,  /* fsync, fdatasync, msync, sync_file_range */
	DISK_MMAP,
	DISK_ALLOC, /* malloc, calloc or realloc by the engine's own code */
	DISK_NCALLS
};

/* in place of an errno */
#define DISK_HALF (-1) /* half of a write is done */
#define DISK_KILL (-2) /* the process is killed before it */

struct disk_control {
	struct {
		_Atomic uint64_t count, failed;
		/* by count, both included; from 0: none */
		_Atomic uint64_t from, to;
		_Atomic int32_t err;
	} of[DISK_NCALLS];
	_Atomic uint64_t lie; /* not 0: what says sync, syncs nothing */
};

extern const char *const disk_call_names[DISK_NCALLS];

/* Maps the file, which is made if it is not there.  Null: errno says why. */
struct disk_control *disk_control_open(const char *path);
/* Has calls fail as "write:3:ENOSPC,sync:1+:EIO" says: the third one, and each
 * from the first one on, counted from now.  0, or -1: that is nonsense. */
int disk_control_set(struct disk_control *c, const char *spec);
/* Nothing fails any more. */
void disk_control_clear(struct disk_control *c);
/* Counts it.  0, or the errno with which it is to fail, or DISK_HALF. */
int disk_control_count(struct disk_control *c, enum disk_call call);

#endif
