/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that an engine answers by a callback of its own. */
#include "config.h"

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/meta.h"
#include "cookie/own.h"
#include "lib/hot.h"

/* What the engine did not say it can do is refused by name. */
static const char *
cannot(const struct ewb_cookie *c)
{
	const struct ewb_engine *e = &c->instance->engine;
	const struct ewb_request *r = &c->request;

	if (r->expect == EWB_EXPECT_CAS && !(e->can & EWB_CAN_CAS))
		return "this engine has no cas";
	if (r->expiry && !(e->can & EWB_CAN_EXPIRE))
		return "this engine has no expiry";
	if (r->flags && !(e->can & EWB_CAN_FLAGS))
		return "this engine has no flags";
	return NULL;
}

static int
able(struct ewb_cookie *c)
{
	const char *what = cannot(c);

	if (what)
		ewb_reply_context(c, what);
	return what == NULL;
}

/* What the level where it enters, and so all below, is not to be asked. */
EWB_HOT static enum ewb_status
refuse(struct ewb_cookie *c)
{
	const struct ewb_engine *e = &c->instance->engine;

	if (e->max_key && c->request.nkey > e->max_key)
		return EWB_TOO_BIG;
	if (!c->command->mutates || c->request.nkey == 0)
		return EWB_OK;
	if (!able(c))
		return EWB_NOT_SUPPORTED;
	if (e->max_value && c->request.nvalue > e->max_value)
		return EWB_TOO_BIG;
	return EWB_OK;
}

static enum ewb_status
call_count(struct ewb_cookie *c)
{
	const struct ewb_count n = {
		.size = sizeof n,
		.down = c->op == EWB_OP_DECR,
		.create = (c->frame.is & EWB_IS_CREATE) != 0,
		.delta = c->frame.delta,
		.initial = c->frame.initial,
	};
	enum ewb_status status = c->instance->engine.count(
		c->instance->self, c, &c->request, &n);

	if (status != EWB_OK || c->reply.has_number)
		return status;
	ewb_slip(c, "count() answered without ewb_reply_number()");
	return EWB_INTERNAL;
}

EWB_HOT enum ewb_status
ewb_instance_call(struct ewb_cookie *c)
{
	const struct ewb_engine *e = &c->instance->engine;
	void *self = c->instance->self;

	switch (c->op) {
	case EWB_OP_GET:
	case EWB_OP_GETMETA: return e->get(self, c, &c->request);
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE: return e->store(self, c, &c->request);
	case EWB_OP_DELETE: return e->remove(self, c, &c->request);
	case EWB_OP_FLUSH:
		return e->flush ? e->flush(self, c) : EWB_NOT_SUPPORTED;
	case EWB_OP_STATS: return e->stats ? e->stats(self, c) : EWB_OK;
	case EWB_OP_OWN: return ewb_own_call(c);
	case EWB_OP_APPEND: return e->append(self, c, &c->request);
	case EWB_OP_PREPEND: return e->prepend(self, c, &c->request);
	case EWB_OP_INCR:
	case EWB_OP_DECR: return call_count(c);
	case EWB_OP_TOUCH: return e->touch(self, c, &c->request);
	case EWB_OP_GAT: return e->get_and_touch(self, c, &c->request);
	default: return EWB_UNKNOWN_COMMAND;
	}
}

static enum ewb_status
call_on_pool(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	enum ewb_status status;

	(void)arg;
	if (ewb_cancelled(t->ticket))
		return EWB_TEMPORARY; /* nobody waits: not done at all */
	status = ewb_instance_call(c);
	if (ewb_next_asked(c, status)) {
		t->rerun = 1;
		return EWB_OK;
	}
	if (status != EWB_WOULDBLOCK)
		return status;
	/* it may wait, so why would it; no task of ours waits for anything */
	ewb_slip(c, "a blocking engine said would block");
	return EWB_INTERNAL;
}

/* On the front end or on the pool, as the engine's model says. */
EWB_HOT static enum ewb_status
run_here(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->instance->engine.model == EWB_NONBLOCKING)
		return ewb_instance_call(c);
	if (c->instance->below && ewb_next_step(c) == EWB_WOULDBLOCK)
		return EWB_WOULDBLOCK;
	return ewb_task_offload(c, c->command->mutates ? EWB_WRITER : EWB_READER,
	                        call_on_pool, NULL);
}

/* To that level, which is this one or below.  What prefetch() has left at one that
 * is passed over is for no other. */
static void
descend(struct ewb_cookie *c, struct ewb_instance *to) EWB_ON_FRONT
{
	for (const struct ewb_instance *i = c->instance; i != to; i = i->below)
		if (i->engine.prefetch)
			c->request.hint[0] = c->request.hint[1] = 0;
	ewb_cookie_enter(c, to);
}

/* At the level that has a callback for it. */
EWB_HOT static enum ewb_status
run_engine(struct ewb_cookie *c)
{
	enum ewb_status status = refuse(c);

	ewb_now_on_front(c->dispatch->thread);
	if (status != EWB_OK)
		return status;
	if (c->instance->below)
		descend(c, ewb_instance_for(c->instance, c->op));
	return run_here(c);
}

/* It is not as if the item had been asked for. */
static enum ewb_status
run_get_meta(struct ewb_cookie *c)
{
	c->request.use = EWB_USE_UNSEEN;
	return run_engine(c);
}

enum ewb_status
ewb_own_run(struct ewb_cookie *c)
{
	const struct ewb_engine *e = &c->instance->engine;

	ewb_now_on_front(c->dispatch->thread);
	if ((e->max_key && c->request.nkey > e->max_key) ||
	    (e->max_value && c->request.nvalue > e->max_value))
		return EWB_TOO_BIG;
	descend(c, ewb_own_level(c, c->instance));
	return run_here(c);
}

/* Without cas, a store could come between the get and the store of a command
 * made out of both: so it takes its turn on the key. */
EWB_HOT static enum ewb_status
run_mutation(struct ewb_cookie *c)
{
	enum ewb_status status = EWB_OK;

	ewb_now_on_front(c->dispatch->thread);
	if (!(c->instance->engine.can & EWB_CAN_CAS) && c->parent == NULL &&
	    c->key_state == EWB_KEY_NONE)
		status = ewb_cookie_take_key(c);
	return status == EWB_OK ? run_engine(c) : status;
}

enum ewb_status
ewb_override_run(struct ewb_cookie *c, struct ewb_instance *i)
{
	enum ewb_status status = refuse(c);

	/* without cas, what is made of get and store counts on its turn */
	if (status == EWB_OK && !(c->instance->engine.can & EWB_CAN_CAS) &&
	    c->key_state == EWB_KEY_NONE)
		status = ewb_cookie_take_key(c);
	if (status != EWB_OK)
		return status;
	c->compose.number = 0;
	descend(c, i);
	return run_here(c);
}

static enum ewb_status
run_unsupported(struct ewb_cookie *c)
{
	ewb_reply_context(c, "this server has no such commands");
	return EWB_NOT_SUPPORTED;
}

void
ewb_commands_basic(struct ewb_core *core)
{
	static const struct {
		enum ewb_op op;
		struct ewb_command command;
	} table[] = {
		{ EWB_OP_GET, { .run = run_engine, .keyed = 1 } },
		{ EWB_OP_SET, { .run = run_mutation, .keyed = 1 } },
		{ EWB_OP_ADD, { .run = run_mutation, .keyed = 1 } },
		{ EWB_OP_REPLACE, { .run = run_mutation, .keyed = 1 } },
		{ EWB_OP_DELETE, { .run = run_mutation, .keyed = 1 } },
		{ EWB_OP_APPEND, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_PREPEND, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_INCR, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_DECR, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_TOUCH, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_GAT, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_META_GET,
		  { .run = ewb_meta_get_run, .keyed = 1, .reviews = 1 } },
		{ EWB_OP_META_GAT, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_META_SET, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_META_DELETE, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_META_COUNT, { .run = ewb_compose_run, .keyed = 1 } },
		{ EWB_OP_META_DEBUG,
		  { .run = ewb_meta_get_run, .keyed = 1, .reviews = 1 } },
		{ EWB_OP_GETMETA, { .run = run_get_meta, .keyed = 1 } },
		{ EWB_OP_FLUSH, { .run = run_engine, .barrier = EWB_BARRIER } },
		{ EWB_OP_STATS, { .run = run_engine, .barrier = EWB_BARRIER_IN_ORDER } },
	};

	for (unsigned op = 0; op < EWB_NOPS; op++) {
		core->commands[op].run = run_unsupported;
		core->inner[op] = (struct ewb_command){
			.run = run_engine,
			.mutates = (uint8_t)ewb_op_mutates((enum ewb_op)op),
		};
	}
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		core->commands[table[i].op] = table[i].command;
		core->commands[table[i].op].mutates =
			(uint8_t)ewb_op_mutates(table[i].op);
	}
}
