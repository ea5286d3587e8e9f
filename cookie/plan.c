/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cookie/instance.h"
#include "cookie/plan.h"
#include "lib/check.h"

static void
free_layer(struct ewb_layer *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free((char *)l->settings[i].name);
		free((char *)l->settings[i].value);
	}
	free(l->settings);
	free(l->what);
	free(l->dir);
	free(l->here);
}

/* As much as this libewb knows of it. */
static int
copy_engine(struct ewb_layer *l, const struct ewb_engine *e)
{
	if (e == NULL)
		return 0;
	l->here = calloc(1, sizeof *e);
	if (l->here == NULL)
		return -1;
	memcpy(l->here, e, e->size < sizeof *e ? e->size : sizeof *e);
	return 0;
}

static int
copy_settings(struct ewb_layer *l, const struct ewb_setting *s, size_t n)
{
	if (n == 0)
		return 0;
	l->settings = calloc(n, sizeof *s);
	if (l->settings == NULL)
		return -1;
	for (; l->n < n; l->n++) {
		struct ewb_setting *to = &l->settings[l->n];

		to->name = strdup(s[l->n].name);
		to->value = to->name ? strdup(s[l->n].value) : NULL;
		if (to->value == NULL) {
			free((char *)to->name);
			return -1;
		}
	}
	return 0;
}

static int
copy_names(struct ewb_layer *l, const char *what, const char *dir)
{
	if (what == NULL)
		return 0;
	/* who it is then may stand elsewhere, as a daemon does */
	l->what = strchr(what, '/') ? realpath(what, NULL) : NULL;
	if (l->what == NULL)
		l->what = strdup(what);
	l->dir = dir ? strdup(dir) : NULL;
	return l->what == NULL || (dir && l->dir == NULL) ? -1 : 0;
}

int
ewb_plan_add(struct ewb_plan *p, const char *what, const char *dir,
             const struct ewb_engine *here, const struct ewb_setting *s,
             size_t n)
{
	struct ewb_layer l = { 0 };
	struct ewb_layer *more;

	more = realloc(p->at, (p->n + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	p->at = more;
	if (copy_names(&l, what, dir) || copy_engine(&l, here) ||
	    copy_settings(&l, s, n)) {
		free_layer(&l);
		return -1;
	}
	p->at[p->n++] = l;
	return 0;
}

void
ewb_plan_pop(struct ewb_plan *p)
{
	EWB_MUST(p->n);
	free_layer(&p->at[--p->n]);
}

void
ewb_plan_fini(struct ewb_plan *p)
{
	while (p->n)
		ewb_plan_pop(p);
	free(p->at);
	p->at = NULL;
}

/* below: null for the engine. */
static struct ewb_instance *
open_layer(const struct ewb_layer *l, struct ewb_core *core,
           struct ewb_instance *below, char *why, size_t nwhy)
{
	if (below == NULL)
		return l->here ? ewb_instance_open(core, l->here, l->settings,
		                                   l->n, why, nwhy) :
		                 ewb_instance_load(core, l->what, l->dir,
		                                   l->settings, l->n, why,
		                                   nwhy);
	return l->here ? ewb_filter_open(core, below, l->here, l->settings,
	                                 l->n, why, nwhy) :
	                 ewb_filter_load(core, below, l->what, l->dir,
	                                 l->settings, l->n, why, nwhy);
}

struct ewb_instance *
ewb_plan_open(const struct ewb_plan *p, struct ewb_core *core, char *why,
              size_t nwhy)
{
	struct ewb_instance *top = NULL, *next;
	char unused[64];

	for (unsigned i = 0; i < p->n; i++) {
		next = open_layer(&p->at[i], core, top, why, nwhy);
		if (next == NULL) {
			/* nobody has used it yet */
			if (top)
				EWB_MUST(ewb_instance_close(top, unused,
				                            sizeof unused) ==
				         EWB_OK);
			return NULL;
		}
		top = next;
	}
	return top;
}

int
ewb_plan_try(const struct ewb_plan *p, const struct ewb_instance *now,
             char *why, size_t nwhy)
{
	/* the outermost first; what stands in for all has none below */
	for (unsigned i = p->n; i-- > 0;) {
		const struct ewb_layer *l = &p->at[i];

		if (l->here == NULL &&
		    ewb_instance_try(now, i ? EWB_KIND_FILTER : EWB_KIND_ENGINE,
		                     l->what, l->dir, l->settings, l->n, why,
		                     nwhy))
			return -1;
		if (now->below)
			now = now->below;
	}
	return 0;
}
