/* SPDX-License-Identifier: BSD-2-Clause */
/* Small files that say something, and detaching. */
#ifndef DAEMON_FILES_H
#define DAEMON_FILES_H

#include <stddef.h>

/* Writes the number and a newline, whole or not at all.  0, or -errno. */
int file_write_number(const char *path, unsigned long n);
/* All of it, with a final 0; the caller frees it.  Null: *err is why, as -errno;
 * more than max bytes are too many. */
char *file_read(const char *path, size_t max, int *err);
/* Removes it, if it is a plain file and has that number still. */
void file_remove_number(const char *path, unsigned long n);

/* Forks.  In the parent it does not return: it waits until the child is ready
 * or has failed.  The child gets what detach_ready() needs; -errno. */
int detach(void);
void detach_ready(int fd);

#endif
