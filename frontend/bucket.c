/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "frontend/admit.h"
#include "frontend/bucket.h"
#include "protocol/binary.h"
#include "protocol/error_map.h"
#include "protocol/status.h"

#define NO_BUCKET "@no bucket@"
#define JSON 1u /* the datatype */

static struct ewb_server *
server_of(const struct ewb_cookie *c)
{
	return ((struct ewb_front *)c->dispatch->owner)->server;
}

static const struct ewb_collections *
collections_of(const struct ewb_cookie *c)
{
	const struct ewb_collections *all = c->dispatch->core->collections;

	return all ? all : &ewb_collections_none;
}

static enum ewb_status
refuse(struct ewb_cookie *c, uint32_t status, const char *why)
{
	ewb_reply_context(c, why);
	return (enum ewb_status)status;
}

static enum ewb_status
say_json(struct ewb_cookie *c, const char *text, size_t n)
{
	c->reply.datatype = JSON;
	return ewb_reply_value(c, text, n);
}

static enum ewb_status
run_error_map(struct ewb_cookie *c)
{
	char text[EWB_ERROR_MAP_MAX];
	unsigned version = ewb_be16(c->request.value);

	ewb_now_on_front(c->dispatch->thread);
	if (version == 0)
		return refuse(c, EWB_WIRE_INVALID, "there is no version 0");
	return say_json(c, text, ewb_error_map(text, version));
}

static int
is(const struct ewb_request *r, const char *name)
{
	return r->nkey == strlen(name) && memcmp(r->key, name, r->nkey) == 0;
}

static enum ewb_status
run_select_bucket(struct ewb_cookie *c)
{
	ewb_now_on_front(c->dispatch->thread);
	if (is(&c->request, NO_BUCKET))
		c->session->checks |= EWB_CHECK_NO_BUCKET;
	else if (is(&c->request, server_of(c)->bucket))
		c->session->checks &= ~EWB_CHECK_NO_BUCKET;
	else
		return refuse(c, EWB_WIRE_NO_ACCESS, "no such bucket");
	return EWB_OK;
}

/* That its client is connected to; of a Unix socket's, the first. */
static unsigned
port_of(const struct ewb_conn *n) EWB_ON_FRONT
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t len = sizeof a;
	int known = getsockname(n->fd, &a.any, &len) == 0;

	if (known && a.any.sa_family == AF_INET)
		return ntohs(a.v4.sin_port);
	if (known && a.any.sa_family == AF_INET6)
		return ntohs(a.v6.sin6_port);
	return ewb_server_port(n->front->server);
}

size_t
ewb_bucket_config(const struct ewb_conn *n, char out[EWB_CLUSTER_MAX])
{
	const struct ewb_server *s = n->front->server;
	const struct ewb_cluster cluster = {
		.bucket = s->bucket,
		.port = port_of(n),
		.vbuckets = s->core.vbuckets,
		.revision = s->revision,
		.manifest = s->collections.uid,
	};

	return ewb_cluster_config(out, &cluster);
}

static enum ewb_status
run_config(struct ewb_cookie *c)
{
	char text[EWB_CLUSTER_MAX];

	ewb_now_on_front(c->dispatch->thread);
	if (c->frame.cas)
		return refuse(c, EWB_WIRE_INVALID, "a cas where there is none");
	return say_json(c, text,
	                ewb_bucket_config(ewb_conn_of(c->session), text));
}

static enum ewb_status
run_manifest(struct ewb_cookie *c)
{
	const char *text = collections_of(c)->manifest;

	ewb_now_on_front(c->dispatch->thread);
	return say_json(c, text, strlen(text));
}

static enum ewb_status
run_collection_id(struct ewb_cookie *c)
{
	const struct ewb_collections *all = collections_of(c);
	const struct ewb_collection *found = NULL;
	uint32_t status = ewb_collections_by_path(all, c->request.value,
	                                          c->request.nvalue, &found);

	ewb_now_on_front(c->dispatch->thread);
	if (status == EWB_WIRE_INVALID)
		return refuse(c, status, "not SCOPE.COLLECTION");
	if (status)
		return refuse(c, status, ewb_status_text(status));
	ewb_put64(c->reply.extras, all->uid);
	ewb_put32(c->reply.extras + 8, found->id);
	c->reply.has_extras = 12;
	return EWB_OK;
}

/* The server's. */

static int
read_collections(struct ewb_server *s, char *why, size_t nwhy)
{
	char what[200];

	if (ewb_collections_parse(&s->collections, s->o.collections, what,
	                          sizeof what)) {
		snprintf(why, nwhy, "collections: %s", what);
		return -1;
	}
	s->core.collections = &s->collections;
	if (ewb_core_count_uses(&s->core) == 0)
		return 0;
	snprintf(why, nwhy, "collections: out of memory");
	return -1;
}

int
ewb_bucket_init(struct ewb_server *s, char *why, size_t nwhy)
{
	const char *name = s->o.bucket ? s->o.bucket : "default";

	if (!ewb_bucket_name_ok(name)) {
		snprintf(why, nwhy, "bucket %s: not 1 to 100 of a-z, A-Z, 0-9, "
		                    "and . _ %% -", name);
		return -1;
	}
	snprintf(s->bucket, sizeof s->bucket, "%s", name);
	s->revision = ewb_clock_wall(&s->core.clock);
	if (s->o.collections && read_collections(s, why, nwhy))
		return -1;
	s->o.bucket = s->o.collections = NULL; /* the caller's */
	return 0;
}

void
ewb_bucket_fini(struct ewb_server *s)
{
	free(s->core.uses);
	ewb_collections_fini(&s->collections);
}

void
ewb_bucket_commands(struct ewb_server *s)
{
	static const struct {
		enum ewb_op op;
		struct ewb_command command;
	} table[] = {
		{ EWB_OP_ERROR_MAP, { .run = run_error_map } },
		{ EWB_OP_SELECT_BUCKET,
		  { .run = run_select_bucket, .barrier = EWB_BARRIER, .stops = 1 } },
		{ EWB_OP_CLUSTER_CONFIG, { .run = run_config } },
		{ EWB_OP_MANIFEST, { .run = run_manifest } },
		{ EWB_OP_COLLECTION_ID, { .run = run_collection_id } },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		s->core.commands[table[i].op] = table[i].command;
}
