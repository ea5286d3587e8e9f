/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "frontend/users.h"
#include "lib/check.h"
#include "lib/log.h"
#include "lib/secret.h"

#define LINE_MAX_BYTES 4096
#define SALTS "@salts " /* the line that the secret is made of */

struct ewb_users *
ewb_users_new(void)
{
	struct ewb_users *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->rounds = EWB_ROUNDS;
	EWB_MUST0(pthread_mutex_init(&u->lock, NULL));
	ewb_strand_init(&u->strand);
	return u;
}

static void
drop_users(struct ewb_user *at, size_t n)
{
	if (at)
		ewb_secret_wipe(at, n * sizeof *at);
	free(at);
}

void
ewb_users_free(struct ewb_users *u)
{
	if (u == NULL)
		return;
	drop_users(u->at, u->n);
	for (size_t i = 0; i < u->nnames; i++)
		free((char *)u->names[i]);
	free(u->names);
	ewb_strand_fini(&u->strand);
	EWB_MUST0(pthread_mutex_destroy(&u->lock));
	ewb_secret_wipe(u, sizeof *u);
	free(u);
}

/* The file. */

struct reading {
	struct ewb_user *at;
	size_t n, cap;
	uint8_t secret[EWB_DIGEST_MAX];
	int has_secret;
	const char *path;
	char *why;
	size_t nwhy;
};

static int
wrong(struct reading *r, unsigned line, const char *what)
{
	snprintf(r->why, r->nwhy, "users %s: line %u: %s", r->path, line, what);
	return -1;
}

static int
no_memory(struct reading *r)
{
	snprintf(r->why, r->nwhy, "users %s: out of memory", r->path);
	return -1;
}

/* What is grown is wiped where it was. */
static struct ewb_user *
one_more(struct reading *r)
{
	size_t cap = r->cap ? r->cap * 2 : 16;
	struct ewb_user *more;

	if (r->n < r->cap)
		return &r->at[r->n++];
	more = calloc(cap, sizeof *more);
	if (more == NULL)
		return NULL;
	if (r->n)
		memcpy(more, r->at, r->n * sizeof *more);
	drop_users(r->at, r->n);
	r->at = more;
	r->cap = cap;
	return &r->at[r->n++];
}

static int
make_secret(struct reading *r, const void *from, size_t n)
{
	r->has_secret = 1;
	return ewb_digest_of(EWB_SHA512, from, n, r->secret);
}

static int
take_line(struct reading *r, const char *text, size_t n, unsigned line)
{
	const size_t nsalts = sizeof SALTS - 1;
	struct ewb_user *u;
	const char *what;

	if (n == 0 || *text == '#')
		return 0;
	if (n > nsalts && memcmp(text, SALTS, nsalts) == 0)
		return make_secret(r, text + nsalts, n - nsalts) ?
		               no_memory(r) :
		               0;
	u = one_more(r);
	if (u == NULL)
		return no_memory(r);
	what = ewb_user_parse(u, text, n);
	return what ? wrong(r, line, what) : 0;
}

static int
take_lines(struct reading *r, FILE *f)
{
	char text[LINE_MAX_BYTES];
	unsigned line = 0;
	int err = 0;

	while (err == 0 && fgets(text, sizeof text, f)) {
		size_t n = strlen(text);

		line++;
		if (n == sizeof text - 1 && text[n - 1] != '\n')
			err = wrong(r, line, "longer than 4095 bytes");
		if (n == 0) /* fgets() has read something */
			err = wrong(r, line, "it begins with a NUL byte");
		while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' ||
		             text[n - 1] == ' '))
			n--;
		if (err == 0)
			err = take_line(r, text, n, line);
	}
	ewb_secret_wipe(text, sizeof text);
	return err;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct ewb_user *)a)->name,
	              ((const struct ewb_user *)b)->name);
}

static int
read_all(struct reading *r)
{
	FILE *f = fopen(r->path, "re");
	char text[EWB_LOG_TEXT];
	int err = f ? take_lines(r, f) : 0;

	if (f == NULL || (err == 0 && ferror(f))) {
		snprintf(r->why, r->nwhy, "users %s: %s", r->path,
		         ewb_log_text(text, strerror(errno)));
		err = -1;
	}
	if (f)
		(void)fclose(f);
	if (err)
		return err;
	if (r->n)
		qsort(r->at, r->n, sizeof *r->at, by_name);
	for (size_t i = 1; i < r->n; i++)
		if (by_name(&r->at[i - 1], &r->at[i]) == 0) {
			snprintf(r->why, r->nwhy, "users %s: %s is there twice",
			         r->path, r->at[i].name);
			return -1;
		}
	/* then it changes when the file does */
	if (!r->has_secret &&
	    make_secret(r, r->at, r->n * sizeof *r->at))
		return no_memory(r);
	return 0;
}

/* Names. */

static int
same_name(const void *name, const void *at)
{
	return strcmp(name, *(const char *const *)at);
}

static int
name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Under the lock.  Null: it is not among them. */
static const char *
name_of(const struct ewb_users *u, const char *name, size_t among)
{
	const char **at = among ? bsearch(name, u->names, among,
	                                  sizeof *u->names, same_name) :
	                          NULL;

	return at ? *at : NULL;
}

/* Under the lock: those that are new. */
static int
add_names(struct ewb_users *u, const struct reading *r)
{
	size_t had = u->nnames;
	int failed = 0;
	const char **more = realloc((void *)u->names,
	                            (had + r->n + 1) * sizeof *more);

	if (more == NULL)
		return -1;
	u->names = more;
	for (size_t i = 0; i < r->n && !failed; i++) {
		if (name_of(u, r->at[i].name, had))
			continue;
		more[u->nnames] = strdup(r->at[i].name);
		failed = more[u->nnames] == NULL;
		u->nnames += !failed;
	}
	if (u->nnames)
		qsort((void *)u->names, u->nnames, sizeof *u->names, name_order);
	return failed ? -1 : 0;
}

/* Under the lock. */
static void
put(struct ewb_users *u, const struct reading *r)
{
	drop_users(u->at, u->n);
	u->at = r->at;
	u->n = r->n;
	memcpy(u->secret, r->secret, sizeof u->secret);
	if (r->n)
		u->rounds = r->at[0].by[EWB_SHA512].rounds;
}

int
ewb_users_read(struct ewb_users *u, const char *path, char *why, size_t nwhy)
{
	struct reading r = { .path = path, .why = why, .nwhy = nwhy };
	int err = read_all(&r);

	if (err == 0) {
		EWB_MUST0(pthread_mutex_lock(&u->lock));
		err = add_names(u, &r) ? no_memory(&r) : 0;
		if (err == 0)
			put(u, &r);
		EWB_MUST0(pthread_mutex_unlock(&u->lock));
	}
	if (err)
		drop_users(r.at, r.n);
	ewb_secret_wipe(r.secret, sizeof r.secret);
	return err;
}

/* Looking for one. */

static int
is_name(const void *name, const void *at)
{
	return strcmp(name, ((const struct ewb_user *)at)->name);
}

const char *
ewb_users_find(struct ewb_users *u, const char *name, enum ewb_digest d,
               struct ewb_verifier *v)
{
	const struct ewb_user *is = NULL;
	const char *known = NULL;
	int err;

	EWB_MUST0(pthread_mutex_lock(&u->lock));
	err = ewb_verifier_invent(v, d, name, u->secret, sizeof u->secret,
	                          u->rounds);
	if (u->n)
		is = bsearch(name, u->at, u->n, sizeof *is, is_name);
	if (is) {
		*v = is->by[d];
		known = err ? NULL : name_of(u, name, u->nnames);
	}
	EWB_MUST0(pthread_mutex_unlock(&u->lock));
	return known;
}
