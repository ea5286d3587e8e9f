/* SPDX-License-Identifier: BSD-2-Clause */
/* stats collections: which there are, and what was asked for in them; and how
 * many documents are in each, which takes a pass over all keys. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "cookie/reply.h"
#include "lib/check.h"
#include "scan/count.h"
#include "scan/scan.h"

typedef unsigned long long ull;

static const struct ewb_collections *
collections_of(const struct ewb_core *core)
{
	return core->collections ? core->collections : &ewb_collections_none;
}

static void
add_head(struct ewb_cookie *c, const struct ewb_collections *all)
{
	ewb_reply_stat(c, "collections", "%zu", all->n);
	ewb_reply_stat(c, "collections_uid", "%llx", (ull)all->uid);
}

static const char *
name_of(char name[24], const struct ewb_collection *in)
{
	snprintf(name, 24, "collection:%x", in->id);
	return name;
}

/* Of what all front ends have counted. */
static void
sum(struct ewb_collection_use *into, const struct ewb_core *core, size_t i)
{
	const struct ewb_collection_use *u = core->uses + i;

	for (unsigned row = 0; row < EWB_USE_ROWS; row++) {
		into->gets += atomic_load(&u->gets);
		into->stores += atomic_load(&u->stores);
		into->deletes += atomic_load(&u->deletes);
		into->scans += atomic_load(&u->scans);
		u += ewb_core_nuses(core);
	}
}

static void
add(struct ewb_cookie *c, void *arg, int asked)
{
	const struct ewb_core *core = ((struct ewb_scans *)arg)->core;
	const struct ewb_collections *all = collections_of(core);
	char name[24];

	if (!asked)
		return;
	add_head(c, all);
	for (size_t i = 0; i < all->n; i++) {
		const struct ewb_collection *in = &all->at[i];
		struct ewb_collection_use u = { 0 };

		name_of(name, in);
		if (core->uses)
			sum(&u, core, i);
		if (core->uses == NULL)
			ewb_reply_stat(c, name, "name=%s.%s", in->scope, in->name);
		else
			ewb_reply_stat(c, name,
			               "name=%s.%s get=%llu store=%llu "
			               "delete=%llu scans=%llu",
			               in->scope, in->name, (ull)u.gets,
			               (ull)u.stores, (ull)u.deletes,
			               (ull)u.scans);
	}
}

static void
reset(void *arg)
{
	const struct ewb_core *core = ((struct ewb_scans *)arg)->core;

	size_t n = core->uses ? EWB_USE_ROWS * ewb_core_nuses(core) : 0;

	for (size_t i = 0; i < n; i++) {
		struct ewb_collection_use *u = &core->uses[i];

		/* those who add to them do so in one step */
		atomic_store(&u->gets, 0);
		atomic_store(&u->stores, 0);
		atomic_store(&u->deletes, 0);
		atomic_store(&u->scans, 0);
	}
}

/* Documents. */

/* The command is over: its task does not run any more, or has not begun. */
static void
over(void *p)
{
	struct ewb_count_keys *k = p;

	EWB_MUST(!k->open);
	atomic_fetch_sub(&k->instance->cursors, 1);
	ewb_count_free(k);
}

static enum ewb_status
count(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ewb_count_keys *k = arg;
	const struct ewb_collections *all = k->collections;
	enum ewb_status status = EWB_OK;
	char name[24];

	while (status == EWB_OK && k->range.vbucket < c->dispatch->core->vbuckets &&
	       !ewb_cancelled(t->ticket)) {
		status = ewb_count_run(k);
		k->range.vbucket += status == EWB_OK;
	}
	if (ewb_cancelled(t->ticket) || (status && status != EWB_WOULDBLOCK)) {
		ewb_count_stop(k);
		return status && status != EWB_WOULDBLOCK ? status : EWB_TEMPORARY;
	}
	if (status == EWB_WOULDBLOCK) {
		ewb_task_again(t);
		return EWB_WOULDBLOCK;
	}
	add_head(c, all);
	for (size_t i = 0; i < all->n; i++)
		ewb_reply_stat(c, name_of(name, &all->at[i]),
		               "name=%s.%s items=%llu", all->at[i].scope,
		               all->at[i].name, (ull)k->counts[i]);
	return EWB_OK;
}

static enum ewb_status
run_items(struct ewb_cookie *c, void *arg)
{
	struct ewb_scans *s = arg;
	struct ewb_instance *i = ewb_instance_scanner(c->instance);
	struct ewb_count_keys *k;

	ewb_now_on_front(c->dispatch->thread);
	if (i == NULL) {
		ewb_reply_context(c, "this engine cannot scan");
		return EWB_NOT_SUPPORTED;
	}
	k = ewb_count_new(i, s->core);
	if (k == NULL)
		return EWB_NO_MEMORY;
	atomic_fetch_add(&i->cursors, 1);
	ewb_cookie_set_state(c, k, over);
	ewb_cookie_set_deadline(c, 0); /* there may be many */
	return ewb_task_offload(c, EWB_AUX, count, k);
}

void
ewb_scan_collections(struct ewb_scans *s)
{
	ewb_core_add_stats(s->core,
	                   (struct ewb_stat_group){ .name = "collections",
	                                            .add = add,
	                                            .reset = reset,
	                                            .arg = s });
	ewb_core_add_stats(s->core,
	                   (struct ewb_stat_group){ .name = "collections items",
	                                            .run = run_items,
	                                            .arg = s });
}
