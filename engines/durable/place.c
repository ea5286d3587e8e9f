/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

#define LOCK_NAME "ewbd.lock"
#define NEW_NAME "ewbd.new"   /* while the database is being made */
#define COPY_NAME "ewbd.copy" /* until the copy is opened */

const char *
dur_setting(const struct ewb_setting *s, size_t n, const char *name,
            const char *fallback)
{
	const char *value = fallback;
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(s[i].name, name) == 0)
			value = s[i].value;
	return value;
}

int
dur_setting_size(struct ewb_host *host, const struct ewb_setting *s, size_t n,
                 const char *name, const char *fallback, uint64_t least,
                 uint64_t *bytes)
{
	const char *value = dur_setting(s, n, name, fallback);

	if (ewb_parse_size(value, bytes)) {
		ewb_host_error(host, "%s=%s: not a size (64M, 1G)", name,
		               value);
		return -1;
	}
	if (*bytes < least) {
		ewb_host_error(host, "%s=%s: too small (%" PRIu64 " at least)",
		               name, value, least);
		return -1;
	}
	return 0;
}

static enum ewb_status
refuse(struct ewb_host *host, const char *path)
{
	ewb_host_error(host, "path=%s: %s", path, strerror(errno));
	return EWB_INVALID;
}

static enum ewb_status
no_memory(struct ewb_host *host)
{
	ewb_host_error(host, "out of memory");
	return EWB_NO_MEMORY;
}

/* malloc'ed */
static char *
name_in(const char *path, const char *name)
{
	size_t n = strlen(path) + strlen(name) + 2;
	char *whole = malloc(n);

	if (whole)
		snprintf(whole, n, "%s/%s", path, name);
	return whole;
}

static enum ewb_status
lock(struct dur_place *p, struct ewb_host *host)
{
	char *name = name_in(p->path, LOCK_NAME);

	if (!name)
		return no_memory(host);
	p->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	free(name);
	if (p->lock < 0)
		return refuse(host, p->path);
	if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
		return EWB_OK;
	if (errno != EWOULDBLOCK)
		return refuse(host, p->path);
	ewb_host_error(host,
	               "path=%s: in use by another process or engine; "
	               "each needs a directory of its own",
	               p->path);
	return EWB_INVALID;
}

/* Of nobody's data. */
static bool
is_harmless(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	       strcmp(name, LOCK_NAME) == 0 || strcmp(name, "lost+found") == 0;
}

static enum ewb_status
look_around(struct dur_place *p, struct ewb_host *host, const char *file)
{
	DIR *dir = opendir(p->path);
	const struct dirent *e;
	bool empty = true, there = false;

	if (!dir)
		return refuse(host, p->path);
	p->fresh = p->copy = p->begun = false;
	/* an error is not the end: what is there would be taken for nothing */
	while (errno = 0, (e = readdir(dir)) != NULL) {
		empty &= is_harmless(e->d_name);
		there |= strcmp(e->d_name, file) == 0;
		p->begun |= strcmp(e->d_name, NEW_NAME) == 0;
		p->copy |= strcmp(e->d_name, COPY_NAME) == 0;
	}
	if (errno) {
		enum ewb_status status = refuse(host, p->path);

		closedir(dir);
		return status;
	}
	closedir(dir);
	p->fresh = p->begun || empty;
	if (there || p->fresh)
		return EWB_OK;
	ewb_host_error(host,
	               "path=%s: it is not empty, and no database of this "
	               "engine (there is no %s); name another directory",
	               p->path, file);
	return EWB_INVALID;
}

/* An empty file.  0, or an errno. */
static int
touch(const char *path, const char *file)
{
	char *name = name_in(path, file);
	int fd, err = 0;

	if (!name)
		return ENOMEM;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		err = errno;
	else
		close(fd);
	free(name);
	return err;
}

/* -1 with errno. */
static int
forget(const char *path, const char *file)
{
	char *name = name_in(path, file);
	int err;

	if (!name) {
		errno = ENOMEM;
		return -1;
	}
	err = unlink(name) && errno != ENOENT;
	free(name);
	return err ? -1 : 0;
}

/* Names, too, have to be on disk. */
static int
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -1;
	err = fsync(fd);
	close(fd);
	return err;
}

/* The directory that has this one. */
static int
sync_parent(const char *path)
{
	char *up = name_in(path, "..");
	int err;

	if (!up) {
		errno = ENOMEM;
		return -1;
	}
	err = sync_dir(up);
	free(up);
	return err;
}

/* Begins a new database: as long as the mark is there, nothing is in it that
 * somebody relies on. */
static int
mark_new(const char *path)
{
	errno = touch(path, NEW_NAME);
	return errno || sync_dir(path) ? -1 : 0;
}

enum ewb_status
dur_place_open(struct dur_place *p, struct ewb_host *host, const char *path,
               const char *file)
{
	enum ewb_status status;

	*p = (struct dur_place){ .lock = -1 };
	if (!path || !*path) {
		ewb_host_error(host, "path=DIR is missing: the directory for "
		                     "the data, which is made if need be");
		return EWB_INVALID;
	}
	p->path = strdup(path);
	if (!p->path)
		return no_memory(host);
	if (mkdir(path, 0777) == 0 ? sync_parent(path) : errno != EEXIST)
		return refuse(host, path);
	/* before the lock, which would be left in somebody else's directory; and
	 * after it, for another one may have held it until now */
	status = look_around(p, host, file);
	if (status == EWB_OK)
		status = lock(p, host);
	if (status == EWB_OK)
		status = look_around(p, host, file);
	if (status == EWB_OK && p->fresh && mark_new(path))
		status = refuse(host, path);
	return status;
}

enum ewb_status
dur_place_made(struct dur_place *p, struct ewb_host *host)
{
	if (!p->fresh && !p->copy)
		return EWB_OK;
	/* what there is has its name on disk before the mark is gone */
	if (sync_dir(p->path) || forget(p->path, NEW_NAME) ||
	    forget(p->path, COPY_NAME) || sync_dir(p->path))
		return refuse(host, p->path);
	p->fresh = p->begun = p->copy = false;
	return EWB_OK;
}

int
dur_place_copied(const char *path)
{
	int err = touch(path, COPY_NAME);

	if (!err && (sync_dir(path) || sync_parent(path)))
		err = errno;
	return err;
}

void
dur_place_uncopied(const char *path)
{
	forget(path, COPY_NAME);
}

void
dur_place_close(struct dur_place *p)
{
	if (p->lock >= 0)
		close(p->lock);
	p->lock = -1;
	free(p->path);
	p->path = NULL;
}
