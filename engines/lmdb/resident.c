/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "resident.h"

#define SLICE (4u << 20) /* bytes that one turn looks at: gets wait beside it */
#define PERIOD_US 1000000u
#define REST_US 10000000u /* before what was taken away is read in again */
#define MISSING_OF 1024u  /* one page in so many may be missing */

/* Room. */

static uint64_t
read_limit(const char *name)
{
	FILE *f = fopen(name, "re");
	unsigned long long n;
	uint64_t limit = UINT64_MAX;

	if (!f)
		return limit;
	if (fscanf(f, "%llu", &n) == 1) /* else it is "max" */
		limit = n;
	fclose(f);
	return limit;
}

/* One line of /proc/self/cgroup: "0::/a/b", or "4:memory:/a/b". */
static uint64_t
group_limit(char *line)
{
	char *kind = strchr(line, ':'),
	     *path = kind ? strchr(kind + 1, ':') : NULL;
	char name[4200];
	bool unified;

	if (!path)
		return UINT64_MAX;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	unified = strcmp(line, "0:") == 0;
	if (!unified && strcmp(kind, ":memory"))
		return UINT64_MAX;
	snprintf(name, sizeof name, "/sys/fs/cgroup%s%s/%s",
	         unified ? "" : "/memory", path,
	         unified ? "memory.max" : "memory.limit_in_bytes");
	return read_limit(name);
}

/* What this process may have of the memory. */
static uint64_t
memory(void)
{
	uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) *
	                (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit = read_limit("/sys/fs/cgroup/memory.max");
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];

	if (limit < most)
		most = limit;
	while (f && fgets(line, sizeof line, f)) {
		limit = group_limit(line);
		if (limit < most)
			most = limit;
	}
	if (f)
		fclose(f);
	return most;
}

int
ldb_resident_parse(const char *text, uint64_t *bytes)
{
	if (strcmp(text, "auto"))
		return ewb_parse_size(text, bytes);
	*bytes = memory() / 2;
	return 0;
}

/* Pages. */

static uint64_t
pages_in(const struct ldb_resident *s, size_t bytes)
{
	return (bytes + s->page - 1) / s->page;
}

/* Of a slice: how many are not in memory. */
static uint64_t
count_missing(struct ldb_resident *s, void *map, size_t n)
{
	uint64_t pages = pages_in(s, n), missing = 0, i;

	if (mincore(map, n, s->there))
		return pages;
	for (i = 0; i < pages; i++)
		missing += !(s->there[i] & 1);
	return missing;
}

static void
read_in(struct ldb_resident *s, const volatile unsigned char *map, size_t n)
{
	uint64_t i;

	for (i = 0; i < pages_in(s, n); i++)
		if (!(s->there[i] & 1))
			(void)map[i * s->page];
}

/* One slice, of a file so long; inside the gate. */
static void
look_at_slice(struct ldb_resident *s, int fd, uint64_t end, bool read)
{
	size_t n = end - s->at < SLICE ? (size_t)(end - s->at) : SLICE;
	void *map = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)s->at);
	uint64_t missing = pages_in(s, n);

	if (map != MAP_FAILED) {
		missing = count_missing(s, map, n);
		if (missing && read) {
			madvise(map, n, MADV_WILLNEED);
			read_in(s, map, n);
			missing = 0;
		}
		munmap(map, n);
	}
	s->pages += pages_in(s, n);
	s->missing += missing;
	s->at += n;
}

/* How long the file is that LMDB reads: never past its end. */
static uint64_t
length(const struct ldb *d, int *fd)
{
	struct stat st;

	if (!d->env || mdb_env_get_fd(d->env, fd) || fstat(*fd, &st))
		return 0;
	return (uint64_t)st.st_size;
}

static void
set(struct ldb_resident *s, bool is)
{
	uint64_t now = ewb_host_clock(s->d->host);

	if (ldb_resident_is(s) && !is)
		s->rest_until = now + REST_US;
	atomic_store(&s->is, is);
}

/* All was seen. */
static void
conclude(struct ldb_resident *s)
{
	set(s, s->missing <= s->pages / MISSING_OF);
	atomic_fetch_add(&s->passes, 1);
	s->at = s->pages = s->missing = 0;
}

/* True: it is not at the end. */
static bool
look(struct ldb_resident *s)
{
	struct ldb *d = s->d;
	bool more = false, read;
	uint64_t end;
	int fd;

	dur_gate_enter(&d->gate);
	end = length(d, &fd);
	if (end > d->options.memory) {
		set(s, false);
		s->at = s->pages = s->missing = 0;
	} else {
		read = !ldb_resident_is(s) &&
		       ewb_host_clock(d->host) >= s->rest_until;
		if (s->at < end)
			look_at_slice(s, fd, end, read);
		more = s->at < end;
		if (!more)
			conclude(s);
	}
	dur_gate_leave(&d->gate);
	return more;
}

static void
step(struct ewb_task *t, void *arg)
{
	if (look(arg))
		ewb_task_again(t);
	else
		ewb_task_sleep(t, PERIOD_US);
}

enum ewb_status
ldb_resident_open(struct ldb_resident *s, struct ldb *d)
{
	s->d = d;
	s->page = (uint64_t)sysconf(_SC_PAGESIZE);
	s->there = malloc(SLICE / s->page);
	s->task = ewb_task_new(d->host, EWB_READER, "residency", step, s);
	if (!s->there || !s->task) {
		ewb_host_error(d->host, "out of memory");
		ldb_resident_close(s);
		return EWB_NO_MEMORY;
	}
	look(s); /* a small database is in memory from the beginning */
	ewb_task_wake(s->task);
	return EWB_OK;
}

void
ldb_resident_close(struct ldb_resident *s)
{
	if (s->task)
		ewb_task_free(s->task);
	free(s->there);
	s->task = NULL;
	s->there = NULL;
}
