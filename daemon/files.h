/* SPDX-License-Identifier: BSD-2-Clause */
/* Small files that say something, and detaching. */
#ifndef DAEMON_FILES_H
#define DAEMON_FILES_H

/* Writes the number and a newline, whole or not at all.  0, or -errno. */
int file_write_number(const char *path, unsigned long n);
/* Removes it, if it is a plain file. */
void file_remove(const char *path);

/* Forks.  In the parent it does not return: it waits until the child is ready
 * or has failed.  The child gets what detach_ready() needs; -errno. */
int detach(void);
void detach_ready(int fd);

#endif
