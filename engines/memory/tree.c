/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "tree.h"

#define SMALL (MEM_FANOUT / 4)      /* looks for a neighbour to merge with */
#define MERGED (MEM_FANOUT * 3 / 4) /* the most that a merge makes */
#define SLACK 24u                   /* empty places that are not kept */

/* What a change will need, by level: got before anything is touched. */
struct plan {
	unsigned depth;
	struct mem_node *left[MEM_DEPTH];  /* replaces the node, or its half */
	struct mem_node *right[MEM_DEPTH]; /* the other half */
	unsigned mid[MEM_DEPTH];
	struct mem_obj *sep; /* between the halves of a leaf */
	struct mem_node *root;
};

bool
mem_tree_seek(const struct mem_tree *t, struct mem_path *p, const void *key,
              size_t nkey)
{
	struct mem_node *nd = t->root;
	bool exact = false;
	unsigned i;

	p->depth = t->depth;
	for (i = 0; i + 1 < t->depth; i++) {
		p->step[i].node = nd;
		p->step[i].at = mem_node_route(nd, key, nkey);
		nd = mem_node_kids(nd)[p->step[i].at];
	}
	if (nd) {
		p->step[i].node = nd;
		p->step[i].at = mem_node_search(nd, key, nkey, &exact);
	}
	return exact;
}

void
mem_tree_stray(const struct mem_tree *t, struct mem_path *p, uint64_t random)
{
	struct mem_node *nd = t->root;
	unsigned i;

	p->depth = t->depth;
	for (i = 0; i < t->depth; i++) {
		p->step[i].node = nd;
		p->step[i].at = (unsigned)(random % nd->n);
		random /= nd->n;
		if (i + 1 < t->depth)
			nd = mem_node_kids(nd)[p->step[i].at];
	}
}

/* Where the key is, or would be; null: the tree is empty. */
static const struct mem_node *
leaf_of(const struct mem_tree *t, const void *key, size_t nkey)
{
	const struct mem_node *nd = t->root;
	unsigned i;

	for (i = 0; i + 1 < t->depth; i++)
		nd = mem_node_kids(nd)[mem_node_route(nd, key, nkey)];
	return nd;
}

struct mem_item *
mem_tree_find(const struct mem_tree *t, const void *key, size_t nkey)
{
	const struct mem_node *nd = leaf_of(t, key, nkey);

	return nd ? (struct mem_item *)mem_node_find(nd, key, nkey) : NULL;
}

struct mem_obj **
mem_tree_guess(const struct mem_tree *t, const void *key, size_t nkey)
{
	const struct mem_node *nd = leaf_of(t, key, nkey);

	return nd ? mem_node_guess(nd, key, nkey) : NULL;
}

bool
mem_path_next_leaf(struct mem_path *p)
{
	unsigned i = p->depth - 1;

	do {
		if (i-- == 0)
			return false;
	} while (p->step[i].at + 1 >= p->step[i].node->n);
	p->step[i].at++;
	for (; i + 1 < p->depth; i++) {
		p->step[i + 1].node =
			mem_node_kids(p->step[i].node)[p->step[i].at];
		p->step[i + 1].at = 0;
	}
	return true;
}

/* Level i was led elsewhere: below, to the end of what is there. */
static void
descend_to_end(struct mem_path *p, unsigned i)
{
	for (; i + 1 < p->depth; i++) {
		struct mem_node *kid =
			mem_node_kids(p->step[i].node)[p->step[i].at];

		p->step[i + 1].node = kid;
		p->step[i + 1].at = i + 2 < p->depth ? kid->n - 1u : kid->n;
	}
}

bool
mem_path_previous_leaf(struct mem_path *p)
{
	unsigned i = p->depth - 1;

	do {
		if (i-- == 0)
			return false;
	} while (p->step[i].at == 0);
	p->step[i].at--;
	descend_to_end(p, i);
	return true;
}

void
mem_tree_end(const struct mem_tree *t, struct mem_path *p)
{
	p->depth = t->depth;
	if (p->depth == 0)
		return;
	p->step[0].node = t->root;
	p->step[0].at = p->depth > 1 ? t->root->n - 1u : t->root->n;
	descend_to_end(p, 0);
}

void
mem_change_retire(struct mem_change *ch, struct mem_obj *o)
{
	mem_obj_push(o->born <= ch->frozen ? &ch->dead : &ch->gone, o);
}

static struct mem_node *
make(struct mem_change *ch, enum mem_kind kind, unsigned n)
{
	struct mem_node *nd = mem_node_new(kind, mem_node_cap(n), ch->seqno);

	if (nd)
		ch->grown += mem_node_bytes(nd);
	return nd;
}

static void
plan_drop(struct plan *pl)
{
	unsigned i;

	for (i = 0; i < pl->depth; i++) {
		free(pl->left[i]);
		free(pl->right[i]);
	}
	free(pl->sep);
	free(pl->root);
}

/* The shortest that is above the last of the left half and not above the
 * first of the right one. */
static struct mem_obj *
make_sep(struct mem_change *ch, const struct mem_node *leaf, unsigned mid)
{
	const struct mem_obj *l = mem_node_slots(leaf)[mid - 1], *r = mem_node_slots(leaf)[mid];
	struct mem_obj *sep = mem_sep_new(mem_obj_key(r),
	                                  mem_key_common(l, r) + 1, ch->seqno);

	if (sep)
		ch->grown += mem_obj_bytes(sep);
	return sep;
}

/* Keys that come in order fill their leaves; others halve them. */
static unsigned
where_to_split(const struct mem_node *nd, unsigned insert_at)
{
	return insert_at == nd->n ? nd->n - 1u : nd->n / 2u;
}

/* One level: more is whether it gets another entry.  1: so does its parent;
 * 0: it doesn't; -1: no memory. */
static int
plan_level(struct plan *pl, const struct mem_path *p, unsigned i,
           struct mem_change *ch, unsigned more)
{
	const struct mem_node *nd = p->step[i].node;
	bool inner = mem_node_inner(nd);
	unsigned want = nd->n + more, mid;

	if (want <= MEM_FANOUT) {
		if (nd->obj.born > ch->frozen && want <= nd->cap &&
		    nd->cap < want + SLACK)
			return 0;
		pl->left[i] = make(ch, nd->obj.kind, want);
		return pl->left[i] ? 0 : -1;
	}
	mid = where_to_split(nd, p->step[i].at + inner);
	pl->mid[i] = mid;
	pl->left[i] = make(ch, nd->obj.kind, mid + 1);
	pl->right[i] = make(ch, nd->obj.kind, nd->n - mid + 1);
	if (!inner)
		pl->sep = make_sep(ch, nd, mid);
	if (!pl->left[i] || !pl->right[i] || (!inner && !pl->sep))
		return -1;
	return 1;
}

/* more: whether the leaf gets another entry.  -1: no memory. */
static int
plan(struct plan *pl, const struct mem_path *p, struct mem_change *ch,
     unsigned more)
{
	size_t grown = ch->grown;
	int up = (int)more;
	unsigned i;

	pl->depth = p->depth;
	pl->sep = NULL;
	pl->root = NULL;
	for (i = 0; i < p->depth; i++)
		pl->left[i] = pl->right[i] = NULL;
	for (i = p->depth; i-- > 0 && up >= 0;)
		up = plan_level(pl, p, i, ch, (unsigned)up);
	if (up > 0) {
		pl->root =
			p->depth < MEM_DEPTH
				? make(ch, p->depth ? MEM_INNER : MEM_LEAF, 2)
				: NULL;
		if (!pl->root)
			up = -1;
	}
	if (up < 0) {
		plan_drop(pl);
		ch->grown = grown;
		return -1;
	}
	return 0;
}

/* An entry on its way up. */
struct carry {
	struct mem_obj *slot; /* null: nothing to insert */
	struct mem_node *kid;
};

/* Parts nd into left and right, with the child at "at" replaced by kid (if
 * there is one) and the carried entry inserted; carries the right half. */
static void
split(struct plan *pl, unsigned i, const struct mem_node *nd, unsigned at,
      struct mem_node *kid, struct carry *c)
{
	struct mem_node *left = pl->left[i], *right = pl->right[i];
	bool inner = mem_node_inner(nd);
	unsigned mid = pl->mid[i], into = at + inner;
	struct mem_obj *sep = inner ? mem_node_slots(nd)[mid] : pl->sep;
	bool to_right = into > mid;

	mem_node_append(left, nd, 0, mid);
	mem_node_append(right, nd, mid, nd->n);
	if (inner) {
		mem_node_slots(right)[0] = NULL;
		if (at < mid)
			mem_node_kids(left)[at] = kid;
		else
			mem_node_kids(right)[at - mid] = kid;
	} else if (into == mid) {
		to_right = mem_key_order(mem_obj_key(c->slot), c->slot->nkey,
		                         sep) >= 0;
	}
	mem_node_tune(left);
	mem_node_tune(right);
	if (to_right)
		mem_node_insert(right, into - mid, c->slot, c->kid);
	else
		mem_node_insert(left, into, c->slot, c->kid);
	c->slot = sep;
	c->kid = right;
}

static void
grow_root(struct mem_tree *t, struct plan *pl, struct carry *c)
{
	struct mem_node *root = pl->root;

	if (t->depth) {
		mem_node_slots(root)[0] = NULL;
		mem_node_kids(root)[0] = t->root;
		root->n = 1;
	}
	mem_node_insert(root, root->n, c->slot, c->kid);
	t->root = root;
	t->depth++;
}

/* Carries out the plan.  The path leads to the nodes that replaced the
 * old ones, except where one was split. */
static void
apply(struct mem_tree *t, struct mem_path *p, struct plan *pl,
      struct mem_change *ch, struct carry c)
{
	struct mem_node *kid = NULL; /* replaces the child */
	unsigned i;

	for (i = p->depth; i-- > 0;) {
		struct mem_node *nd = p->step[i].node, *now = nd;
		unsigned at = p->step[i].at;

		if (pl->right[i]) {
			if (!kid && mem_node_inner(nd))
				kid = mem_node_kids(nd)[at];
			split(pl, i, nd, at, kid, &c);
			now = pl->left[i];
		} else {
			if (pl->left[i]) {
				now = pl->left[i];
				mem_node_copy(now, nd);
			}
			if (kid)
				mem_node_kids(now)[at] = kid;
			if (c.slot)
				mem_node_insert(now, at + mem_node_inner(nd),
				                c.slot, c.kid);
			c.slot = NULL;
		}
		kid = now == nd ? NULL : now;
		p->step[i].node = now;
		if (kid)
			mem_change_retire(ch, &nd->obj);
	}
	if (kid)
		t->root = kid;
	if (c.slot)
		grow_root(t, pl, &c);
}

void
mem_tree_replace(struct mem_obj **slot, struct mem_change *ch,
                 struct mem_item *it)
{
	it->obj.born = ch->seqno;
	mem_change_retire(ch, *slot);
	*slot = &it->obj;
}

int
mem_tree_put(struct mem_tree *t, struct mem_path *p, bool exact,
             struct mem_change *ch, struct mem_item *it)
{
	struct carry c = { .slot = exact ? NULL : &it->obj };
	struct plan pl;
	struct mem_obj **slot;

	if (plan(&pl, p, ch, !exact))
		return -1;
	it->obj.born = ch->seqno;
	apply(t, p, &pl, ch, c);
	if (exact) {
		slot = mem_node_slots(p->step[p->depth - 1].node) +
		       p->step[p->depth - 1].at;
		mem_tree_replace(slot, ch, it);
	}
	return 0;
}

/* Makes one node of children i and i + 1, if they are small together and
 * there is memory. */
static bool
merge(struct mem_node *parent, unsigned i, struct mem_change *ch)
{
	struct mem_node *a, *b, *both;
	struct mem_obj *sep;

	if (i + 1 >= parent->n)
		return false;
	a = mem_node_kids(parent)[i];
	b = mem_node_kids(parent)[i + 1];
	if (a->n + b->n > MERGED)
		return false;
	both = make(ch, a->obj.kind, a->n + b->n);
	if (!both)
		return false;
	sep = mem_node_remove(parent, i + 1);
	mem_node_kids(parent)[i] = both;
	mem_node_append(both, a, 0, a->n);
	mem_node_append(both, b, 0, b->n);
	if (mem_node_inner(a))
		mem_node_slots(both)[a->n] = sep;
	else
		mem_change_retire(ch, sep);
	mem_node_tune(both);
	mem_change_retire(ch, &a->obj);
	mem_change_retire(ch, &b->obj);
	return true;
}

/* The node at level i, which may be changed, has lost an entry.  True: so
 * has its parent. */
static bool
shrink(struct mem_path *p, unsigned i, struct mem_change *ch)
{
	struct mem_node *nd = p->step[i].node, *parent = p->step[i - 1].node;
	unsigned at = p->step[i - 1].at;
	struct mem_obj *sep;

	if (nd->n == 0) {
		mem_change_retire(ch, &nd->obj);
		sep = mem_node_remove(parent, at);
		if (sep)
			mem_change_retire(ch, sep);
		return true;
	}
	return nd->n <= SMALL &&
	       (merge(parent, at, ch) || (at > 0 && merge(parent, at - 1, ch)));
}

static void
lower_root(struct mem_tree *t, struct mem_change *ch)
{
	while (t->root && t->root->n <= (mem_node_inner(t->root) ? 1 : 0)) {
		struct mem_node *root = t->root;

		t->root = root->n ? mem_node_kids(root)[0] : NULL;
		t->depth = root->n ? t->depth - 1 : 0;
		mem_change_retire(ch, &root->obj);
	}
}

int
mem_tree_remove(struct mem_tree *t, struct mem_path *p, struct mem_change *ch)
{
	struct plan pl;
	unsigned i = p->depth - 1;

	if (plan(&pl, p, ch, 0))
		return -1;
	apply(t, p, &pl, ch, (struct carry){ 0 });
	mem_change_retire(ch, mem_node_remove(p->step[i].node, p->step[i].at));
	while (i > 0 && shrink(p, i, ch))
		i--;
	lower_root(t, ch);
	return 0;
}
