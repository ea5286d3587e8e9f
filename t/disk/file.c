/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t/disk/file.h"
#include "t/disk/journal.h"

#define MAX_FD 65536
#define NCHAINS 1024

static char side[DISK_NAME_MAX - 64];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
/* under the table's lock */
static struct disk_file *chains[NCHAINS];
/* by descriptor */
static struct {
	struct disk_file *_Atomic file;
	_Atomic int flags;
} open_files[MAX_FD];

/* The disk of the tests cannot go on: no result would mean anything. */
static _Noreturn void
die(const char *what)
{
	static const char say[] = "disk: cannot keep what is to be undone: ";

	(void)!syscall(SYS_write, 2, say, sizeof say - 1);
	(void)!syscall(SYS_write, 2, what, strlen(what));
	(void)!syscall(SYS_write, 2, "\n", (size_t)1);
	abort();
}

void
disk_file_setup(const char *where)
{
	snprintf(side, sizeof side, "%s", where);
	if (mkdir(side, 0700) && errno != EEXIST)
		die("no directory for it");
}

static void
add(struct disk_file *f, enum disk_kind kind, uint64_t at, const void *bytes,
    uint64_t len)
{
	if (disk_journal_add(f->journal, kind, at, bytes, (uint32_t)len))
		die("a write");
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		syscall(SYS_close, *fd);
	*fd = -1;
}

/* Marks by page. */
static void
reach(struct disk_file *f, uint64_t end)
{
	size_t n = (size_t)((end + DISK_PAGE - 1) / DISK_PAGE);

	if (n <= f->npages)
		return;
	n += n / 2 + 64;
	f->saved = realloc(f->saved, n);
	f->lost = realloc(f->lost, n);
	if (f->saved == NULL || f->lost == NULL)
		die("memory");
	memset(f->saved + f->npages, 0, n - f->npages);
	memset(f->lost + f->npages, 0, n - f->npages);
	f->npages = n;
}

static void
mark(struct disk_file *f, uint8_t **which, uint64_t at, uint64_t end,
     uint8_t value)
{
	if (at >= end)
		return;
	reach(f, end);
	memset(*which + at / DISK_PAGE, value,
	       (size_t)((end - 1) / DISK_PAGE - at / DISK_PAGE + 1));
}

static void
open_journal(struct disk_file *f, int flags)
{
	char name[DISK_NAME_MAX];

	if (f->journal >= 0)
		return;
	disk_journal_name(name, side, f->ino);
	f->journal = (int)syscall(SYS_openat, AT_FDCWD, name,
	                          O_RDWR | O_APPEND | O_CLOEXEC | flags, 0600);
	if (f->journal < 0 && flags)
		die("a journal");
}

/* What an earlier process has left unsynced is so still. */
static void
resume(struct disk_file *f)
{
	uint8_t bytes[DISK_RUN];
	struct disk_entry e;
	uint64_t pos = 0;

	open_journal(f, 0);
	if (f->journal < 0)
		return;
	while (disk_journal_next(f->journal, &pos, &e, bytes)) {
		f->begun = true;
		if (e.kind == DISK_BEGIN || e.kind == DISK_SIZE)
			f->synced = e.at;
		else if (e.kind == DISK_OLD)
			mark(f, &f->saved, e.at, e.at + e.len, 1);
	}
	if (syscall(SYS_ftruncate, f->journal, pos))
		die("a journal's end");
}

static struct disk_file *
find(const struct stat *st)
{
	struct disk_file *f = chains[st->st_ino % NCHAINS];

	while (f && f->ino != st->st_ino)
		f = f->next;
	return f;
}

static struct disk_file *
enter(const struct stat *st)
{
	struct disk_file *f = find(st), **chain;

	if (f)
		return f;
	f = calloc(1, sizeof *f);
	if (f == NULL)
		die("memory");
	f->ino = st->st_ino;
	f->is_dir = S_ISDIR(st->st_mode);
	f->old = f->journal = -1;
	pthread_mutex_init(&f->lock, NULL);
	chain = &chains[st->st_ino % NCHAINS];
	f->next = *chain;
	*chain = f;
	if (!f->is_dir)
		resume(f);
	return f;
}

/* With the table's lock: no descriptor has it any more. */
static void
forget(struct disk_file *f)
{
	char name[DISK_NAME_MAX];
	struct disk_file **p;

	shut(&f->old);
	shut(&f->journal);
	if (f->begun && !f->gone)
		return;
	disk_journal_name(name, side, f->ino);
	if (!f->gone)
		syscall(SYS_unlinkat, AT_FDCWD, name, 0);
	for (p = &chains[f->ino % NCHAINS]; *p; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			break;
		}
	free(f->saved);
	free(f->lost);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void
disk_file_opened(int fd, int flags)
{
	struct disk_file *f;
	struct stat st;

	if (fd < 0 || fd >= MAX_FD || fstat(fd, &st) ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	f = atomic_load(&open_files[fd].file);
	if (f && --f->opens == 0) /* libc has closed it by itself */
		forget(f);
	f = enter(&st);
	f->opens++;
	if (f->begun) /* before it was closed */
		open_journal(f, O_CREAT);
	atomic_store(&open_files[fd].flags, flags);
	atomic_store(&open_files[fd].file, f);
}

void
disk_file_dup(int from, int to)
{
	struct disk_file *f;

	if (from < 0 || from >= MAX_FD || to < 0 || to >= MAX_FD)
		return;
	pthread_mutex_lock(&table);
	f = atomic_load(&open_files[from].file);
	if (f)
		f->opens++;
	atomic_store(&open_files[to].flags,
	             atomic_load(&open_files[from].flags));
	atomic_store(&open_files[to].file, f);
	pthread_mutex_unlock(&table);
}

void
disk_file_closed(int fd)
{
	struct disk_file *f;

	if (fd < 0 || fd >= MAX_FD || !atomic_load(&open_files[fd].file))
		return;
	pthread_mutex_lock(&table);
	f = atomic_exchange(&open_files[fd].file, NULL);
	if (f && --f->opens == 0)
		forget(f);
	pthread_mutex_unlock(&table);
}

struct disk_file *
disk_file_at(int fd, int *flags, uint64_t *size)
{
	struct disk_file *f;
	struct stat st;

	if (fd < 0 || fd >= MAX_FD)
		return NULL;
	f = atomic_load(&open_files[fd].file);
	if (f == NULL)
		return NULL;
	/* libc may have closed it by itself, and the number is another's now */
	if (fstat(fd, &st) || st.st_ino != f->ino ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		disk_file_closed(fd);
		return NULL;
	}
	*flags = atomic_load(&open_files[fd].flags);
	*size = (uint64_t)st.st_size;
	return f;
}

void
disk_file_hold(void)
{
	pthread_mutex_lock(&table);
}

void
disk_file_release(const struct stat *st)
{
	char name[DISK_NAME_MAX];
	struct disk_file *f, **p;

	if (st && st->st_nlink == 1 && S_ISREG(st->st_mode)) {
		disk_journal_name(name, side, st->st_ino);
		syscall(SYS_unlinkat, AT_FDCWD, name, 0);
		f = find(st);
		for (p = &chains[st->st_ino % NCHAINS]; f && *p;)
			if (*p == f)
				*p = f->next;
			else
				p = &(*p)->next;
		if (f && f->opens == 0)
			f->gone = true, forget(f);
		else if (f)
			f->gone = true;
	}
	pthread_mutex_unlock(&table);
}

static uint64_t
length(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
}

static void
begin(struct disk_file *f, int fd)
{
	if (f->begun)
		return;
	open_journal(f, O_CREAT);
	f->synced = length(fd);
	f->begun = true;
	add(f, DISK_BEGIN, f->synced, "", 0);
}

/* Descriptors may be for writing alone. */
static void
read_old(struct disk_file *f, int fd, uint64_t at, uint8_t *to, uint64_t len)
{
	char name[64];
	long n;

	if (f->old < 0) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		f->old = (int)syscall(SYS_openat, AT_FDCWD, name,
		                      O_RDONLY | O_CLOEXEC);
		if (f->old < 0)
			die("the file itself");
	}
	n = syscall(SYS_pread64, f->old, to, (size_t)len, at);
	if (n < 0)
		die("the file's bytes");
	memset(to + n, 0, (size_t)len - (size_t)n);
}

void
disk_file_save(struct disk_file *f, int fd, uint64_t at, uint64_t len)
{
	uint8_t bytes[DISK_RUN];
	uint64_t page, run, end = at + len, n;

	if (f->is_dir || f->gone || len == 0)
		return;
	begin(f, fd);
	mark(f, &f->lost, at, end, 0);
	if (end > f->synced)
		end = f->synced;
	for (page = at - at % DISK_PAGE; page < end; page += run) {
		run = DISK_PAGE;
		reach(f, page + DISK_RUN);
		if (f->saved[page / DISK_PAGE])
			continue;
		while (run < DISK_RUN && page + run < end &&
		       !f->saved[(page + run) / DISK_PAGE])
			run += DISK_PAGE;
		n = page + run < f->synced ? run : f->synced - page;
		read_old(f, fd, page, bytes, n);
		add(f, DISK_OLD, page, bytes, n);
		mark(f, &f->saved, page, page + run, 1);
	}
}

void
disk_file_durable(struct disk_file *f, int fd, uint64_t at, uint64_t len)
{
	uint8_t bytes[DISK_RUN];
	uint64_t end = at + len, from = at, n, had = f->synced;

	if (f->is_dir || f->gone || len == 0)
		return;
	/* What lies between the end on the disk and these is not there. */
	if (end > had) {
		if (had % DISK_PAGE)
			disk_file_save(f, fd, had - 1, 1);
		memset(bytes, 0, sizeof bytes);
		for (from = had; from < at; from += n) {
			n = at - from < DISK_RUN ? at - from : DISK_RUN;
			add(f, DISK_OLD, from, bytes, n);
		}
		from = at;
	}
	for (; from < end; from += n) {
		n = end - from < DISK_RUN ? end - from : DISK_RUN;
		read_old(f, fd, from, bytes, n);
		add(f, from >= had ? DISK_OLD : DISK_NEW, from, bytes, n);
	}
	if (end > had) {
		mark(f, &f->saved, had, end, 1);
		add(f, DISK_SIZE, end, "", 0);
		f->synced = end;
	}
}

/* Bytes of it from at on, up to a page's end. */
static uint64_t
piece(uint64_t at, uint64_t end)
{
	uint64_t n = DISK_PAGE - at % DISK_PAGE;

	return end - at < n ? end - at : n;
}

/* Of what an earlier journal has, what is of lost pages. */
static void
copy_lost(struct disk_file *f, int journal)
{
	uint8_t bytes[DISK_RUN];
	struct disk_entry e;
	uint64_t pos = 0, at, n;

	while (disk_journal_next(journal, &pos, &e, bytes))
		for (at = e.at; at < e.at + e.len; at += n) {
			n = piece(at, e.at + e.len);
			if (!f->lost[at / DISK_PAGE])
				continue;
			add(f, e.kind, at, bytes + (at - e.at), n);
			f->saved[at / DISK_PAGE] = 1;
		}
}

/* The journal anew, with what is still lost: where the file was longer than on
 * the disk, there are zeros. */
static void
keep_lost(struct disk_file *f, int fd)
{
	char name[DISK_NAME_MAX], fresh[DISK_NAME_MAX + 8];
	uint8_t bytes[DISK_PAGE];
	uint64_t at, n, size = length(fd), had = f->synced;
	int before = f->journal;

	disk_journal_name(name, side, f->ino);
	snprintf(fresh, sizeof fresh, "%s.new", name);
	f->journal = -1;
	f->journal = (int)syscall(
		SYS_openat, AT_FDCWD, fresh,
		O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f->journal < 0)
		die("a new journal");
	add(f, DISK_BEGIN, size, "", 0);
	f->synced = size;
	memset(f->saved, 0, f->npages);
	copy_lost(f, before);
	/* the page in which it ended may have only grown */
	at = had - had % DISK_PAGE;
	if (at < had && had < size && f->lost[at / DISK_PAGE] &&
	    !f->saved[at / DISK_PAGE]) {
		read_old(f, fd, at, bytes, had - at);
		add(f, DISK_OLD, at, bytes, had - at);
	}
	memset(bytes, 0, sizeof bytes);
	for (at = had; at < size; at += n) {
		n = piece(at, size);
		if (!f->lost[at / DISK_PAGE])
			continue;
		add(f, DISK_OLD, at, bytes, n);
		f->saved[at / DISK_PAGE] = 1;
	}
	if (syscall(SYS_renameat2, AT_FDCWD, fresh, AT_FDCWD, name, 0))
		die("a journal's name");
	syscall(SYS_close, before);
}

void
disk_file_synced(struct disk_file *f, int fd)
{
	if (f->is_dir || f->gone || !f->begun)
		return;
	if (f->any_lost && memchr(f->lost, 1, f->npages)) {
		keep_lost(f, fd);
		return;
	}
	f->any_lost = false;
	if (syscall(SYS_ftruncate, f->journal, 0L))
		die("a journal's end");
	f->begun = false;
	if (f->npages)
		memset(f->saved, 0, f->npages);
}

void
disk_file_lost(struct disk_file *f, int fd)
{
	uint64_t size = length(fd);

	if (f->is_dir || f->gone || !f->begun)
		return;
	reach(f, size);
	for (size_t i = 0; i < f->npages; i++)
		f->lost[i] |= f->saved[i];
	if (size > f->synced)
		mark(f, &f->lost, f->synced, size, 1);
	f->any_lost = true;
}
