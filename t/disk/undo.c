/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/disk/chance.h"
#include "t/disk/journal.h"
#include "t/disk/undo.h"

#define SECTOR 512u

/* One file, and what is being done with it. */
struct work {
	enum disk_undo how;
	struct chance chance;
	struct disk_undone *undone;
	int fd, journal;
	uint64_t synced, size;
	uint8_t *image; /* what it was, up to most, where known says so */
	uint8_t *known; /* by byte */
	uint64_t most;
};

static int
wrong(const char *what, const char *name)
{
	fprintf(stderr, "undo: %s: %s: %s\n", name, what, strerror(errno));
	return -1;
}

/* The length that it had, and an image of what is known of it.  0 or -1. */
static int
gather(struct work *w)
{
	uint8_t bytes[DISK_RUN];
	struct disk_entry e;
	uint64_t pos = 0;

	while (disk_journal_next(w->journal, &pos, &e, bytes))
		if (e.kind == DISK_BEGIN || e.kind == DISK_SIZE)
			w->synced = e.at;
		else if (e.at + e.len > w->most)
			w->most = e.at + e.len;
	w->image = calloc(1, w->most + 1);
	w->known = calloc(1, w->most + 1);
	if (w->image == NULL || w->known == NULL)
		return -1;
	for (pos = 0; disk_journal_next(w->journal, &pos, &e, bytes);) {
		if (e.kind != DISK_OLD && e.kind != DISK_NEW)
			continue;
		memcpy(w->image + e.at, bytes, e.len);
		memset(w->known + e.at, 1, e.len);
	}
	return 0;
}

/* A sector, or what of it is known and was written. */
static int
put_back(struct work *w, uint64_t at, uint64_t end)
{
	uint64_t from, to;

	if (end > w->most)
		end = w->most;
	for (from = at; from < end; from = to) {
		for (to = from; to < end && w->known[to] == w->known[from];)
			to++;
		if (!w->known[from])
			continue;
		if (pwrite(w->fd, w->image + from, to - from, (off_t)from) !=
		    (ssize_t)(to - from))
			return -1;
		w->undone->bytes += to - from;
	}
	return 0;
}

static int
make_hole(struct work *w, uint64_t at, uint64_t end)
{
	static const uint8_t zeros[SECTOR];

	w->undone->bytes += end - at;
	return pwrite(w->fd, zeros, end - at, (off_t)at) == (ssize_t)(end - at)
	               ? 0
	               : -1;
}

/* How long it is to be. */
static uint64_t
choose_end(struct work *w)
{
	if (w->how == DISK_ALL)
		return w->synced;
	if (w->size > w->synced)
		return w->synced +
		       chance_below(&w->chance, w->size - w->synced + 1);
	return chance_below(&w->chance, 2) ? w->synced : w->size;
}

static int
undo(struct work *w)
{
	bool torn = w->how == DISK_CUT || w->how == DISK_TORN;
	/* a disk writes sectors, a file system pages */
	uint64_t step =
		torn && chance_below(&w->chance, 2) ? SECTOR : DISK_PAGE;
	bool holes = w->how == DISK_TORN;
	uint64_t end = choose_end(w), at, i;

	if (w->size > end)
		w->undone->bytes += w->size - end;
	if (ftruncate(w->fd, (off_t)end))
		return -1;
	for (at = 0; at < end; at += step) {
		uint64_t next = at + step < end ? at + step : end;
		uint64_t old = next < w->synced ? next : w->synced;

		if (torn && chance_below(&w->chance, 2))
			continue;
		if (put_back(w, at, old))
			return -1;
		for (i = at < w->synced ? w->synced : at; holes && i < next;
		     i += SECTOR)
			if (make_hole(w, i,
			              i + SECTOR < next ? i + SECTOR : next))
				return -1;
	}
	return 0;
}

static int
undo_file(struct work *w, const char *name, const struct stat *st,
          const char *side)
{
	char path[DISK_NAME_MAX];
	int err = 0;

	disk_journal_name(path, side, st->st_ino);
	w->journal = open(path, O_RDONLY | O_CLOEXEC);
	if (w->journal < 0)
		return errno == ENOENT ? 0 : wrong("its journal", name);
	w->synced = UINT64_MAX;
	w->size = (uint64_t)st->st_size;
	w->image = w->known = NULL;
	w->most = 0;
	w->fd = open(name, O_RDWR | O_CLOEXEC);
	if (w->fd < 0 || gather(w))
		err = wrong("cannot be read", name);
	/* else: a journal that has not even begun */
	else if (w->synced != UINT64_MAX && w->how != DISK_KEEP) {
		w->undone->files++;
		if (undo(w))
			err = wrong("cannot be undone", name);
	}
	free(w->image);
	free(w->known);
	if (w->fd >= 0)
		close(w->fd);
	close(w->journal);
	return err;
}

static int
clear(const char *side)
{
	DIR *d = opendir(side);
	struct dirent *e;

	if (d == NULL)
		return errno == ENOENT ? 0 : wrong("cannot be read", side);
	while ((e = readdir(d)) != NULL)
		if (*e->d_name != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return 0;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int
disk_undo(const char *dir, const char *side, enum disk_undo how, uint64_t seed,
          struct disk_undone *u)
{
	char *const roots[] = { (char *)dir, NULL };
	struct work w = { .how = how, .chance = { seed }, .undone = u };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *e;
	int err = 0;

	*u = (struct disk_undone){ 0 };
	if (fts == NULL)
		return wrong("cannot be read", dir);
	while (err == 0 && (e = fts_read(fts)) != NULL)
		if (e->fts_info == FTS_F)
			err = undo_file(&w, e->fts_path, e->fts_statp, side);
	fts_close(fts);
	return err ? err : clear(side);
}
