/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_collection.h"
#include "daemon/ctl_say.h"
#include "protocol/binary.h"
#include "protocol/status.h"

#define OP_MANIFEST 0xba
#define OP_COLLECTION_ID 0xbb
/* statuses */
#define UNKNOWN_COLLECTION 0x88
#define UNKNOWN_SCOPE 0x8c

#define COLLECTIONS_MAX 1000000

int
ewb_ctl_collection_check(const char *text)
{
	const char *dot = strchr(text, '.');

	if (dot && dot > text && dot[1] && !strchr(dot + 1, '.') &&
	    strlen(text) < EWB_CTL_COLLECTION_NAME)
		return 0;
	return ewb_ctl_say("--collection wants SCOPE.NAME, not '%s'", text);
}

static void
set_id(struct ewb_ctl_collection *k, uint32_t id)
{
	k->id = id;
	k->nprefix = 0;
	for (; id > 0x7f; id >>= 7)
		k->prefix[k->nprefix++] = (uint8_t)(id | 0x80);
	k->prefix[k->nprefix++] = (uint8_t)id;
}

int
ewb_ctl_collection_ask(struct ewb_ctl_conn *c, const char *name,
                       struct ewb_ctl_collection *k)
{
	struct ewb_ctl_request q = { .opcode = OP_COLLECTION_ID,
		                     .value = name,
		                     .nvalue = strlen(name) };
	struct ewb_ctl_reply r;
	char why[EWB_CTL_WHY_MAX];

	if (ewb_ctl_conn_ask(c, &q, &r))
		return -1;
	if (r.status == UNKNOWN_COLLECTION ||
	    r.status == UNKNOWN_SCOPE)
		return 1;
	if (r.status != EWB_WIRE_OK)
		return ewb_ctl_say("collection %s: %s", name,
		                   ewb_ctl_reply_why(&r, why));
	if (r.nextras != 12 || strlen(name) >= sizeof(k->name))
		return ewb_ctl_say("collection %s: the server did not say its "
		                   "number", name);
	snprintf(k->name, sizeof(k->name), "%s", name);
	set_id(k, ewb_be32(r.extras + 8));
	return 0;
}

int
ewb_ctl_collection_find(struct ewb_ctl_conn *c, const char *name,
                        struct ewb_ctl_collection *k)
{
	int n = ewb_ctl_collection_ask(c, name, k);

	return n > 0 ? ewb_ctl_say("collection %s: the server has none of that "
	                           "name", name)
	             : n;
}

/* The text that a member of o is; null when it is none. */
static const char *
text_of(struct json_object *o, const char *member)
{
	struct json_object *it = NULL;

	json_object_object_get_ex(o, member, &it);
	return json_object_is_type(it, json_type_string)
	               ? json_object_get_string(it)
	               : NULL;
}

/* The elements of the array that a member of o is; 0 when it is none. */
static size_t
array_of(struct json_object *o, const char *member, struct json_object **array)
{
	*array = NULL;
	json_object_object_get_ex(o, member, array);
	return json_object_is_type(*array, json_type_array)
	               ? json_object_array_length(*array)
	               : 0;
}

/* Adds the collections of a scope: 0, or -1 when that is none, or there is no
 * memory. */
static int
take_scope(struct json_object *scope, struct ewb_ctl_collection **all, size_t *n)
{
	const char *name = text_of(scope, "name"), *own, *uid;
	struct json_object *array, *it;
	size_t more = array_of(scope, "collections", &array), i;
	struct ewb_ctl_collection *at;

	if (!name || more > COLLECTIONS_MAX - *n)
		return -1;
	at = realloc(*all, (*n + more + 1) * sizeof(*at));
	if (!at)
		return -1;
	*all = at;
	for (i = 0; i < more; i++) {
		it = json_object_array_get_idx(array, i);
		own = text_of(it, "name");
		uid = text_of(it, "uid");
		if (!own || !uid ||
		    snprintf(at[*n].name, sizeof(at->name), "%s.%s", name,
		             own) >= (int)sizeof(at->name))
			return -1;
		set_id(&at[(*n)++], (uint32_t)strtoul(uid, NULL, 16));
	}
	return 0;
}

static int
take_manifest(const struct ewb_ctl_reply *r, struct ewb_ctl_collection **all,
              size_t *n)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o, *scopes;
	size_t nscopes, i;
	int err = 0;

	if (!t)
		return -1;
	o = json_tokener_parse_ex(t, (const char *)r->value, (int)r->nvalue);
	nscopes = array_of(o, "scopes", &scopes);
	for (i = 0; i < nscopes && !err; i++)
		err = take_scope(json_object_array_get_idx(scopes, i), all, n);
	json_object_put(o);
	json_tokener_free(t);
	return *n ? err : -1;
}

int
ewb_ctl_collection_all(struct ewb_ctl_conn *c, struct ewb_ctl_collection **all,
                       size_t *n)
{
	struct ewb_ctl_request q = { .opcode = OP_MANIFEST };
	struct ewb_ctl_reply r;
	char why[EWB_CTL_WHY_MAX];

	*all = NULL;
	*n = 0;
	if (ewb_ctl_conn_ask(c, &q, &r))
		return -1;
	if (r.status != EWB_WIRE_OK)
		return ewb_ctl_say("collections: %s",
		                   ewb_ctl_reply_why(&r, why));
	if (take_manifest(&r, all, n))
		return ewb_ctl_say("collections: the server's manifest cannot "
		                   "be read");
	return 0;
}
