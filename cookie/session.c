/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/dispatch.h"
#include "lib/check.h"

void
ewb_hook_add(struct ewb_session *s, struct ewb_hook *h)
{
	EWB_MUST(h->at == NULL);
	h->next = s->hooks;
	if (h->next)
		h->next->at = &h->next;
	h->at = &s->hooks;
	s->hooks = h;
}

void
ewb_hook_drop(struct ewb_hook *h)
{
	if (h->at == NULL)
		return;
	*h->at = h->next;
	if (h->next)
		h->next->at = h->at;
	h->at = NULL;
}

void
ewb_session_end(struct ewb_session *s)
{
	struct ewb_hook *h;

	while ((h = s->hooks) != NULL) {
		ewb_hook_drop(h);
		h->fn(h);
	}
}
