/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "t/cookie_parent.h"

static struct parent parents[PLAY_FRONTS];
static const char *const keys[PLAY_FRONTS][3] = {
	{ "own", "get", "set" }, { "own 1", "get 1", "set 1" }
};

static struct parent *
parent_of(const struct ewb_cookie *c)
{
	return &parents[c->dispatch - play.d];
}

static void
destroy(void *p)
{
	((struct parent *)p)->destroys++;
}

static enum ewb_status
block(struct ewb_cookie *c)
{
	struct parent *p = parent_of(c);

	p->tickets[p->ntickets++] = ewb_cookie_block(c, p->own);
	return EWB_WOULDBLOCK;
}

static enum ewb_status
run_child(struct ewb_cookie *c, enum ewb_op op, const char *key) EWB_ON_FRONT
{
	struct ewb_cookie *child = ewb_child_take(c, op);

	SCRIPT_MUST(child != NULL);
	child->request.key = key;
	child->request.nkey = strlen(key);
	child->request.value = "new";
	child->request.nvalue = op == EWB_OP_SET ? 3 : 0;
	return ewb_child_run(child);
}

static void
drop_child(struct ewb_cookie *c) EWB_ON_FRONT
{
	memcpy(parent_of(c)->seen, ewb_reply_data(&c->child->reply),
	       c->child->reply.len);
	ewb_cookie_release(c->child);
	c->child = NULL;
}

/* note: how many waits have begun. */
static enum ewb_status
run_parent(struct ewb_cookie *c)
{
	const char *const *key = keys[c->dispatch - play.d];
	struct parent *p = parent_of(c);
	enum ewb_status status = EWB_OK;

	ewb_now_on_front(c->dispatch->thread);
	p->resumed[p->runs++] = ewb_cookie_resumed(c);
	if (c->note == 0)
		ewb_cookie_set_state(c, p, destroy);
	for (;;) {
		if (c->child) {
			status = c->child->status;
			drop_child(c);
			if (status != EWB_OK)
				return status;
		}
		switch (c->note++) {
		case 0: return block(c);
		case 1: status = run_child(c, EWB_OP_GET, key[1]); break;
		case 2: return block(c);
		case 3: status = run_child(c, EWB_OP_SET, key[2]); break;
		default: return EWB_OK;
		}
		if (status == EWB_WOULDBLOCK)
			return status;
	}
}

struct parent *
parent_begin(unsigned front)
{
	struct parent *p = &parents[front];

	memset(p, 0, sizeof *p);
	play.core.commands[PARENT_OP] =
		(struct ewb_command){ .run = run_parent, .mutates = 1 };
	p->own = script_for(keys[front][0]);
	p->get = script_for(keys[front][1]);
	p->set = script_for(keys[front][2]);
	p->get->block_for = p->set->block_for = 1;
	script_put(keys[front][1], "old");
	p->k = play_call(front, PARENT_OP, NULL, NULL);
	return p;
}

unsigned
parent_blocks(const struct parent *p)
{
	return p->ntickets + p->get->ntickets + p->set->ntickets;
}

struct script *
parent_waits_for(struct parent *p, unsigned wait)
{
	return wait == 1 ? p->get : wait == 3 ? p->set : p->own;
}

struct ewb_ticket
parent_ticket(struct parent *p, unsigned wait)
{
	struct script *s = parent_waits_for(p, wait);

	return s == p->own ? p->tickets[wait / 2] : s->ticket;
}

void
parent_notify(struct parent *p)
{
	SCRIPT_MUST(ewb_notify(parent_ticket(p, p->notified++), EWB_OK) ==
	            EWB_OK);
}
