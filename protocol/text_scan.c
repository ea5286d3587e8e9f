/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/number.h"
#include "protocol/text_scan.h"

#define SAYS "CLIENT_ERROR scan: "
#define UNKNOWN                                                        \
	SAYS "there are prefix= start= after= end= before= limit= vbucket= " \
	     "keys cas base64"
#define AGAIN SAYS "said twice: "

#define CLASSES_MAX 63 /* memcached's */

struct word {
	const uint8_t *at;
	size_t n;
};

/* The next word of p[0..n): what it took; 0: there is none. */
static size_t
next_word(const uint8_t *p, size_t n, struct word *w)
{
	size_t i = 0, end;

	while (i < n && p[i] == ' ')
		i++;
	for (end = i; end < n && p[end] != ' ';)
		end++;
	*w = (struct word){ p + i, end - i };
	return w->n ? end : 0;
}

/* Is it that one?  A name that ends with = has something behind it. */
static int
is(struct word *w, const char *name)
{
	size_t n = strlen(name);

	if (w->n < n || memcmp(w->at, name, n) != 0 ||
	    (w->n > n && name[n - 1] != '='))
		return 0;
	w->at += n;
	w->n -= n;
	return 1;
}

static const char *
take_flag(int *flag, const char *again)
{
	if (*flag)
		return again;
	*flag = 1;
	return NULL;
}

static const char *
take_bound(struct ewb_text_bound *b, struct word w, int excluded,
           const char *again)
{
	if (b->at)
		return again;
	*b = (struct ewb_text_bound){ w.at, w.n, excluded };
	return NULL;
}

static const char *
take_limit(struct ewb_text_scan *s, struct word w)
{
	if (s->limit)
		return AGAIN "limit=";
	if (ewb_take_number(w.at, w.n, &s->limit) == 0 || s->limit == 0)
		return SAYS "limit= is not a number of 1 or more";
	return NULL;
}

static const char *
take_vbucket(struct ewb_text_scan *s, struct word w)
{
	if (s->vbucket != UINT64_MAX)
		return AGAIN "vbucket=";
	if (ewb_take_number(w.at, w.n, &s->vbucket) != 1 ||
	    s->vbucket == UINT64_MAX)
		return SAYS "vbucket= is not a number";
	return NULL;
}

static const char *
take_word(struct ewb_text_scan *s, struct word w)
{
	if (is(&w, "prefix="))
		return take_bound(&s->prefix, w, 0, AGAIN "prefix=");
	if (is(&w, "start="))
		return take_bound(&s->start, w, 0, AGAIN "start=, or after=");
	if (is(&w, "after="))
		return take_bound(&s->start, w, 1, AGAIN "start=, or after=");
	if (is(&w, "end="))
		return take_bound(&s->end, w, 0, AGAIN "end=, or before=");
	if (is(&w, "before="))
		return take_bound(&s->end, w, 1, AGAIN "end=, or before=");
	if (is(&w, "limit="))
		return take_limit(s, w);
	if (is(&w, "vbucket="))
		return take_vbucket(s, w);
	if (is(&w, "keys"))
		return take_flag(&s->keys, AGAIN "keys");
	if (is(&w, "cas"))
		return take_flag(&s->cas, AGAIN "cas");
	if (is(&w, "base64"))
		return take_flag(&s->base64, AGAIN "base64");
	return UNKNOWN;
}

/* Now that it is known what they are in. */
static const char *
check_bound(const struct ewb_text_scan *s, const struct ewb_text_bound *b)
{
	size_t n = b->n;

	if (b->at && s->base64)
		n = ewb_base64_decode(NULL, 0, b->at, b->n);
	if (n == SIZE_MAX)
		return SAYS "a key is not base64";
	return n > EWB_KEY_MAX ? SAYS "a key is longer than 250 bytes" : NULL;
}

const char *
ewb_text_scan_take(const uint8_t *words, size_t n, struct ewb_text_scan *s)
{
	const char *why = NULL;
	struct word w;
	size_t took;

	*s = (struct ewb_text_scan){ .vbucket = UINT64_MAX };
	for (; !why && (took = next_word(words, n, &w)); n -= took) {
		why = take_word(s, w);
		words += took;
	}
	if (!why)
		why = check_bound(s, &s->prefix);
	if (!why)
		why = check_bound(s, &s->start);
	if (!why)
		why = check_bound(s, &s->end);
	if (!why && s->keys && s->cas)
		why = SAYS "keys alone have no cas";
	return why;
}

size_t
ewb_text_scan_bound(const struct ewb_text_scan *s,
                    const struct ewb_text_bound *b, uint8_t to[EWB_KEY_MAX])
{
	if (s->base64)
		return ewb_base64_decode(to, EWB_KEY_MAX, b->at, b->n);
	memcpy(to, b->at, b->n);
	return b->n;
}

/* lru_crawler. */

#define BADCLASS "BADCLASS invalid class id"

/* Numbers with commas between them.  All items are of class 1. */
static const char *
take_classes(struct word w, struct ewb_frame *f)
{
	unsigned classes = 0;
	uint32_t class;
	size_t n;

	for (; w.n; w.at += n, w.n -= n) {
		const uint8_t *comma = memchr(w.at, ',', w.n);

		n = comma ? (size_t)(comma - w.at) : w.n;
		if (n && (!ewb_take_number32(w.at, n, &class) || class == 0 ||
		          class > CLASSES_MAX))
			return BADCLASS;
		if (n && class == 1)
			f->flags = 1;
		classes += n > 0;
		n += comma != NULL;
	}
	return classes ? NULL : "NOTSTARTED no items to crawl";
}

static const char *
take_metadump(struct word w, struct ewb_frame *f)
{
	if (!is(&w, "all") && !is(&w, "hash"))
		return take_classes(w, f);
	f->flags = 1;
	return NULL;
}

const char *
ewb_text_crawler_take(const uint8_t *words, size_t n, struct ewb_frame *f)
{
	struct word verb, what, more;
	size_t took = next_word(words, n, &verb);
	size_t then = next_word(words + took, n - took, &what);

	took += then;
	if (verb.n && next_word(words + took, n - took, &more))
		return "ERROR";
	if (what.n && is(&verb, "metadump"))
		return take_metadump(what, f);
	if ((what.n && (is(&verb, "crawl") || is(&verb, "sleep") ||
	                is(&verb, "tocrawl"))) ||
	    (verb.n && !what.n && (is(&verb, "enable") || is(&verb, "disable"))))
		return "ERROR there is no lru crawler but for metadump";
	return "ERROR";
}
