/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "daemon/ctl_say.h"
#include "daemon/ctl_scanner.h"

static int
no_memory(void)
{
	return ewb_ctl_say("scan: out of memory here");
}

int
ewb_ctl_scanner_open(struct ewb_ctl_scanner *s, unsigned first, unsigned n)
{
	s->given = NULL;
	if (ewb_ctl_merge_init(&s->merge, n, s->fetch.range->descending))
		return no_memory();
	return ewb_ctl_fetch_begin(&s->fetch, first, n);
}

/* The first records of all. */
static int
prime(struct ewb_ctl_scanner *s)
{
	struct ewb_ctl_fetch *f = &s->fetch;
	size_t i;
	int n;

	ewb_ctl_fetch_want_all(f);
	for (i = 0; i < f->nsource; i++) {
		n = ewb_ctl_fetch_fill(f, &f->source[i]);
		if (n)
			return n;
	}
	/* Only now, for replies move what the heap compares. */
	for (i = 0; i < f->nsource; i++)
		if (f->source[i].nnow)
			ewb_ctl_merge_add(&s->merge, &f->source[i]);
	s->primed = true;
	return 0;
}

/* Puts the record behind us that was given out. */
static int
go_on(struct ewb_ctl_scanner *s)
{
	struct ewb_ctl_source *src = s->given;
	int n;

	s->given = NULL;
	s->last.pos = s->last.len = 0;
	if (ewb_ctl_buf_add(&s->last, src->now.key, src->now.nkey))
		return no_memory();
	n = ewb_ctl_fetch_drop(&s->fetch, src);
	if (!n)
		ewb_ctl_merge_settle(&s->merge);
	return n;
}

/* Does the record come after the last one? */
static bool
in_order(const struct ewb_ctl_scanner *s, const struct ewb_bin_record *r)
{
	int c = s->last.at ? ewb_ctl_key_compare(s->last.at, s->last.len, r->key,
	                                         r->nkey)
	                   : 0;

	return !s->last.at || (s->fetch.range->descending ? c > 0 : c < 0);
}

int
ewb_ctl_scanner_next(struct ewb_ctl_scanner *s, const struct ewb_bin_record **r)
{
	struct ewb_ctl_source *src;
	int n = !s->primed ? prime(s) : s->given ? go_on(s) : 0;

	if (n)
		return n;
	src = ewb_ctl_merge_first(&s->merge);
	if (!src)
		return ewb_ctl_fetch_finish(&s->fetch);
	if (!in_order(s, &src->now))
		return ewb_ctl_fetch_broken(src, "its keys out of order");
	n = ewb_ctl_fetch_load(&s->fetch, src);
	if (n)
		return n;
	s->given = src;
	*r = &src->now;
	return 1;
}

void
ewb_ctl_scanner_close(struct ewb_ctl_scanner *s)
{
	ewb_ctl_fetch_end(&s->fetch);
	ewb_ctl_merge_fini(&s->merge);
	ewb_ctl_buf_fini(&s->last);
	*s = (struct ewb_ctl_scanner){ 0 };
}
