/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "lib/hot.h"
#include "protocol/meta.h"
#include "protocol/number.h"
#include "protocol/own.h"
#include "protocol/status.h"
#include "protocol/text.h"
#include "protocol/text_scan.h"

#define NWORDS 8 /* more than any command has */
#define MANY UINT32_MAX
#define SKIP_MAX (64u << 20) /* or four times max_value, if that is more */

#define BAD_FORMAT "CLIENT_ERROR bad command line format"
#define BAD_EXPTIME "CLIENT_ERROR invalid exptime argument"
#define TOO_BIG "SERVER_ERROR object too large for cache"

struct word {
	const uint8_t *at;
	size_t len;
};

/* A whole line.  count goes on beyond NWORDS. */
struct line {
	struct word word[NWORDS];
	uint32_t count;
	const uint8_t *end; /* of its last word */
};

struct verb {
	const char *name;
	size_t len;
	enum ewb_op op;
	uint32_t is;
	uint32_t min, max; /* words, with the verb itself */
	uint32_t noreply;  /* the first word that may be "noreply"; 0: none */
	void (*take)(const struct line *l, size_t max_value,
	             struct ewb_frame *f);
};

static void
refuse(struct ewb_frame *f, uint32_t status, const char *reason)
{
	*f = (struct ewb_frame){
		.op = EWB_OP_ERROR,
		.is = f->is & (EWB_IS_NOREPLY | EWB_IS_SKIP | EWB_IS_LAST),
		.head = f->head,
		.nvalue = f->nvalue,
		.tail = f->tail,
		.status = status,
		.reason = reason,
	};
}

static int
is(struct word w, const char *text, size_t len)
{
	return w.len == len && memcmp(w.at, text, len) == 0;
}

static int
number(struct word w, uint64_t *v)
{
	return ewb_take_number(w.at, w.len, v);
}

static int
number32(struct word w, uint32_t *v)
{
	return ewb_take_number32(w.at, w.len, v);
}

static int
exptime(struct word w, uint32_t *v)
{
	return ewb_take_exptime(w.at, w.len, v);
}

static int
key_ok(struct word w, struct ewb_frame *f)
{
	if (w.len > EWB_KEY_MAX)
		return 0;
	f->key = w.at;
	f->nkey = w.len;
	return 1;
}

/* What is too much to be skipped. */
static uint64_t
skip_max(size_t max_value)
{
	uint64_t four = max_value > SIZE_MAX / 8 ? SIZE_MAX / 2
	                                         : (uint64_t)max_value * 4;

	return four > SKIP_MAX ? four : SKIP_MAX;
}

/* The length of a store's value.  0: refused, and nothing is to be skipped. */
EWB_HOT static int
take_length(struct word w, size_t max_value, struct ewb_frame *f)
{
	uint64_t nvalue;

	if (number(w, &nvalue) == 0) {
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
		return 0;
	}
	if (nvalue > skip_max(max_value)) {
		f->is |= EWB_IS_LAST;
		refuse(f, EWB_WIRE_TOO_BIG, TOO_BIG);
		return 0;
	}
	f->nvalue = (size_t)nvalue;
	f->tail = 2;
	return 1;
}

/* Unless all is well with it, its value is skipped.  why: what is not; or null. */
static void
end_store(const char *why, size_t max_value, struct ewb_frame *f)
{
	if (!why && f->nvalue <= max_value)
		return;
	f->is |= EWB_IS_SKIP;
	if (why)
		refuse(f, EWB_WIRE_INVALID, why);
	else
		refuse(f, EWB_WIRE_TOO_BIG, TOO_BIG);
}

/* set KEY FLAGS EXPTIME BYTES [CAS] */
EWB_HOT static void
take_store(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	int good;

	if (!take_length(l->word[4], max_value, f))
		return;
	good = key_ok(l->word[1], f) && number32(l->word[2], &f->flags) &&
	       exptime(l->word[3], &f->exptime);
	if (f->is & EWB_IS_CAS)
		good = good && number(l->word[5], &f->cas) == 1;
	end_store(good ? NULL : BAD_FORMAT, max_value, f);
}

/* delete KEY [0] */
static void
take_delete(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	uint32_t n = l->count - ((f->is & EWB_IS_NOREPLY) != 0);

	(void)max_value;
	if (n > 3 || (n == 3 && !is(l->word[2], "0", 1)))
		refuse(f, EWB_WIRE_INVALID,
		       BAD_FORMAT ".  Usage: delete <key> [noreply]");
	else if (!key_ok(l->word[1], f))
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
}

/* incr KEY DELTA */
static void
take_count(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)max_value;
	if (!key_ok(l->word[1], f))
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
	else if (number(l->word[2], &f->delta) != 1)
		refuse(f, EWB_WIRE_INVALID,
		       "CLIENT_ERROR invalid numeric delta argument");
}

/* touch KEY EXPTIME */
static void
take_touch(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)max_value;
	if (!key_ok(l->word[1], f))
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
	else if (!exptime(l->word[2], &f->exptime))
		refuse(f, EWB_WIRE_INVALID, BAD_EXPTIME);
}

/* flush_all [DELAY] */
static void
take_flush(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)max_value;
	if (l->count == 1 || (l->count == 2 && f->is & EWB_IS_NOREPLY))
		return;
	if (!exptime(l->word[1], &f->exptime))
		refuse(f, EWB_WIRE_INVALID, BAD_EXPTIME);
}

/* verbosity LEVEL */
static void
take_verbosity(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)max_value;
	if (!number32(l->word[1], &f->flags))
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
}

/* What is behind the verb. */
static struct word
rest(const struct line *l)
{
	struct word w = { l->end, 0 };

	if (l->count > 1) {
		w.at = l->word[1].at;
		w.len = (size_t)(l->end - w.at);
	}
	return w;
}

/* stats [GROUP]; a group may be of several words */
static void
take_stats(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)max_value;
	if (l->count > 1 && !key_ok(rest(l), f))
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
}

/* shutdown [graceful] */
static void
take_shutdown(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)max_value;
	f->flags = l->count > 2 ||
	           (l->count == 2 && !is(l->word[1], "graceful", 8));
}

static void
take_nothing(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	(void)l;
	(void)max_value;
	(void)f;
}

/* Words from that one on are flags. */
static const char *
take_meta(const struct line *l, unsigned from, struct ewb_frame *f)
{
	struct ewb_meta_line m = { .flags = l->end, .end = l->end };

	if (l->count > 1) {
		m.key = l->word[1].at;
		m.nkey = l->word[1].len;
	}
	if (l->count > from)
		m.flags = l->word[from].at;
	return ewb_meta_take(&m, f);
}

/* mg, md, ma, me KEY FLAG... */
static void
take_meta_line(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	const char *why = take_meta(l, 2, f);

	(void)max_value;
	if (why)
		refuse(f, EWB_WIRE_INVALID, why);
}

/* ms KEY BYTES FLAG... */
static void
take_meta_set(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	if (l->count < 3)
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
	else if (take_length(l->word[2], max_value, f))
		end_store(take_meta(l, 3, f), max_value, f);
}

static void
take_scan(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	struct word w = rest(l);
	struct ewb_text_scan scan;
	const char *why = ewb_text_scan_take(w.at, w.len, &scan);

	(void)max_value;
	f->extras = w.at;
	f->nextras = w.len;
	if (why)
		refuse(f, EWB_WIRE_INVALID, why);
}

static void
take_crawler(const struct line *l, size_t max_value, struct ewb_frame *f)
{
	struct word w = rest(l);
	const char *why = ewb_text_crawler_take(w.at, w.len, f);

	(void)max_value;
	if (why)
		refuse(f, EWB_WIRE_INVALID, why);
}

#define NAME(text) (text), sizeof(text) - 1

static const struct verb verbs[] = {
	{ NAME("set"), EWB_OP_SET, 0, 5, 6, 2, take_store },
	{ NAME("add"), EWB_OP_ADD, 0, 5, 6, 2, take_store },
	{ NAME("replace"), EWB_OP_REPLACE, 0, 5, 6, 2, take_store },
	{ NAME("append"), EWB_OP_APPEND, 0, 5, 6, 2, take_store },
	{ NAME("prepend"), EWB_OP_PREPEND, 0, 5, 6, 2, take_store },
	{ NAME("cas"), EWB_OP_SET, EWB_IS_CAS, 6, 7, 2, take_store },
	{ NAME("delete"), EWB_OP_DELETE, 0, 2, 4, 2, take_delete },
	{ NAME("incr"), EWB_OP_INCR, 0, 3, 4, 2, take_count },
	{ NAME("decr"), EWB_OP_DECR, 0, 3, 4, 2, take_count },
	{ NAME("touch"), EWB_OP_TOUCH, 0, 3, 4, 2, take_touch },
	{ NAME("flush_all"), EWB_OP_FLUSH, 0, 1, 3, 1, take_flush },
	{ NAME("version"), EWB_OP_VERSION, 0, 1, MANY, 0, take_nothing },
	{ NAME("verbosity"), EWB_OP_VERBOSITY, 0, 2, 3, 1, take_verbosity },
	{ NAME("stats"), EWB_OP_STATS, 0, 1, MANY, 0, take_stats },
	{ NAME("quit"), EWB_OP_QUIT, EWB_IS_NOREPLY | EWB_IS_LAST, 1, MANY, 0,
	  take_nothing },
	{ NAME("shutdown"), EWB_OP_SHUTDOWN, 0, 1, MANY, 0, take_shutdown },
	{ NAME("mg"), EWB_OP_META_GET, 0, 2, MANY, 0, take_meta_line },
	{ NAME("ms"), EWB_OP_SET, 0, 2, MANY, 0, take_meta_set },
	{ NAME("md"), EWB_OP_DELETE, 0, 2, MANY, 0, take_meta_line },
	{ NAME("ma"), EWB_OP_META_COUNT, 0, 2, MANY, 0, take_meta_line },
	{ NAME("me"), EWB_OP_META_DEBUG, 0, 1, MANY, 0, take_meta_line },
	{ NAME("mn"), EWB_OP_NOOP, EWB_IS_META, 1, MANY, 0, take_nothing },
	{ NAME("scan"), EWB_OP_SCAN, 0, 1, MANY, 0, take_scan },
	{ NAME("lru_crawler"), EWB_OP_METADUMP, 0, 1, MANY, 0, take_crawler },
};

/* Those whose keys are taken off one by one. */
static const struct verb gets[] = {
	{ NAME("get"), EWB_OP_GET, EWB_IS_MULTI, 0, 0, 0, NULL },
	{ NAME("gets"), EWB_OP_GET, EWB_IS_MULTI | EWB_IS_WANT_CAS, 0, 0, 0,
	  NULL },
	{ NAME("gat"), EWB_OP_GAT, EWB_IS_MULTI, 0, 0, 0, NULL },
	{ NAME("gats"), EWB_OP_GAT, EWB_IS_MULTI | EWB_IS_WANT_CAS, 0, 0, 0,
	  NULL },
};

static const struct verb *
find(const struct verb *v, size_t n, struct word w)
{
	for (size_t i = 0; i < n; i++)
		if (is(w, v[i].name, v[i].len))
			return &v[i];
	return NULL;
}

static size_t
blanks_end(const uint8_t *in, size_t i, size_t n)
{
	while (i < n && in[i] == ' ')
		i++;
	return i;
}

/* Where the word at i ends: at a blank or the line's end.  n: not known yet. */
EWB_HOT static size_t
word_end(const uint8_t *in, size_t i, size_t n)
{
	for (; i < n; i++) {
		if (in[i] > ' ')
			continue;
		if (in[i] == ' ' || in[i] == '\n')
			return i;
		if (in[i] == '\r' && i + 1 < n && in[i + 1] == '\n')
			return i;
	}
	return n;
}

/* word_end() has found a line's end at i: where the next line begins. */
static size_t
next_line(const uint8_t *in, size_t i)
{
	return i + (in[i] == '\r' ? 2 : 1);
}

static struct line
split(const uint8_t *at, const uint8_t *end)
{
	struct line l = { .end = at };

	while (at < end) {
		const uint8_t *space;

		if (*at == ' ') {
			at++;
			continue;
		}
		space = memchr(at, ' ', (size_t)(end - at));
		l.end = space ? space : end;
		if (l.count < NWORDS)
			l.word[l.count] =
				(struct word){ at, (size_t)(l.end - at) };
		l.count++;
		at = l.end;
	}
	return l;
}

EWB_HOT static void
take_line(const uint8_t *in, size_t len, size_t max_value, struct ewb_frame *f)
{
	struct line l = split(in, in + len);
	const struct verb *v = NULL;

	if (l.count > 0)
		v = find(verbs, sizeof(verbs) / sizeof(*verbs), l.word[0]);
	if (!v || l.count < v->min || l.count > v->max) {
		refuse(f, EWB_WIRE_UNKNOWN_COMMAND, "ERROR");
		return;
	}
	f->op = v->op;
	f->is = v->is;
	if (v->noreply && l.count > v->noreply &&
	    is(l.word[l.count - 1], NAME("noreply")))
		f->is |= EWB_IS_NOREPLY;
	v->take(&l, max_value, f);
}

/* The key, or the line's end, at in[i]. */
EWB_HOT static enum ewb_parse
take_key(struct ewb_text *t, const uint8_t *in, size_t i, size_t n,
         struct ewb_frame *f)
{
	size_t most = i + EWB_KEY_MAX + 2; /* a key too long, a line's end */
	size_t end = word_end(in, i, n < most ? n : most);

	if (end == n && n < most)
		return EWB_PARSE_MORE;
	f->is = t->is;
	if (end == i) {
		f->op = EWB_OP_END;
		f->head = next_line(in, i);
		t->in_get = 0;
		return EWB_PARSE_OK;
	}
	f->op = t->op;
	f->exptime = t->exptime;
	f->head = end;
	if (!key_ok((struct word){ in + i, end - i }, f)) {
		f->head = i + EWB_KEY_MAX + 1;
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
		t->in_get = 0;
		t->in_skip = 1;
	}
	return EWB_PARSE_OK;
}

/* A get's line from after its verb to its first key. */
static enum ewb_parse
take_get(struct ewb_text *t, const struct verb *v, const uint8_t *in, size_t i,
         size_t n, struct ewb_frame *f)
{
	enum ewb_parse p;
	size_t end;

	t->exptime = 0;
	if (v->op == EWB_OP_GAT) {
		i = blanks_end(in, i, n);
		end = word_end(in, i, n);
		if (end == n)
			return EWB_PARSE_MORE;
		if (end == i) {
			f->head = next_line(in, i);
			refuse(f, EWB_WIRE_UNKNOWN_COMMAND, "ERROR");
			return EWB_PARSE_OK;
		}
		if (!exptime((struct word){ in + i, end - i }, &t->exptime)) {
			refuse(f, EWB_WIRE_INVALID, BAD_EXPTIME);
			f->head = end;
			t->in_skip = 1;
			return EWB_PARSE_OK;
		}
		i = end;
	}
	i = blanks_end(in, i, n);
	t->is = v->is;
	t->op = v->op;
	t->in_get = 1;
	p = take_key(t, in, i, n, f);
	if (p == EWB_PARSE_MORE)
		t->in_get = 0;
	if (p == EWB_PARSE_OK && f->op == EWB_OP_END && v->op == EWB_OP_GET)
		refuse(f, EWB_WIRE_UNKNOWN_COMMAND, "ERROR");
	else if (p == EWB_PARSE_OK && f->op == EWB_OP_END)
		f->op = EWB_OP_NOOP; /* gat of no key: its END is all of it */
	return p;
}

static enum ewb_parse
take_command(struct ewb_text *t, const uint8_t *in, size_t n, size_t max_value,
             struct ewb_frame *f)
{
	size_t i = blanks_end(in, 0, n), end = word_end(in, i, n), len;
	const struct verb *v;
	const uint8_t *nl;

	if (end == n)
		return EWB_PARSE_MORE;
	v = find(gets, sizeof(gets) / sizeof(*gets),
	         (struct word){ in + i, end - i });
	if (v)
		return take_get(t, v, in, end, n, f);
	nl = memchr(in + end, '\n', n - end);
	if (!nl)
		return EWB_PARSE_MORE;
	len = (size_t)(nl - in);
	f->head = len + 1;
	take_line(in, len > 0 && in[len - 1] == '\r' ? len - 1 : len, max_value,
	          f);
	return EWB_PARSE_OK;
}

static enum ewb_parse
take_any(struct ewb_text *t, const uint8_t *in, size_t n, size_t max_value,
         struct ewb_frame *f)
{
	enum ewb_parse p;

	if (t->in_get) {
		f->head = blanks_end(in, 0, n);
		return take_key(t, in, f->head, n, f);
	}
	p = take_command(t, in, n <= EWB_LINE_MAX ? n : EWB_LINE_MAX + 1,
	                 max_value, f);
	if (p == EWB_PARSE_MORE && n > EWB_LINE_MAX) {
		refuse(f, EWB_WIRE_INVALID, "CLIENT_ERROR line too long");
		f->is = EWB_IS_LAST;
		f->head = EWB_LINE_MAX + 1;
		p = EWB_PARSE_OK;
	}
	return p;
}

/* The rest of a refused line.  With its newline it is a frame, so that nothing
 * changes unless a frame is taken off. */
static enum ewb_parse
skip_line(struct ewb_text *t, const uint8_t *in, size_t n, struct ewb_frame *f)
{
	const uint8_t *nl = n ? memchr(in, '\n', n) : NULL;

	if (!nl) {
		f->head = n;
		return EWB_PARSE_MORE;
	}
	t->in_skip = 0;
	f->head = (size_t)(nl - in) + 1;
	f->is = EWB_IS_NOREPLY;
	refuse(f, EWB_WIRE_INVALID, "the rest of a refused line");
	return EWB_PARSE_OK;
}

EWB_HOT enum ewb_parse
ewb_text_parse(struct ewb_text *t, const uint8_t *in, size_t n,
               size_t max_value, struct ewb_frame *f)
{
	*f = ewb_frame_zero;
	f->op = EWB_OP_ERROR;
	if (t->in_skip)
		return skip_line(t, in, n, f);
	return take_any(t, in, n, max_value, f);
}

EWB_HOT int
ewb_text_tail_ok(const uint8_t *tail, size_t n)
{
	return n == 2 && tail[0] == '\r' && tail[1] == '\n';
}

size_t
ewb_text_resync(struct ewb_text *t, const uint8_t *tail, size_t n)
{
	const uint8_t *nl = n ? memchr(tail, '\n', n) : NULL;

	if (nl)
		return (size_t)(nl - tail) + 1;
	t->in_skip = 1;
	return n;
}

/* Commands of an engine's own. */

int
ewb_text_is_verb(const char *name)
{
	struct word w = { (const uint8_t *)name, strlen(name) };

	return find(verbs, sizeof(verbs) / sizeof(*verbs), w) ||
	       find(gets, sizeof(gets) / sizeof(*gets), w);
}

static const struct ewb_own_rule *
find_own(const struct ewb_own_rules *rules, struct word w)
{
	const struct ewb_own_rule *r;

	for (unsigned i = 0; i < rules->n; i++) {
		r = &rules->at[i];
		if (r->text && r->name[0] && is(w, r->name, strlen(r->name)))
			return r;
	}
	return NULL;
}

/* The word that begins at or after p. */
static struct word
word_at(const uint8_t *p, const uint8_t *end)
{
	struct word w;

	while (p < end && *p == ' ')
		p++;
	w.at = p;
	while (p < end && *p != ' ')
		p++;
	w.len = (size_t)(p - w.at);
	return w;
}

/* The line's last word, behind p. */
static struct word
last_word(const uint8_t *p, const uint8_t *end)
{
	struct word w = { p, 0 };

	while (end > p && end[-1] == ' ')
		end--;
	w.at = end;
	while (w.at > p && w.at[-1] != ' ')
		w.at--;
	w.len = (size_t)(end - w.at);
	return w;
}

/* The length of its value, which ends the line. */
static int
take_own_value(const uint8_t *p, const uint8_t **end, size_t max_value,
               struct ewb_frame *f)
{
	struct word w = last_word(p, *end);
	uint64_t n;

	if (number(w, &n) == 0) {
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
		return 0;
	}
	*end = w.at;
	if (n <= max_value) {
		f->nvalue = (size_t)n;
		f->tail = 2;
		return 1;
	}
	if (n > skip_max(max_value)) {
		f->is = EWB_IS_LAST;
	} else {
		f->is = EWB_IS_SKIP;
		f->nvalue = (size_t)n;
		f->tail = 2;
	}
	refuse(f, EWB_WIRE_TOO_BIG, TOO_BIG);
	return 0;
}

int
ewb_text_own(const struct ewb_own_rules *rules, const uint8_t *in,
             size_t max_value, struct ewb_frame *f)
{
	const uint8_t *end = in + f->head - 1; /* its newline */
	struct word verb, key = { NULL, 0 };
	const struct ewb_own_rule *r;
	const uint8_t *p;

	if (end > in && end[-1] == '\r')
		end--;
	verb = word_at(in, end);
	r = find_own(rules, verb);
	if (r == NULL)
		return 0;
	*f = (struct ewb_frame){ .op = EWB_OP_OWN,
		                 .head = f->head,
		                 .own = (uint32_t)(r - rules->at) };
	p = verb.at + verb.len;
	if (r->key) {
		key = word_at(p, end);
		p = key.at + key.len;
	}
	if (r->value && !take_own_value(p, &end, max_value, f))
		return 1;
	if (r->key && (key.len == 0 || !key_ok(key, f))) {
		f->is |= r->value ? EWB_IS_SKIP : 0;
		refuse(f, EWB_WIRE_INVALID, BAD_FORMAT);
		return 1;
	}
	while (p < end && *p == ' ')
		p++;
	while (end > p && end[-1] == ' ')
		end--;
	f->extras = p;
	f->nextras = (size_t)(end - p);
	return 1;
}
