/* SPDX-License-Identifier: BSD-2-Clause */
/* A file below the directory that disk.c cares for: what of it is on the disk.
 * It makes system calls themselves, as libc's functions are disk.c's here.
 *
 *      write ──▶ disk_file_save()     old bytes to the journal, then the write
 *      sync  ──▶ disk_file_synced()   all is on the disk: the journal is empty
 *            └─▶ disk_file_lost()     it failed: as Linux does, what was to be
 *                                     written counts as clean, and a later sync
 *                                     that succeeds has not written it
 */
#ifndef T_DISK_FILE_H
#define T_DISK_FILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct disk_file {
	struct disk_file *next;
	/* set once */
	uint64_t ino;
	bool is_dir;
	/* under the table's lock */
	int opens;
	bool gone; /* has no name any more */
	/* under lock */
	pthread_mutex_t lock;
	int old, journal; /* to read the file, and its journal; or -1 */
	bool begun;       /* the journal is not empty */
	uint64_t synced;  /* when it has begun: the length on the disk */
	/* by page, since the last sync: its old bytes are in the journal; it was
	 * being written when a sync failed, and has not been written since */
	uint8_t *saved, *lost;
	size_t npages;
	bool any_lost;
};

/* Journals are in the directory side. */
void disk_file_setup(const char *side);

/* The table.  An open file, by its descriptor. */
void disk_file_opened(int fd, int flags);
void disk_file_dup(int from, int to);
void disk_file_closed(int fd);
/* Null: it is none of ours.  Its flags as given to open, and its size. */
struct disk_file *disk_file_at(int fd, int *flags, uint64_t *size);
/* Its last name is being removed by what is done between these two; *st is it,
 * or null. */
void disk_file_hold(void);
void disk_file_release(const struct stat *st);

/* With the file's lock held, fd one of its descriptors. */

/* These bytes will be written, or cut off. */
void disk_file_save(struct disk_file *f, int fd, uint64_t at, uint64_t len);
/* Those, just written, are on the disk at once. */
void disk_file_durable(struct disk_file *f, int fd, uint64_t at, uint64_t len);
void disk_file_synced(struct disk_file *f, int fd);
void disk_file_lost(struct disk_file *f, int fd);

#endif
