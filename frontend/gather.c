/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/gather.h"
#include "lib/check.h"

static void
free_gather(void *p)
{
	struct ewb_gather *g = p;

	free(g->text);
	free(g->sum);
	free(g);
}

void
ewb_gather_add(void *arg, const char *name, const char *text)
{
	struct ewb_gather *g = arg;
	size_t n = strlen(name) + strlen(text) + 2;
	char *bigger;

	if (g->len + n > g->cap) {
		bigger = realloc(g->text, g->cap * 2 + n);
		if (bigger == NULL)
			return;
		g->text = bigger;
		g->cap = g->cap * 2 + n;
	}
	strcpy(g->text + g->len, name);
	strcpy(g->text + g->len + strlen(name) + 1, text);
	g->len += n;
}

/* Passes it on to the next front end.  0: there is none. */
static int
pass_on(struct ewb_gather *g)
{
	struct ewb_server *s = g->server;
	struct ewb_front *f = NULL;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	while (f == NULL && g->next < s->nfronts) {
		f = s->fronts[g->next++];
		if (f && f->stopped)
			f = NULL;
	}
	/* under the lock: so that it does not stop before this is there */
	if (f) {
		g->at = f;
		ewb_inbox_post(&f->d.inbox, &g->letter);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return f != NULL;
}

static void
answer(struct ewb_letter *l)
{
	struct ewb_gather *g = (struct ewb_gather *)l;
	struct ewb_ticket ticket = g->ticket;

	ewb_now_on_front(g->at->d.thread);
	g->fn(g, g->at);
	if (!pass_on(g))
		ewb_notify(ticket, EWB_OK); /* g is its cookie's again */
}

enum ewb_status
ewb_gather_begin(struct ewb_cookie *c, ewb_gather_fn *fn)
{
	struct ewb_front *f = c->dispatch->owner;
	struct ewb_gather *g = calloc(1, sizeof *g);

	if (g == NULL)
		return EWB_NO_MEMORY;
	g->letter.deliver = answer;
	g->fn = fn;
	g->server = f->server;
	ewb_cookie_set_state(c, g, free_gather);
	g->ticket = ewb_cookie_block_for(c, NULL, 0);
	if (g->ticket.word == 0)
		return EWB_BUSY;
	EWB_MUST(pass_on(g)); /* there is this one */
	return EWB_WOULDBLOCK;
}
