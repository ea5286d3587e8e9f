/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t/disk/control.h"

const char *const disk_call_names[DISK_NCALLS] = { "open", "write", "space",
	                                           "sync", "mmap",  "alloc" };

static const struct {
	const char *name;
	int err;
} errors[] = { { "ENOSPC", ENOSPC },  { "EIO", EIO },
	       { "ENOMEM", ENOMEM },  { "EMFILE", EMFILE },
	       { "EDQUOT", EDQUOT },  { "EACCES", EACCES },
	       { "HALF", DISK_HALF }, { "KILL", DISK_KILL } };

/* System calls themselves: disk.c has other functions for open and mmap. */
struct disk_control *
disk_control_open(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
	                      O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct disk_control *c = NULL;

	if (fd < 0)
		return NULL;
	if (syscall(SYS_ftruncate, fd, sizeof *c) == 0)
		c = (void *)syscall(SYS_mmap, NULL, sizeof *c,
		                    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	syscall(SYS_close, fd);
	return c == MAP_FAILED ? NULL : c;
}

/* One of them; where it ends, or null. */
static const char *
set_one(struct disk_control *c, const char *s)
{
	size_t call = 0, e = 0, n = strcspn(s, ":");
	unsigned long long nth;
	uint64_t from;
	char *end;

	while (strlen(disk_call_names[call]) != n ||
	       memcmp(disk_call_names[call], s, n) != 0)
		if (++call == DISK_NCALLS)
			return NULL;
	if (s[n] != ':')
		return NULL;
	nth = strtoull(s + n + 1, &end, 10);
	s = end + (*end == '+');
	if (nth == 0 || *s++ != ':')
		return NULL;
	n = strcspn(s, ",");
	while (strlen(errors[e].name) != n || memcmp(errors[e].name, s, n) != 0)
		if (++e == sizeof errors / sizeof *errors)
			return NULL;
	from = atomic_load(&c->of[call].count) + nth;
	atomic_store(&c->of[call].err, errors[e].err);
	atomic_store(&c->of[call].to, *end == '+' ? UINT64_MAX : from);
	atomic_store(&c->of[call].from, from);
	return s + n;
}

int
disk_control_set(struct disk_control *c, const char *spec)
{
	while (*spec != 0) {
		spec = set_one(c, spec);
		if (spec == NULL || (*spec != ',' && *spec != 0))
			return -1;
		spec += *spec == ',';
	}
	return 0;
}

void
disk_control_clear(struct disk_control *c)
{
	for (size_t i = 0; i < DISK_NCALLS; i++)
		atomic_store(&c->of[i].from, 0);
}

int
disk_control_count(struct disk_control *c, enum disk_call call)
{
	uint64_t n, from;

	if (c == NULL)
		return 0;
	n = atomic_fetch_add(&c->of[call].count, 1) + 1;
	from = atomic_load(&c->of[call].from);
	if (from == 0 || n < from || n > atomic_load(&c->of[call].to))
		return 0;
	atomic_fetch_add(&c->of[call].failed, 1);
	if (atomic_load(&c->of[call].err) == DISK_KILL)
		while (kill(getpid(), SIGKILL) == 0)
			;
	return atomic_load(&c->of[call].err);
}
