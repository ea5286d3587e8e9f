/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that keeps each value in a file of its own:
 *
 *      DIR/17.64/62617368      the value of the key "bash", in hexadecimal,
 *                              which is in vbucket 17 of 64
 *      DIR/new.x8Yd2k          one that is just being written
 *
 * It is blocking: its callbacks run on background threads, many at once, and
 * simply wait for the disk.  They need no lock, for a file is never changed.  A
 * store writes another one; then one call of the kernel's looks whether the old
 * one is there and puts the new one into its place.  Who has the old one open
 * reads that to its end.  After a crash there is the old one or the new one,
 * never half of it; after a power cut it may be the old one again.
 *
 * What it cannot do, it says at the bottom, and libewb refuses it.  It keeps no
 * cas, no flags and no expiry, and no key that is longer than half of a file's
 * name.  A scan is no snapshot: it knows the keys that there were when it began,
 * and reads each value when its turn comes.  With another number of vbuckets the
 * directory is another store.
 */
#define _GNU_SOURCE /* renameat2(), nftw() */
#include <ewb/engine.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KEY (NAME_MAX / 2) /* as a name twice as many characters */
#define MAX_PATH (PATH_MAX + 2 * MAX_KEY + 32)

struct fs {
	struct ewb_host *host;
	char dir[PATH_MAX + 1]; /* and its slash */
};

struct cursor {
	const struct ewb_range *range;
	struct dirent **file; /* the vbucket's, in order of key */
	int n, at;            /* how many there are, and the next one */
};

/* What the kernel said.  What it should not say is in the log. */
static enum ewb_status
outcome(struct fs *fs, int result)
{
	switch (result < 0 ? errno : 0) {
	case 0: return EWB_OK;
	case ENOENT: return EWB_NOT_FOUND;
	case EEXIST: return EWB_EXISTS;
	case ENOMEM: return EWB_NO_MEMORY;
	}
	ewb_host_log(fs->host, "%s: %s", fs->dir, strerror(errno));
	return EWB_INTERNAL;
}

/* Where a key's file is.  A scan may begin or end at a key that is too long for
 * us: its beginning will do. */
static char *
path_of(char *path, struct fs *fs, unsigned vbucket, const unsigned char *key,
        size_t n)
{
	int at = sprintf(path, "%s%u.%u/", fs->dir, vbucket,
	                 ewb_host_vbuckets(fs->host));

	for (size_t i = 0; i < n && i <= MAX_KEY; i++)
		at += sprintf(path + at, "%02x", key[i]);
	return path;
}

/* Reads a value, into memory that the caller frees. */
static enum ewb_status
load(struct fs *fs, const char *path, struct ewb_item *item)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum ewb_status status = outcome(fs, fd);
	off_t n = lseek(fd, 0, SEEK_END);
	char *value = n < 0 ? NULL : malloc((size_t)n + 1);

	if (status == EWB_OK && (!value || pread(fd, value, (size_t)n, 0) != n))
		status = outcome(fs, -1);
	if (status != EWB_OK)
		free(value);
	close(fd);
	item->value = value;
	item->nvalue = (size_t)n;
	return status;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct ewb_item item = { .size = sizeof item };
	char path[MAX_PATH];
	enum ewb_status status;

	path_of(path, self, r->vbucket, r->key, r->nkey);
	status = load(self, path, &item);
	if (status == EWB_OK) /* lent: it is freed when it has been sent */
		status = ewb_reply_item(c, &item, free, (void *)item.value);
	return status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	/* by what is expected; an exchange fails if there is nothing old */
	static const int how[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE, 0 };
	char path[MAX_PATH], temp[MAX_PATH];
	int fd, result = -1;
	enum ewb_status status;

	path_of(path, self, r->vbucket, r->key, r->nkey);
	sprintf(temp, "%snew.XXXXXX", ((struct fs *)self)->dir);
	if ((fd = mkstemp(temp)) < 0)
		return (void)c, outcome(self, fd);
	errno = ENOSPC; /* if not all of it is written */
	if (write(fd, r->value, r->nvalue) == (ssize_t)r->nvalue && !fsync(fd))
		result = renameat2(AT_FDCWD, temp, AT_FDCWD, path,
		                   (unsigned)how[r->expect]);
	status = outcome(self, result);
	close(fd);
	unlink(temp); /* if it is still there, or the old one is it now */
	return status;
}

static enum ewb_status
take_away(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	char path[MAX_PATH];

	path_of(path, self, r->vbucket, r->key, r->nkey);
	return (void)c, outcome(self, unlink(path));
}

/* Not the directory itself, and the one above. */
static int
is_key(const struct dirent *file)
{
	return file->d_name[0] != '.';
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *r, void **cursor, uint64_t *count)
{
	struct cursor *cur = *cursor = calloc(1, sizeof *cur);
	char dir[MAX_PATH];

	if (cur == NULL)
		return EWB_NO_MEMORY;
	path_of(dir, self, r->vbucket, NULL, 0);
	cur->range = r;
	cur->n = scandir(dir, &cur->file, is_key, alphasort);
	*count = (uint64_t)cur->n;
	if (cur->n >= 0)
		return EWB_OK;
	free(cur);
	return outcome(self, -1);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	struct cursor *cur = cursor;
	const struct ewb_range *r = cur->range;
	unsigned char key[MAX_KEY + 1];
	char path[MAX_PATH], low[MAX_PATH], high[MAX_PATH];

	path_of(low, self, r->vbucket, r->start, r->nstart);
	path_of(high, self, r->vbucket, r->end, r->nend);
	for (; cur->at < cur->n; cur->at++) {
		const char *hex = cur->file[cur->at]->d_name;
		struct ewb_item item = { .size = sizeof item, .key = key };
		enum ewb_status status;

		for (; sscanf(hex, "%2hhx", &key[item.nkey]) == 1; hex += 2)
			item.nkey++;
		path_of(path, self, r->vbucket, key, item.nkey);
		if (strcmp(path, low) < r->start_excluded)
			continue;
		if (r->end && strcmp(path, high) > -r->end_excluded)
			break;
		status = load(self, path, &item);
		if (status == EWB_NOT_FOUND)
			continue; /* deleted since */
		if (status != EWB_OK)
			return status;
		status = ewb_sink_put(sink, &item);
		free((void *)item.value);
		if (status != EWB_OK)
			return EWB_OK; /* refused: the first one next time */
	}
	return EWB_END;
}

static void
scan_close(void *self, void *cursor)
{
	struct cursor *cur = cursor;

	(void)self;
	while (cur->n > 0)
		free(cur->file[--cur->n]);
	free(cur->file);
	free(cur);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type;
	return at->level == 2 && unlink(path) && errno != ENOENT ? -1 : 0;
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	(void)c;
	return outcome(self, nftw(((struct fs *)self)->dir, drop, 8, FTW_PHYS));
}

static enum ewb_status
start(struct ewb_host *h, const struct ewb_setting *s, size_t n, void **self)
{
	struct fs *fs = *self = calloc(1, sizeof *fs);
	const char *dir = n > 0 ? s->value : "";
	char p[MAX_PATH];
	int ok;

	if (fs == NULL)
		return EWB_NO_MEMORY;
	fs->host = h;
	ok = realpath(dir, fs->dir) && !access(strcat(fs->dir, "/"), W_OK);
	for (unsigned v = 0; ok && v < ewb_host_vbuckets(h); v++)
		ok = !mkdir(path_of(p, fs, v, NULL, 0), 0700) ||
		     errno == EEXIST;
	if (ok)
		return EWB_OK;
	ewb_host_error(h, "dir=%s: %s (say where the files may be: dir=PATH)",
	               dir, strerror(errno));
	free(fs);
	return EWB_INVALID;
}

static const struct ewb_param params[] = {
	{ "dir", NULL, "where the files are" }, { NULL, NULL, NULL }
};

EWB_ENGINE(.name = "fs", .help = "keeps each value in a file",
           .model = EWB_BLOCKING, .max_key = MAX_KEY, .params = params,
           .open = start, .close = free, .get = get, .store = store,
           .remove = take_away, .flush = flush, .scan_open = scan_open,
           .scan_next = scan_next, .scan_close = scan_close)
