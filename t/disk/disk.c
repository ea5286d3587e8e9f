/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk that forgets and fails, to be put before libc with LD_PRELOAD:
 *
 *      EWB_DISK=DIR            it concerns files below DIR alone
 *      EWB_DISK_SIDE=DIR       where it keeps what is to be undone; DIR.undo
 *      EWB_DISK_CONTROL=FILE   counts of calls, and which are to fail (control.h)
 *      EWB_DISK_FAIL=write:3:ENOSPC,sync:1+:EIO
 *                              which, from the beginning on
 *      EWB_DISK_LIE=1          what says sync, syncs nothing
 *      EWB_DISK_QUICK=1        the real disk is not synced, only this one
 *
 * After the program was killed, all that it wrote is in the kernel still, and
 * nothing would be learnt about what it did not sync.  So before a file is changed
 * its old bytes go to a journal, which a sync empties; "disk undo", or
 * disk_undo(), then takes the unsynced back, all of it or some.
 *
 * What it does not do.  Creating, renaming and removing files is on the disk at
 * once.  What is written through a map is not seen, and counts as on the disk;
 * so does what libc writes by itself (stdio), or goes through a descriptor that
 * fcntl has copied.  sync_file_range promises nothing, and so it syncs nothing. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "t/disk/disk.h"
#include "t/disk/file.h"

struct disk_control *disk_control;
static char root[PATH_MAX];
static bool quick;

static __attribute__((constructor)) void
setup(void)
{
	const char *dir = getenv("EWB_DISK"), *side = getenv("EWB_DISK_SIDE");
	const char *control = getenv("EWB_DISK_CONTROL");
	const char *fail = getenv("EWB_DISK_FAIL");
	static struct disk_control own;
	char path[PATH_MAX], beside[PATH_MAX + 8];

	if (dir == NULL)
		return;
	snprintf(beside, sizeof beside, "%s.undo", dir);
	disk_file_setup(side ? side : beside);
	disk_control = control ? disk_control_open(control) : &own;
	if (realpath(dir, path) == NULL || disk_control == NULL ||
	    (fail && disk_control_set(disk_control, fail))) {
		fprintf(stderr, "disk: what EWB_DISK... say cannot be: %s\n",
		        strerror(errno));
		abort();
	}
	if (getenv("EWB_DISK_LIE"))
		disk_control->lie = 1;
	quick = getenv("EWB_DISK_QUICK") != NULL;
	strcat(path, "/");
	strcpy(root, path);
}

/* Whether the file of that name is ours. */
static bool
ours(int at, const char *name)
{
	char full[2 * PATH_MAX], real[PATH_MAX], *last;
	int saved = errno;
	bool is = false;

	if (*root == 0 || name == NULL || strlen(name) >= PATH_MAX)
		return false;
	if (*name == '/')
		strcpy(full, name);
	else if (at == AT_FDCWD)
		sprintf(full, "./%s", name);
	else
		sprintf(full, "/proc/self/fd/%d/%s", at, name);
	last = strrchr(full, '/');
	*last = 0;
	if (realpath(*full ? full : "/", real)) {
		strcat(real, "/");
		is = strncmp(real, root, strlen(root)) == 0;
		/* the directory itself, to sync it */
		if (!is && strlen(real) + strlen(last + 1) + 2 < sizeof real) {
			strcat(strcat(real, last + 1), "/");
			is = strcmp(real, root) == 0;
		}
	}
	errno = saved;
	return is;
}

static int
fails(enum disk_call call)
{
	int err = disk_control_count(disk_control, call);

	if (err > 0)
		errno = err;
	return err;
}

static int
open_it(int at, const char *name, int flags, mode_t mode)
{
	struct disk_file *f;
	int fd, n;
	uint64_t size;

	if (!ours(at, name))
		return (int)syscall(SYS_openat, at, name, flags, mode);
	if (fails(DISK_OPEN) > 0)
		return -1;
	disk_file_hold();
	fd = (int)syscall(SYS_openat, at, name, flags & ~O_TRUNC, mode);
	if (fd >= 0 && !(flags & O_PATH))
		disk_file_opened(fd, flags);
	disk_file_release(NULL);
	if (fd < 0 || !(flags & O_TRUNC) || (flags & O_PATH))
		return fd;
	f = disk_file_at(fd, &n, &size);
	if (f && size > 0) {
		pthread_mutex_lock(&f->lock);
		disk_file_save(f, fd, 0, size);
		syscall(SYS_ftruncate, fd, 0L);
		pthread_mutex_unlock(&f->lock);
	}
	return fd;
}

#define MODE(flags, last)                                \
	({                                               \
		mode_t mode_ = 0;                        \
		if ((flags) & (O_CREAT | __O_TMPFILE)) { \
			va_list ap_;                     \
			va_start(ap_, last);             \
			mode_ = va_arg(ap_, mode_t);     \
			va_end(ap_);                     \
		}                                        \
		mode_;                                   \
	})

#define OPEN(name)                                                         \
	DISK_EXPORT int name(const char *path, int flags, ...)             \
	{                                                                  \
		return open_it(AT_FDCWD, path, flags, MODE(flags, flags)); \
	}
#define OPENAT(name)                                                   \
	DISK_EXPORT int name(int at, const char *path, int flags, ...) \
	{                                                              \
		return open_it(at, path, flags, MODE(flags, flags));   \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* As _FORTIFY_SOURCE calls them. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
DISK_EXPORT int
__open_2(const char *path, int flags)
{
	return open_it(AT_FDCWD, path, flags, 0);
}
DISK_EXPORT int
__open64_2(const char *path, int flags)
{
	return open_it(AT_FDCWD, path, flags, 0);
}

DISK_EXPORT int
creat(const char *path, mode_t mode)
{
	return open_it(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
DISK_EXPORT int
creat64(const char *path, mode_t mode)
{
	return creat(path, mode);
}

DISK_EXPORT int
close(int fd)
{
	disk_file_closed(fd);
	return (int)syscall(SYS_close, fd);
}

DISK_EXPORT int
dup(int fd)
{
	int to = (int)syscall(SYS_dup, fd);

	disk_file_dup(fd, to);
	return to;
}
DISK_EXPORT int
dup3(int fd, int to, int flags)
{
	int got;

	if (fd != to)
		disk_file_closed(to);
	got = (int)syscall(SYS_dup3, fd, to, flags);
	disk_file_dup(fd, got);
	return got;
}
DISK_EXPORT int
dup2(int fd, int to)
{
	return fd == to ? (fcntl(fd, F_GETFD) < 0 ? -1 : to) : dup3(fd, to, 0);
}

/* Writes at an offset, or where the descriptor stands: at < 0. */
static ssize_t
raw_write(int fd, const struct iovec *v, int n, off_t at)
{
	return at < 0 ? syscall(SYS_writev, fd, v, n)
	              : syscall(SYS_pwritev, fd, v, n, at, 0L);
}

static ssize_t
write_it(int fd, const struct iovec *v, int n, off_t at)
{
	int flags, err;
	uint64_t size, from, len = 0;
	struct disk_file *f = disk_file_at(fd, &flags, &size);
	struct iovec half;
	ssize_t done;

	if (f == NULL)
		return raw_write(fd, v, n, at);
	err = fails(DISK_WRITE);
	if (err > 0)
		return -1;
	if (err == DISK_HALF && n > 0 && v->iov_len > 1) {
		half = (struct iovec){ v->iov_base, v->iov_len / 2 };
		v = &half;
		n = 1;
	}
	for (int i = 0; i < n; i++)
		len += v[i].iov_len;
	pthread_mutex_lock(&f->lock);
	if (flags & O_APPEND) {
		disk_file_at(fd, &flags, &size);
		from = size;
	} else {
		from = (uint64_t)(at < 0 ? lseek(fd, 0, SEEK_CUR) : at);
	}
	disk_file_save(f, fd, from, len);
	done = raw_write(fd, v, n, at);
	if (done > 0 && flags & O_DSYNC && !disk_control->lie)
		disk_file_durable(f, fd, from, (uint64_t)done);
	pthread_mutex_unlock(&f->lock);
	return done;
}

DISK_EXPORT ssize_t
write(int fd, const void *bytes, size_t n)
{
	struct iovec v = { (void *)bytes, n };

	return write_it(fd, &v, 1, -1);
}
DISK_EXPORT ssize_t
writev(int fd, const struct iovec *v, int n)
{
	return write_it(fd, v, n, -1);
}
DISK_EXPORT ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	struct iovec v = { (void *)bytes, n };

	return write_it(fd, &v, 1, at);
}
DISK_EXPORT ssize_t
pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
	return pwrite(fd, bytes, n, at);
}
DISK_EXPORT ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return write_it(fd, v, n, at);
}
DISK_EXPORT ssize_t
pwritev64(int fd, const struct iovec *v, int n, off_t at)
{
	return write_it(fd, v, n, at);
}

DISK_EXPORT int
ftruncate(int fd, off_t length)
{
	int flags, result;
	uint64_t size;
	struct disk_file *f = disk_file_at(fd, &flags, &size);

	if (f == NULL)
		return (int)syscall(SYS_ftruncate, fd, length);
	if (fails(DISK_SPACE) > 0)
		return -1;
	pthread_mutex_lock(&f->lock);
	if ((uint64_t)length < size)
		disk_file_save(f, fd, (uint64_t)length,
		               size - (uint64_t)length);
	else
		disk_file_save(f, fd, size, (uint64_t)length - size);
	result = (int)syscall(SYS_ftruncate, fd, length);
	pthread_mutex_unlock(&f->lock);
	return result;
}
DISK_EXPORT int
ftruncate64(int fd, off_t length)
{
	return ftruncate(fd, length);
}

DISK_EXPORT int
fallocate(int fd, int mode, off_t at, off_t len)
{
	int flags, result;
	uint64_t size;
	struct disk_file *f = disk_file_at(fd, &flags, &size);

	if (f == NULL)
		return (int)syscall(SYS_fallocate, fd, mode, at, len);
	if (fails(DISK_SPACE) > 0)
		return -1;
	pthread_mutex_lock(&f->lock);
	if (mode & ~FALLOC_FL_KEEP_SIZE)
		disk_file_save(f, fd, (uint64_t)at, (uint64_t)len);
	else if (mode == 0 && (uint64_t)(at + len) > size)
		disk_file_save(f, fd, size, (uint64_t)(at + len) - size);
	result = (int)syscall(SYS_fallocate, fd, mode, at, len);
	pthread_mutex_unlock(&f->lock);
	return result;
}
DISK_EXPORT int
fallocate64(int fd, int mode, off_t at, off_t len)
{
	return fallocate(fd, mode, at, len);
}
DISK_EXPORT int
posix_fallocate(int fd, off_t at, off_t len)
{
	return fallocate(fd, 0, at, len) ? errno : 0;
}

static int
sync_it(int fd, long call)
{
	int flags, result = 0;
	uint64_t size;
	struct disk_file *f = disk_file_at(fd, &flags, &size);

	if (f == NULL)
		return (int)syscall(call, fd);
	pthread_mutex_lock(&f->lock);
	if (fails(DISK_SYNC) > 0) {
		disk_file_lost(f, fd);
		result = -1;
	} else if (!disk_control->lie) {
		result = quick ? 0 : (int)syscall(call, fd);
		if (result == 0)
			disk_file_synced(f, fd);
	}
	pthread_mutex_unlock(&f->lock);
	return result;
}

DISK_EXPORT int
fsync(int fd)
{
	return sync_it(fd, SYS_fsync);
}
DISK_EXPORT int
fdatasync(int fd)
{
	return sync_it(fd, SYS_fdatasync);
}

DISK_EXPORT int
sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
	int n;
	uint64_t size;

	/* without flags it asks whether there is such a call */
	if (flags && disk_file_at(fd, &n, &size) && fails(DISK_SYNC) > 0)
		return -1;
	return (int)syscall(SYS_sync_file_range, fd, at, len, flags);
}

DISK_EXPORT int
msync(void *at, size_t len, int flags)
{
	if (*root && fails(DISK_SYNC) > 0)
		return -1;
	return (int)syscall(SYS_msync, at, len, flags);
}

DISK_EXPORT void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	int n;
	uint64_t size;

	if (fd >= 0 && disk_file_at(fd, &n, &size) && fails(DISK_MMAP) > 0)
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, from);
}
DISK_EXPORT void *
mmap64(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	return mmap(at, len, prot, flags, fd, from);
}

/* Removes a name, or puts another file there. */
static int
unname(int at, const char *name, int from, const char *other, unsigned flags)
{
	struct stat st, *had = NULL;
	int result;

	if (!ours(at, name))
		return (int)(other ? syscall(SYS_renameat2, from, other, at,
		                             name, flags)
		                   : syscall(SYS_unlinkat, at, name, flags));
	disk_file_hold();
	if (!(other && flags) &&
	    fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		had = &st;
	result = (int)(other ? syscall(SYS_renameat2, from, other, at, name,
	                               flags)
	                     : syscall(SYS_unlinkat, at, name, flags));
	disk_file_release(result == 0 ? had : NULL);
	return result;
}

DISK_EXPORT int
unlink(const char *name)
{
	return unname(AT_FDCWD, name, 0, NULL, 0);
}
DISK_EXPORT int
unlinkat(int at, const char *name, int flags)
{
	return unname(at, name, 0, NULL, (unsigned)flags);
}
DISK_EXPORT int
rename(const char *old, const char *new)
{
	return unname(AT_FDCWD, new, AT_FDCWD, old, 0);
}
DISK_EXPORT int
renameat(int from, const char *old, int to, const char *new)
{
	return unname(to, new, from, old, 0);
}
DISK_EXPORT int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return unname(to, new, from, old, flags);
}
