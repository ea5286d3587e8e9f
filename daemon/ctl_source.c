/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_source.h"
#include "lib/check.h"

void
ewb_ctl_source_look(struct ewb_ctl_source *s, bool keys_only)
{
	s->nnow = ewb_bin_record_get(ewb_ctl_buf_front(&s->in),
	                             ewb_ctl_buf_used(&s->in), keys_only,
	                             &s->now);
}

void
ewb_ctl_source_drop(struct ewb_ctl_source *s, bool keys_only)
{
	ewb_ctl_buf_drop(&s->in, s->nnow);
	ewb_ctl_source_look(s, keys_only);
}

int
ewb_ctl_key_compare(const void *a, size_t na, const void *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int c = n ? memcmp(a, b, n) : 0;

	return c ? c : (na > nb) - (na < nb);
}

static bool
before(const struct ewb_ctl_source *a, const struct ewb_ctl_source *b)
{
	return ewb_ctl_key_compare(a->now.key, a->now.nkey, b->now.key,
	                           b->now.nkey) < 0;
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
		if (child + 1 < m->n && before(m->at[child + 1], m->at[child]))
			child++;
		if (!before(m->at[child], m->at[i]))
			return;
		swap(m, i, child);
	}
}

int
ewb_ctl_merge_init(struct ewb_ctl_merge *m, size_t n)
{
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
	for (; i && before(m->at[i], m->at[(i - 1) / 2]); i = (i - 1) / 2)
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
