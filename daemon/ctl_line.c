/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctl_escape.h"
#include "daemon/ctl_line.h"

static int
text(struct ewb_ctl_buf *b, const char *s)
{
	return ewb_ctl_buf_add(b, s, strlen(s));
}

/* "name":"…", or "name64":"…" for what is no text. */
static int
json_bytes(struct ewb_ctl_buf *b, const char *name, const void *data, size_t n)
{
	int err = text(b, "\"") || text(b, name);

	if (err)
		return err;
	if (ewb_ctl_is_utf8(data, n))
		return text(b, "\":") || ewb_ctl_json_string(b, data, n);
	return text(b, "64\":\"") || ewb_ctl_base64(b, data, n) ||
	       text(b, "\"");
}

int
ewb_ctl_line_json(struct ewb_ctl_buf *b, const struct ewb_bin_record *r,
                  bool keys_only)
{
	char numbers[80];

	snprintf(numbers, sizeof(numbers),
	         ",\"flags\":%" PRIu32 ",\"cas\":%" PRIu64, r->flags, r->cas);
	if (text(b, "{") || json_bytes(b, "key", r->key, r->nkey))
		return -1;
	if (!keys_only &&
	    (text(b, ",") || json_bytes(b, "value", r->value, r->nvalue) ||
	     text(b, numbers)))
		return -1;
	return text(b, "}\n");
}

/* ,"name":number unless it is 0 */
static int
json_number(struct ewb_ctl_buf *b, const char *name, uint32_t n)
{
	char s[48];

	snprintf(s, sizeof(s), ",\"%s\":%" PRIu32, name, n);
	return n ? text(b, s) : 0;
}

int
ewb_ctl_line_export(struct ewb_ctl_buf *b, const struct ewb_bin_record *r,
                    const char *collection)
{
	return text(b, "{") || json_bytes(b, "key", r->key, r->nkey) ||
	       text(b, ",") || json_bytes(b, "value", r->value, r->nvalue) ||
	       json_number(b, "flags", r->flags) ||
	       json_number(b, "expiry", r->expiry) ||
	       json_number(b, "datatype", r->datatype) ||
	       (collection &&
	        (text(b, ",\"collection\":") ||
	         ewb_ctl_json_string(b, collection, strlen(collection)))) ||
	       text(b, "}\n");
}

int
ewb_ctl_line_plain(struct ewb_ctl_buf *b, const struct ewb_bin_record *r,
                   bool keys_only)
{
	if (ewb_ctl_escape(b, r->key, r->nkey))
		return -1;
	if (!keys_only &&
	    (text(b, "\t") || ewb_ctl_escape(b, r->value, r->nvalue)))
		return -1;
	return text(b, "\n");
}
