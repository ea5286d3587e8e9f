/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_source.h"
#include "lib/check.h"

#define WINDOW 4096       /* more than a record beside its value */
#define KEEP (512 * 1024) /* no more memory than this is kept for what comes */

/* in is the first n bytes in the file. */
static int
read_again(struct ewb_ctl_source *s, size_t n)
{
	int err;

	if (n > s->to - s->from)
		n = (size_t)(s->to - s->from);
	s->in.pos = s->in.len = 0;
	err = ewb_ctl_buf_reserve(&s->in, n);
	if (!err)
		err = ewb_ctl_spill_read(s->spill, s->vbucket, s->from,
		                         s->in.at, n);
	if (!err)
		s->in.len = n;
	return err;
}

static void
look(struct ewb_ctl_source *s, bool keys_only)
{
	size_t all = ewb_ctl_source_used(s);

	s->nnow = ewb_bin_record_head(ewb_ctl_buf_front(&s->in),
	                              ewb_ctl_buf_used(&s->in), keys_only,
	                              &s->now);
	if (s->nnow > all)
		s->nnow = 0;
}

int
ewb_ctl_source_look(struct ewb_ctl_source *s, bool keys_only)
{
	int err;

	look(s, keys_only);
	if (s->nnow || !s->spill)
		return 0;
	if (s->from == s->to) {
		s->spill = NULL;
		return 0;
	}
	err = read_again(s, WINDOW);
	if (!err)
		look(s, keys_only);
	return err;
}

int
ewb_ctl_source_drop(struct ewb_ctl_source *s, bool keys_only)
{
	size_t used = ewb_ctl_buf_used(&s->in);

	ewb_ctl_buf_drop(&s->in, s->nnow < used ? s->nnow : used);
	if (s->spill) {
		s->from += s->nnow;
		if (s->in.cap > 2 * WINDOW)
			ewb_ctl_buf_fini(&s->in);
	} else if (!ewb_ctl_buf_used(&s->in) && s->in.cap > KEEP) {
		ewb_ctl_buf_fini(&s->in);
	}
	return ewb_ctl_source_look(s, keys_only);
}

int
ewb_ctl_source_add(struct ewb_ctl_source *s, const void *data, size_t n)
{
	int err;

	if (!s->spill)
		return ewb_ctl_buf_add(&s->in, data, n);
	err = ewb_ctl_spill_write(s->spill, s->vbucket, s->to, data, n);
	if (!err)
		s->to += n;
	return err;
}

int
ewb_ctl_source_spill(struct ewb_ctl_source *s, struct ewb_ctl_spill *file)
{
	size_t n = ewb_ctl_buf_used(&s->in);
	int err = n ? ewb_ctl_spill_write(file, s->vbucket, 0,
	                                  ewb_ctl_buf_front(&s->in), n)
	            : 0;

	if (err)
		return err;
	ewb_ctl_buf_fini(&s->in);
	s->spill = file;
	s->from = 0;
	s->to = n;
	return 0;
}

int
ewb_ctl_source_load(struct ewb_ctl_source *s, bool keys_only)
{
	int err;

	if (!s->spill || s->nnow <= ewb_ctl_buf_used(&s->in))
		return 0;
	err = read_again(s, s->nnow);
	if (!err)
		look(s, keys_only);
	return err;
}

int
ewb_ctl_key_compare(const void *a, size_t na, const void *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int c = n ? memcmp(a, b, n) : 0;

	return c ? c : (na > nb) - (na < nb);
}

/* Does the one at i come before that at j? */
static bool
before(const struct ewb_ctl_merge *m, size_t i, size_t j)
{
	const struct ewb_bin_record *a = &m->at[i]->now, *b = &m->at[j]->now;
	int c = ewb_ctl_key_compare(a->key, a->nkey, b->key, b->nkey);

	return m->descending ? c > 0 : c < 0;
}

static void
swap(struct ewb_ctl_merge *m, size_t i, size_t j)
{
	struct ewb_ctl_source *s = m->at[i];

	m->at[i] = m->at[j];
	m->at[j] = s;
}

static void
sink(struct ewb_ctl_merge *m)
{
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < m->n; i = child) {
		if (child + 1 < m->n && before(m, child + 1, child))
			child++;
		if (!before(m, child, i))
			return;
		swap(m, i, child);
	}
}

int
ewb_ctl_merge_init(struct ewb_ctl_merge *m, size_t n, bool descending)
{
	m->descending = descending;
	m->at = calloc(n ? n : 1, sizeof(struct ewb_ctl_source *));
	m->n = 0;
	return m->at ? 0 : -ENOMEM;
}

void
ewb_ctl_merge_add(struct ewb_ctl_merge *m, struct ewb_ctl_source *s)
{
	size_t i = m->n++;

	EWB_MUST(s->nnow);
	m->at[i] = s;
	for (; i && before(m, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(m, i, (i - 1) / 2);
}

struct ewb_ctl_source *
ewb_ctl_merge_first(const struct ewb_ctl_merge *m)
{
	return m->n ? m->at[0] : NULL;
}

void
ewb_ctl_merge_settle(struct ewb_ctl_merge *m)
{
	EWB_MUST(m->n);
	if (!m->at[0]->nnow)
		m->at[0] = m->at[--m->n];
	sink(m);
}

void
ewb_ctl_merge_fini(struct ewb_ctl_merge *m)
{
	free(m->at);
	*m = (struct ewb_ctl_merge){ 0 };
}
