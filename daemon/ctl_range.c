/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctl_escape.h"
#include "daemon/ctl_range.h"
#include "protocol/binary.h"

int
ewb_ctl_range_prefix(struct ewb_ctl_range *r, const void *prefix, size_t n)
{
	const uint8_t *p = prefix;
	int err;

	if (!n)
		return 0;
	err = ewb_ctl_buf_add(&r->start, p, n);
	r->has_start = true;
	while (n && p[n - 1] == 0xff)
		n--;
	if (err || !n)
		return err; /* nothing comes after ff ff ff… */
	err = ewb_ctl_buf_add(&r->end, p, n);
	if (!err)
		r->end.at[n - 1]++;
	r->has_end = r->end_excluded = true;
	return err;
}

static int
text(struct ewb_ctl_buf *out, const char *s)
{
	return ewb_ctl_buf_add(out, s, strlen(s));
}

static int
bytes(struct ewb_ctl_buf *out, const char *name, const void *data, size_t n)
{
	int err = text(out, name);

	if (!err)
		err = ewb_ctl_base64(out, data, n);
	return err ? err : text(out, "\"");
}

static int
bound(struct ewb_ctl_buf *out, const char *name, const struct ewb_ctl_buf *key)
{
	return bytes(out, name, ewb_ctl_buf_front(key), ewb_ctl_buf_used(key));
}

static int
range(const struct ewb_ctl_range *r, struct ewb_ctl_buf *out)
{
	int err = text(out, "\"range\":{");

	if (!err && r->has_start)
		err = bound(out, "\"start\":\"", &r->start);
	if (!err && r->has_start && r->has_end)
		err = text(out, ",");
	if (!err && r->has_end)
		err = bound(out,
		            r->end_excluded ? "\"excl_end\":\"" : "\"end\":\"",
		            &r->end);
	return err ? err : text(out, "}");
}

static int
sampling(const struct ewb_ctl_range *r, struct ewb_ctl_buf *out)
{
	char s[96];

	snprintf(s, sizeof(s),
	         "\"sampling\":{\"samples\":%" PRIu64 ",\"seed\":%" PRIu64 "}",
	         r->nsamples, r->seed);
	return text(out, s);
}

static int
collection(const struct ewb_ctl_range *r, struct ewb_ctl_buf *out)
{
	char s[40];

	snprintf(s, sizeof(s), "\"collection\":\"%" PRIx32 "\",",
	         r->collection);
	return text(out, r->has_collection ? s : "");
}

static int
place(const void *token, const void *last, size_t nlast, struct ewb_ctl_buf *out)
{
	int err = token ? bytes(out, "\"resume\":\"", token, EWB_BIN_TOKEN) : 0;

	if (!err && token)
		err = text(out, ",");
	if (!err && token && nlast)
		err = bytes(out, "\"after\":\"", last, nlast);
	return err || !token || !nlast ? err : text(out, ",");
}

int
ewb_ctl_range_json(const struct ewb_ctl_range *r, const void *token,
                   const void *last, size_t nlast, struct ewb_ctl_buf *out)
{
	int err = text(out, r->keys_only ? "{\"key_only\":true," : "{");

	if (!err)
		err = text(out, r->descending ? "\"descending\":true," : "");
	if (!err)
		err = text(out, r->resumable ? "\"resumable\":true," : "");
	if (!err)
		err = place(token, last, nlast, out);
	if (!err)
		err = collection(r, out);
	if (!err)
		err = r->nsamples ? sampling(r, out) : range(r, out);
	return err ? err : text(out, "}");
}

void
ewb_ctl_range_fini(struct ewb_ctl_range *r)
{
	ewb_ctl_buf_fini(&r->start);
	ewb_ctl_buf_fini(&r->end);
}
