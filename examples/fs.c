/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that keeps each item in a file of its own:
 *
 *      DIR/64/5.098097115104   the item of the key "bash", which is in vbucket
 *                              5 of 64; 098 is the byte b
 *      DIR/.4711               one that thread 4711 is just writing
 *
 * It is blocking: its callbacks run on background threads, many at once, and
 * simply wait for the disk.  Readers need no lock, for a file is never changed.  A
 * store writes another one, waits until that is on disk, and only then takes the
 * lock, looks whether the old one is what the client expects, and renames the new
 * one into its place.  Who has the old one open reads that to its end.  After a
 * crash there is the old one or the new one, never half of it; after a power cut
 * what was done last may be undone.
 *
 * What it cannot do, it says at the bottom, and libewb refuses it: keys that are
 * longer than a third of a file's name, and values that are too large for a buffer
 * on the stack.  What has expired takes room until its key is stored again, or all
 * is flushed.  A scan is no snapshot: it knows the keys that there were when it
 * began, and reads each value when its turn comes.  With another number of
 * vbuckets the directory is another store.  Two servers cannot share one.
 */
#define _GNU_SOURCE /* gettid(), scandirat() */
#include <ewb/engine.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_KEY 82 /* as a name thrice as many characters, and the vbucket's */
#define MAX_VALUE 1048576 /* bytes */

struct name {
	char s[NAME_MAX + 1];
};

/* What is in a file: the item, without its pointers, and as much of the value as
 * there is. */
struct file {
	struct ewb_item item;
	char value[MAX_VALUE];
};

struct fs {
	struct ewb_host *host;
	DIR *dir;
	atomic_ullong cas; /* of the last store */
	pthread_mutex_t lock;
};

/* What the kernel said. */
static enum ewb_status
outcome(ssize_t result)
{
	return result >= 0       ? EWB_OK
	       : errno == ENOENT ? EWB_NOT_FOUND
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

/* What has expired, or is not whole, is not there. */
static enum ewb_status
load(struct fs *fs, const char *name, struct file *f)
{
	int fd = openat(dirfd(fs->dir), name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? fd : read(fd, f, sizeof *f);
	enum ewb_status status = outcome(n);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return status;
	if (n < (ssize_t)sizeof f->item ||
	    (size_t)n != sizeof f->item + f->item.nvalue ||
	    (f->item.expiry && f->item.expiry <= ewb_host_time(fs->host)))
		return EWB_NOT_FOUND;
	f->item.value = f->value;
	f->item.nkey = 0; /* it is in the name */
	return EWB_OK;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct name name = name_of(r->vbucket, r->key, r->nkey);
	struct file f;
	enum ewb_status status = load(self, name.s, &f);

	return status ? status : ewb_reply_item(c, &f.item, NULL, NULL);
}

/* Puts the new file, or none, into the place of the old one, if that is as it is
 * expected to be. */
static enum ewb_status
change(struct fs *fs, const struct ewb_request *r, const char *new)
{
	struct name old = name_of(r->vbucket, r->key, r->nkey);
	int dir = dirfd(fs->dir);
	enum ewb_status status = EWB_OK;
	struct file f;

	pthread_mutex_lock(&fs->lock);
	if (!new || r->expect != EWB_EXPECT_ANY)
		status = load(fs, old.s, &f);
	if (r->expect == EWB_EXPECT_ABSENT && status == EWB_NOT_FOUND)
		status = EWB_OK;
	else if (status == EWB_OK &&
	         (r->expect == EWB_EXPECT_ABSENT ||
	          (r->expect == EWB_EXPECT_CAS && r->cas != f.item.cas)))
		status = EWB_EXISTS;
	if (status == EWB_OK)
		status = outcome(new ? renameat(dir, new, dir, old.s)
		                     : unlinkat(dir, old.s, 0));
	pthread_mutex_unlock(&fs->lock);
	return status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct fs *fs = self;
	struct ewb_item item = { sizeof item, r->flags,  r->expiry,
		                 r->datatype, ++fs->cas, .nvalue = r->nvalue };
	enum ewb_status status = EWB_INTERNAL;
	int dir = dirfd(fs->dir), fd;
	struct name new;

	sprintf(new.s, "../.%d", (int)gettid());
	fd = openat(dir, new.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, &item, sizeof item) == sizeof item &&
	    write(fd, r->value, r->nvalue) == (ssize_t)r->nvalue &&
	    fsync(fd) == 0)
		status = change(fs, r, new.s);
	close(fd);
	if (status == EWB_OK)
		ewb_reply_cas(c, item.cas);
	else
		unlinkat(dir, new.s, 0); /* if it is there */
	return status;
}

static enum ewb_status
take_away(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)c, change(self, r, NULL);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct fs *fs = self;
	int dir = dirfd(fs->dir), gone = 0;

	pthread_mutex_lock(&fs->lock);
	rewinddir(fs->dir);
	for (struct dirent *e; gone == 0 && (e = readdir(fs->dir)) != NULL;)
		if (*e->d_name != '.')
			gone = unlinkat(dir, e->d_name, 0);
	pthread_mutex_unlock(&fs->lock);
	return (void)c, outcome(gone);
}

/* The cursor is a list of the names in the range, in order; "" ends it. */
static enum ewb_status
scan_open(void *self, const struct ewb_range *r, void **cursor, uint64_t *count)
{
	struct name all = name_of(r->vbucket, NULL, 0);
	struct name low = name_of(r->vbucket, r->start, r->nstart);
	struct name high = name_of(r->vbucket, r->end, r->nend);
	struct dirent **file = NULL;
	struct fs *fs = self;
	int n = scandirat(dirfd(fs->dir), ".", &file, NULL, alphasort);
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
	struct file f;

	for (struct name *name = cursor; *name->s; *(name++)->s = '-') {
		const char *code = strchr(name->s, '.') + 1;
		enum ewb_status status = load(self, name->s, &f);

		if (status == EWB_NOT_FOUND)
			continue; /* taken before, or gone since */
		if (status != EWB_OK)
			return status;
		for (; sscanf(code, "%3hhu", &key[f.item.nkey]) == 1; code += 3)
			f.item.nkey++;
		f.item.key = key;
		if (ewb_sink_put(sink, &f.item) != EWB_OK)
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

static enum ewb_status
start(struct ewb_host *h, const struct ewb_setting *s, size_t n, void **self)
{
	struct fs *fs = *self = calloc(1, sizeof *fs);
	struct timespec now;
	char dir[PATH_MAX + 16];

	if (fs == NULL)
		return EWB_NO_MEMORY;
	fs->host = h;
	timespec_get(&now, TIME_UTC); /* above all that there have been */
	fs->cas = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	snprintf(dir, sizeof dir, "%s/%u", n && *s->value ? s->value : ".",
	         ewb_host_vbuckets(h));
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		fs->dir = opendir(dir);
	if (fs->dir != NULL)
		return outcome(-pthread_mutex_init(&fs->lock, NULL));
	ewb_host_error(h, "%s: %s", dir, strerror(errno));
	return free(fs), EWB_INVALID;
}

static void
stop(void *self)
{
	struct fs *fs = self;

	closedir(fs->dir);
	free(fs);
}

static const struct ewb_param params[] = {
	{ "dir", ".", "where the files are" }, { NULL, NULL, NULL }
};

EWB_ENGINE(.name = "fs", .help = "keeps each item in a file",
           .model = EWB_BLOCKING, .max_key = MAX_KEY, .max_value = MAX_VALUE,
           .can = EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS |
                  EWB_CAN_DATATYPE,
           .params = params, .open = start, .close = stop, .get = get,
           .store = store, .remove = take_away, .flush = flush,
           .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close)
