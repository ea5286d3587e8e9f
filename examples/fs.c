/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that keeps each value in a file of its own:
 *
 *      DIR/64/5.098097115104   the value of the key "bash", which is in vbucket
 *                              5 of 64; 098 is the byte b
 *      DIR/.4711               one that thread 4711 is just writing
 *
 * It is blocking: its callbacks run on background threads, many at once, and
 * simply wait for the disk.  They need no lock, for a file is never changed.  A
 * store writes another one; then one call of the kernel's looks whether the old
 * one is there and puts the new one into its place.  Who has the old one open
 * reads that to its end.  After a crash there is the old one or the new one,
 * never half of it; after a power cut what was done last may be undone.  The file
 * system must be able to exchange two names, as those of a disk are.
 *
 * What it cannot do, it says at the bottom, and libewb refuses it: cas, flags
 * and expiry, a flush, keys that are longer than a third of a file's name, and
 * values that are too large for a buffer on the stack.  A scan is no snapshot:
 * it knows the keys that there were when it began, and reads each value when its
 * turn comes.  With another number of vbuckets the directory is another store.
 * Two servers cannot share one.
 */
#define _GNU_SOURCE /* gettid(), renameat2(), scandirat() */
#include <ewb/engine.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KEY 82 /* as a name thrice as many characters, and the vbucket's */
#define MAX_VALUE 65536 /* bytes */

struct name {
	char s[NAME_MAX + 1];
};

/* What the kernel said. */
static enum ewb_status
outcome(ssize_t result)
{
	return result >= 0       ? EWB_OK
	       : errno == ENOENT ? EWB_NOT_FOUND
	       : errno == EEXIST ? EWB_EXISTS
	       : errno == ENOMEM ? EWB_NO_MEMORY
	                         : EWB_INTERNAL;
}

/* Of a key's file.  Names are in order of key, and of digits, which each locale
 * sorts alike.  A scan may begin or end at a key that is too long for us: its
 * beginning will do. */
static struct name
name_of(unsigned vbucket, const unsigned char *key, size_t n)
{
	struct name name;
	int at = sprintf(name.s, "%u.", vbucket);

	for (size_t i = 0; i < n && i <= MAX_KEY; i++)
		at += sprintf(name.s + at, "%03u", key[i]);
	return name;
}

/* Reads a value; less than 0: errno says why not. */
static ssize_t
load(DIR *dir, const char *name, char *value)
{
	int fd = openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? fd : read(fd, value, MAX_VALUE);

	if (fd >= 0)
		close(fd);
	return n;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct name name = name_of(r->vbucket, r->key, r->nkey);
	char value[MAX_VALUE];
	ssize_t n = load(self, name.s, value);

	return n < 0 ? outcome(n) : ewb_reply_value(c, value, (size_t)n);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	/* by what is expected; an exchange fails if there is nothing old */
	static const unsigned how[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	struct name old = name_of(r->vbucket, r->key, r->nkey), new;
	enum ewb_status status = EWB_INTERNAL;
	int dir = dirfd(self), fd;

	sprintf(new.s, "../.%d", (int)gettid());
	fd = openat(dir, new.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, r->value, r->nvalue) == (ssize_t)r->nvalue &&
	    fsync(fd) == 0)
		status = outcome(
			renameat2(dir, new.s, dir, old.s, how[r->expect]));
	close(fd);
	unlinkat(dir, new.s, 0); /* if it is there, or the old one is it now */
	return (void)c, status;
}

static enum ewb_status
take_away(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct name name = name_of(r->vbucket, r->key, r->nkey);

	return (void)c, outcome(unlinkat(dirfd(self), name.s, 0));
}

/* The cursor is a list of the names in the range, in order; "" ends it. */
static enum ewb_status
scan_open(void *self, const struct ewb_range *r, void **cursor, uint64_t *count)
{
	struct name all = name_of(r->vbucket, NULL, 0);
	struct name low = name_of(r->vbucket, r->start, r->nstart);
	struct name high = name_of(r->vbucket, r->end, r->nend);
	struct dirent **file = NULL;
	int n = scandirat(dirfd(self), ".", &file, NULL, alphasort);
	struct name *to = n < 0 ? NULL : calloc((size_t)n + 1, sizeof *to);

	*cursor = to;
	*count = 0;
	for (int i = 0; i < n; i++) {
		const char *name = file[i]->d_name;
		int ours = strncmp(name, all.s, strlen(all.s)) == 0;

		*count += ours;
		/* as their keys compare; where it is excluded not the bound */
		if (to && ours && strcmp(name, low.s) >= r->start_excluded &&
		    (!r->end || strcmp(name, high.s) <= -r->end_excluded))
			strcpy((to++)->s, name);
		free(file[i]);
	}
	free(file);
	return outcome(*cursor ? 0 : -1);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	unsigned char key[NAME_MAX];
	char value[MAX_VALUE];

	for (struct name *name = cursor; *name->s; *(name++)->s = '-') {
		const char *code = strchr(name->s, '.') + 1;
		struct ewb_item item = { .size = sizeof item, .key = key };
		ssize_t n = load(self, name->s, value);

		if (n < 0 && errno == ENOENT)
			continue; /* taken before, or deleted since */
		if (n < 0)
			return outcome(n);
		for (; sscanf(code, "%3hhu", &key[item.nkey]) == 1; code += 3)
			item.nkey++;
		item.value = value;
		item.nvalue = (size_t)n;
		if (ewb_sink_put(sink, &item) != EWB_OK)
			return EWB_OK; /* refused: the first one next time */
	}
	return EWB_END;
}

static void
scan_close(void *self, void *cursor)
{
	(void)self;
	free(cursor);
}

/* The instance is its directory, open. */
static enum ewb_status
start(struct ewb_host *h, const struct ewb_setting *s, size_t n, void **self)
{
	char dir[PATH_MAX + 16];

	snprintf(dir, sizeof dir, "%s/%u", n && *s->value ? s->value : ".",
	         ewb_host_vbuckets(h));
	*self = mkdir(dir, 0700) == 0 || errno == EEXIST ? opendir(dir) : NULL;
	if (*self != NULL)
		return EWB_OK;
	ewb_host_error(h, "%s: %s", dir, strerror(errno));
	return EWB_INVALID;
}

static void
stop(void *self)
{
	closedir(self);
}

static const struct ewb_param params[] = {
	{ "dir", ".", "where the files are" }, { NULL, NULL, NULL }
};

EWB_ENGINE(.name = "fs", .help = "keeps each value in a file",
           .model = EWB_BLOCKING, .max_key = MAX_KEY, .max_value = MAX_VALUE,
           .params = params, .open = start, .close = stop, .get = get,
           .store = store, .remove = take_away, .scan_open = scan_open,
           .scan_next = scan_next, .scan_close = scan_close)
