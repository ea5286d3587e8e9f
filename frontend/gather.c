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

	EWB_MUST0(pthread_mutex_destroy(&g->lock));
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

static void
answer(struct ewb_letter *l)
{
	struct ewb_question *q = (struct ewb_question *)l;
	struct ewb_gather *g = q->gather;
	struct ewb_ticket ticket = g->ticket;
	unsigned left;

	ewb_now_on_front(q->front->d.thread);
	EWB_MUST0(pthread_mutex_lock(&g->lock));
	g->fn(g, q->front);
	left = --g->waiting;
	EWB_MUST0(pthread_mutex_unlock(&g->lock));
	if (left == 0)
		ewb_notify(ticket, EWB_OK); /* g is its cookie's again */
}

static void
ask(struct ewb_server *s, struct ewb_gather *g)
{
	struct ewb_question *q;
	unsigned n = 0;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < s->nfronts; i++)
		n += s->fronts[i] && !s->fronts[i]->stopped;
	g->waiting = n;
	for (unsigned i = 0; i < s->nfronts; i++) {
		if (s->fronts[i] == NULL || s->fronts[i]->stopped)
			continue;
		q = &g->ask[i];
		q->letter.deliver = answer;
		q->gather = g;
		q->front = s->fronts[i];
		ewb_inbox_post(&s->fronts[i]->d.inbox, &q->letter);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

enum ewb_status
ewb_gather_begin(struct ewb_cookie *c, ewb_gather_fn *fn)
{
	struct ewb_front *f = c->dispatch->owner;
	struct ewb_gather *g = calloc(1, sizeof *g);

	if (g == NULL)
		return EWB_NO_MEMORY;
	EWB_MUST0(pthread_mutex_init(&g->lock, NULL));
	g->fn = fn;
	ewb_cookie_set_state(c, g, free_gather);
	g->ticket = ewb_cookie_block_for(c, NULL, 0);
	if (g->ticket.word == 0)
		return EWB_BUSY;
	ask(f->server, g);
	return EWB_WOULDBLOCK;
}
