/* SPDX-License-Identifier: BSD-2-Clause */
/* The directory of a database: made when it is not there, and held, so that no
 * other process, and no other engine of this one, has it open. */
#ifndef DURABLE_PLACE_H
#define DURABLE_PLACE_H

#include <ewb/engine.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dur_place {
	char *path; /* or null */
	int lock;   /* a file descriptor, or -1 */
	bool fresh; /* nothing was ever acknowledged: make the database */
	bool begun; /* ... and was begun before: there may be parts of it */
	bool cut;   /* the engine's: damage at its end may have been left out */
	bool copy;  /* of another one, which went on: a history of its own */
};

/* The value of a setting, or fallback. */
const char *dur_setting(const struct ewb_setting *s, size_t n, const char *name,
                        const char *fallback);
/* -1 when it is no size of at least this many bytes; it has said so. */
int dur_setting_size(struct ewb_host *host, const struct ewb_setting *s,
                     size_t n, const char *name, const char *fallback,
                     uint64_t least, uint64_t *bytes);

/* pool or start.  When it fails it has said why.  path: null is refused.  file:
 * one that each database has: a directory with others and without it is left
 * as it is. */
enum ewb_status dur_place_open(struct dur_place *p, struct ewb_host *host,
                               const char *path, const char *file);
/* pool or start: the database is made, and has its state; from now on it is
 * neither fresh nor a copy. */
enum ewb_status dur_place_made(struct dur_place *p, struct ewb_host *host);
/* pool: a copy of a database was made in this directory.  0, or an errno. */
int dur_place_copied(const char *path);
/* pool: it was not, after all. */
void dur_place_uncopied(const char *path);
void dur_place_close(struct dur_place *p);

#endif
