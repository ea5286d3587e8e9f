/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "protocol/base64.h"
#include "scan/request.h"

#define DEPTH 8
/* A front end parses it: two bounds are 700 bytes ... */
#define LONGEST 16384
/* ... and what each of these begins is allocated: it has some 20 members. */
#define PARTS 256

/* -1: it is not, or too long. */
static int
decode(const char *text, size_t n, struct ewb_scan_bound *b)
{
	b->n = ewb_base64_decode(b->data, sizeof b->data, text, n);
	return b->n > sizeof b->data ? -1 : 0;
}

/* name and excl_name: one of them, or none. */
static const char *
bound(struct json_object *range, const char *name, const char *excl,
      struct ewb_scan_bound *b)
{
	struct json_object *in, *out, *v;
	int included = json_object_object_get_ex(range, name, &in);
	int excluded = json_object_object_get_ex(range, excl, &out);

	if (included && excluded)
		return "range: a bound is both inclusive and exclusive";
	if (!included && !excluded)
		return NULL;
	v = included ? in : out;
	if (!json_object_is_type(v, json_type_string) ||
	    decode(json_object_get_string(v),
	           (size_t)json_object_get_string_len(v), b))
		return "range: a bound is not base64 of 256 bytes at most";
	b->there = 1;
	b->excluded = excluded != 0;
	return NULL;
}

static const char *
parse_range(struct ewb_scan_request *r, struct json_object *o)
{
	struct json_object *range;
	const char *wrong;

	if (!json_object_object_get_ex(o, "range", &range))
		return NULL;
	if (!json_object_is_type(range, json_type_object))
		return "range: not an object";
	wrong = bound(range, "start", "excl_start", &r->start);
	return wrong ? wrong : bound(range, "end", "excl_end", &r->end);
}

/* Full unsigned 64 bits. */
static int
number(struct json_object *o, const char *name, uint64_t *n)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, name, &v))
		return 0;
	if (!json_object_is_type(v, json_type_int))
		return -1;
	errno = 0;
	*n = json_object_get_uint64(v);
	return errno || json_object_get_string(v)[0] == '-' ? -1 : 0;
}

static const char *
parse_sampling(struct ewb_scan_request *r, struct json_object *o)
{
	struct json_object *s;

	if (!json_object_object_get_ex(o, "sampling", &s))
		return NULL;
	if (!json_object_is_type(s, json_type_object))
		return "sampling: not an object";
	r->sampling = 1;
	if (number(s, "samples", &r->samples) || r->samples == 0)
		return "sampling: samples is not a number of 1 or more";
	if (number(s, "seed", &r->seed))
		return "sampling: seed is not a number from 0 to 2^64 - 1";
	return NULL;
}

/* A number, or a text of one: not every reader of JSON has 64 bits. */
static int
uuid(struct json_object *o, uint64_t *n)
{
	const char *text;
	char *end;

	if (!json_object_is_type(o, json_type_string))
		return -1;
	text = json_object_get_string(o);
	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return errno || *end ? -1 : 0;
}

static const char *
parse_requirements(struct ewb_scan_request *r, struct json_object *o)
{
	struct json_object *s, *v;
	uint64_t ms = 0;

	if (!json_object_object_get_ex(o, "snapshot_requirements", &s))
		return NULL;
	if (!json_object_is_type(s, json_type_object))
		return "snapshot_requirements: not an object";
	r->requires = 1;
	if (!json_object_object_get_ex(s, "vb_uuid", &v) ||
	    (uuid(v, &r->uuid) && number(s, "vb_uuid", &r->uuid)))
		return "snapshot_requirements: vb_uuid is not a number, or text "
		       "of one";
	if (!json_object_object_get_ex(s, "seqno", &v) ||
	    number(s, "seqno", &r->seqno))
		return "snapshot_requirements: seqno is not a number from 0 to "
		       "2^64 - 1";
	if (number(s, "timeout_ms", &ms) || ms > UINT32_MAX)
		return "snapshot_requirements: timeout_ms is not a number from 0 "
		       "to 2^32 - 1";
	r->timeout_ms = (uint32_t)ms;
	if (!json_object_object_get_ex(s, "seqno_exists", &v))
		return NULL;
	if (!json_object_is_type(v, json_type_boolean))
		return "snapshot_requirements: seqno_exists is neither true nor "
		       "false";
	r->seqno_exists = json_object_get_boolean(v);
	return NULL;
}

static int
truth(struct json_object *o, const char *name, int *is)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, name, &v))
		return 0;
	if (!json_object_is_type(v, json_type_boolean))
		return -1;
	*is = json_object_get_boolean(v);
	return 0;
}

/* A token, and the last key that came. */
static const char *
parse_resume(struct ewb_scan_request *r, struct json_object *o)
{
	struct json_object *v;

	if (truth(o, "resumable", &r->resumable))
		return "resumable: neither true nor false";
	if (!json_object_object_get_ex(o, "resume", &v))
		return json_object_object_get_ex(o, "after", &v) ?
		               "after: there is no resume beside it" :
		               NULL;
	if (!json_object_is_type(v, json_type_string) ||
	    ewb_base64_decode(r->token, sizeof r->token,
	                      json_object_get_string(v),
	                      (size_t)json_object_get_string_len(v)) !=
	            sizeof r->token)
		return "resume: not base64 of a token's 24 bytes";
	if (json_object_object_get_ex(o, "snapshot_requirements", NULL))
		return "resume: it has its snapshot: snapshot_requirements are "
		       "for another";
	r->resumes = 1;
	if (!json_object_object_get_ex(o, "after", &v))
		return NULL;
	if (!json_object_is_type(v, json_type_string) ||
	    decode(json_object_get_string(v),
	           (size_t)json_object_get_string_len(v), &r->after))
		return "after: not base64 of 256 bytes at most";
	r->after.there = r->after.excluded = 1;
	return NULL;
}

/* Hexadecimal, of 32 bits. */
static int
collection(struct json_object *v, uint32_t *id)
{
	const char *text;
	size_t n;

	if (!json_object_is_type(v, json_type_string))
		return -1;
	text = json_object_get_string(v);
	n = strspn(text, "0123456789abcdefABCDEF");
	if (n == 0 || n > 8 || text[n])
		return -1;
	*id = (uint32_t)strtoul(text, NULL, 16);
	return 0;
}

static const char *
parse_rest(struct ewb_scan_request *r, struct json_object *o)
{
	struct json_object *v;

	if (truth(o, "key_only", &r->keys_only))
		return "key_only: neither true nor false";
	if (truth(o, "descending", &r->descending))
		return "descending: neither true nor false";
	if (json_object_object_get_ex(o, "collection", &v) &&
	    collection(v, &r->collection))
		return "collection: not a hexadecimal number of 32 bits";
	return parse_requirements(r, o);
}

int
ewb_scan_bound_order(const struct ewb_scan_bound *a,
                     const struct ewb_scan_bound *b)
{
	int order = memcmp(a->data, b->data, a->n < b->n ? a->n : b->n);

	return order ? order : (a->n > b->n) - (a->n < b->n);
}

void
ewb_scan_bound_narrow(struct ewb_scan_bound *b, const struct ewb_scan_bound *to,
                      int order)
{
	int by = b->there ? ewb_scan_bound_order(to, b) * order : 1;

	if (by > 0 || (by == 0 && to->excluded))
		*b = *to;
}

static int
is_empty(const struct ewb_scan_bound *a, const struct ewb_scan_bound *z)
{
	int order;

	if (!a->there || !z->there)
		return 0;
	order = ewb_scan_bound_order(a, z);
	return order > 0 || (order == 0 && (a->excluded || z->excluded));
}

int
ewb_scan_empty(const struct ewb_scan_request *r)
{
	if (is_empty(&r->start, &r->end))
		return 1;
	return r->descending ? is_empty(&r->start, &r->after) :
	                       is_empty(&r->after, &r->end);
}

static enum ewb_status
parse(struct ewb_scan_request *r, struct json_object *o, const char **why)
{
	if (!json_object_is_type(o, json_type_object)) {
		*why = "the value is not a JSON object";
		return EWB_INVALID;
	}
	*why = parse_range(r, o);
	if (*why == NULL)
		*why = parse_sampling(r, o);
	if (*why == NULL)
		*why = parse_resume(r, o);
	if (*why)
		return EWB_INVALID;
	*why = parse_rest(r, o);
	if (*why)
		return EWB_INVALID;
	return ewb_scan_empty(r) ? EWB_NOT_FOUND : EWB_OK;
}

/* At most so many, of whatever is in its strings, too. */
static size_t
parts(const char *text, size_t n)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += text[i] == '{' || text[i] == '[' || text[i] == ',' ||
		       text[i] == ':';
	return all;
}

enum ewb_status
ewb_scan_parse(struct ewb_scan_request *r, const void *json, size_t n,
               const char **why)
{
	struct json_tokener *t;
	const char *text = json;
	struct json_object *o;
	enum ewb_status status;

	memset(r, 0, sizeof *r);
	*why = NULL;
	if (n > LONGEST) {
		*why = "the value is longer than 16 KiB";
		return EWB_INVALID;
	}
	if (parts(text, n) > PARTS) {
		*why = "the value has more parts than a scan can need";
		return EWB_INVALID;
	}
	t = json_tokener_new_ex(DEPTH);
	if (t == NULL)
		return EWB_NO_MEMORY;
	while (n && memchr(" \t\r\n", text[n - 1], 4))
		n--; /* the tokener would call it garbage */
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(t, text, (int)n);
	if (json_tokener_get_error(t) != json_tokener_success ||
	    json_tokener_get_parse_end(t) != n) {
		*why = "the value is not JSON";
		status = EWB_INVALID;
	} else {
		status = parse(r, o, why);
	}
	json_object_put(o);
	json_tokener_free(t);
	return status;
}
