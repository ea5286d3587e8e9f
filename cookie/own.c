/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/own.h"
#include "lib/check.h"

/* The n-th of an engine's, whose struct may be shorter than ours: -1: there is
 * none. */
static int
take(const struct ewb_engine *e, unsigned n, struct ewb_own *o)
{
	size_t size = e->own_size;

	memset(o, 0, sizeof *o);
	if (e->own == NULL)
		return -1;
	memcpy(o, (const char *)e->own + n * size,
	       size < sizeof *o ? size : sizeof *o);
	return o->name ? 0 : -1;
}

/* An older engine's struct ends before it. */
static int
has_table(const struct ewb_engine *e)
{
	return e->size >= offsetof(struct ewb_engine, own) + sizeof e->own &&
	       e->own;
}

static const char *
taken_by(const struct ewb_core *core, const struct ewb_own *o)
{
	const struct ewb_own_rule *r;

	for (unsigned i = 0; i < core->own_rules.n; i++) {
		r = &core->own_rules.at[i];
		if (core->own[i].instance == NULL)
			continue;
		if (strcmp(r->name, o->name) == 0 ||
		    (o->opcode && r->opcode == o->opcode))
			return core->own[i].instance->host.name;
	}
	return NULL;
}

static int
is_one_line(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return 0;
	return 1;
}

/* What is wrong with one of them, by itself. */
static const char *
wrong(const struct ewb_own *o)
{
	if (!ewb_own_name_ok(o->name))
		return "a name is 1 to 31 of a-z, 0-9, _ and -";
	if (o->run == NULL)
		return "it has no .run";
	if (!is_one_line(o->help))
		return "its .help is not one line";
	if (o->is & ~(uint32_t)EWB_OWN_ALL)
		return "its .is has bits that are none of EWB_OWN_...";
	if ((o->is & EWB_OWN_KEYED) && (o->is & EWB_OWN_BARRIER))
		return "it is keyed, or a barrier, not both";
	if (!(o->is & EWB_OWN_NO_TEXT) && ewb_text_is_verb(o->name))
		return "that is a command of the text protocol";
	if (o->opcode && ewb_bin_is_opcode(o->opcode))
		return "its opcode is one of the binary protocol, or above "
		       "0xff";
	if (o->opcode == 0 && (o->is & EWB_OWN_NO_TEXT))
		return "it is in neither protocol: it needs an .opcode";
	return NULL;
}

/* Of the same engine, before the n-th. */
static int
twice(const struct ewb_engine *e, unsigned n, const struct ewb_own *o)
{
	struct ewb_own other;

	for (unsigned i = 0; i < n; i++)
		if (take(e, i, &other) == 0 &&
		    (strcmp(other.name, o->name) == 0 ||
		     (o->opcode && other.opcode == o->opcode)))
			return 1;
	return 0;
}

static unsigned
used(const struct ewb_core *core)
{
	unsigned n = 0;

	for (unsigned i = 0; i < core->own_rules.n; i++)
		n += core->own[i].instance != NULL;
	return n;
}

static const char *
fault_of(const struct ewb_core *core, const struct ewb_engine *e, unsigned n,
         const struct ewb_own *o, char *buf, size_t nbuf)
{
	const char *what = wrong(o), *by = what ? NULL : taken_by(core, o);

	if (by) {
		snprintf(buf, nbuf,
		         "its command %s: %s has one of that name, or "
		         "opcode 0x%02x",
		         o->name, by, o->opcode);
		return buf;
	}
	if (what == NULL && twice(e, n, o))
		what = "its name or its opcode is there twice";
	if (what == NULL && used(core) + n >= EWB_OWN_MAX)
		what = "there are 64 such commands";
	if (what == NULL)
		return NULL;
	snprintf(buf, nbuf, "its command %.40s: %s", o->name, what);
	return buf;
}

const char *
ewb_own_fault(const struct ewb_core *core, const struct ewb_engine *e,
              char *buf, size_t n)
{
	struct ewb_own o;
	const char *what;

	if (!has_table(e))
		return NULL;
	if (e->own_size < offsetof(struct ewb_own, run) + sizeof o.run)
		return "its struct ewb_own is cut short: use EWB_ENGINE()";
	for (unsigned i = 0; take(e, i, &o) == 0; i++) {
		what = fault_of(core, e, i, &o, buf, n);
		if (what)
			return what;
	}
	return NULL;
}

static void
fill(struct ewb_own_slot *s, struct ewb_own_rule *r, struct ewb_instance *i,
     const struct ewb_own *o)
{
	snprintf(s->name, sizeof s->name, "%s", o->name);
	snprintf(s->help, sizeof s->help, "%s", o->help ? o->help : "");
	s->what = *o;
	s->what.name = s->name;
	s->what.help = s->help;
	s->instance = i;
	s->command = (struct ewb_command){
		.run = ewb_own_run,
		.arg = s,
		.keyed = (o->is & EWB_OWN_KEYED) != 0,
		.barrier = o->is & EWB_OWN_BARRIER ? EWB_BARRIER : EWB_NO_BARRIER,
		.mutates = (o->is & EWB_OWN_MUTATES) != 0,
		.streams = (o->is & EWB_OWN_STREAMS) != 0,
		.terminal_error = (o->is & EWB_OWN_TERMINAL_ERROR) != 0,
	};
	*r = (struct ewb_own_rule){
		.opcode = o->opcode,
		.text = !(o->is & EWB_OWN_NO_TEXT),
		.key = (o->is & (EWB_OWN_KEYED | EWB_OWN_KEY)) != 0,
		.value = (o->is & EWB_OWN_VALUE) != 0,
	};
	memcpy(r->name, s->name, sizeof r->name);
}

/* One that another engine has left, or one more: there is one, see fault_of(). */
static unsigned
free_slot(struct ewb_core *core)
{
	for (unsigned i = 0; i < core->own_rules.n; i++)
		if (core->own[i].instance == NULL)
			return i;
	return core->own_rules.n++;
}

int
ewb_own_add(struct ewb_core *core, struct ewb_instance *i)
{
	struct ewb_own_rule *rules = (struct ewb_own_rule *)core->own_rules.at;
	struct ewb_own o;
	unsigned at;

	if (!i->engine.own)
		return 0;
	if (core->own == NULL) {
		core->own = calloc(EWB_OWN_MAX, sizeof *core->own);
		rules = calloc(EWB_OWN_MAX, sizeof *rules);
		core->own_rules.at = rules;
	}
	if (core->own == NULL || rules == NULL)
		return -1;
	for (unsigned n = 0; take(&i->engine, n, &o) == 0; n++) {
		at = free_slot(core);
		fill(&core->own[at], &rules[at], i, &o);
	}
	return 0;
}

void
ewb_own_drop(struct ewb_core *core, const struct ewb_instance *i)
{
	struct ewb_own_rule *rules = (struct ewb_own_rule *)core->own_rules.at;

	for (unsigned n = 0; n < core->own_rules.n; n++) {
		if (core->own[n].instance != i)
			continue;
		core->own[n].instance = NULL;
		rules[n].name[0] = '\0';
	}
	while (core->own_rules.n &&
	       core->own[core->own_rules.n - 1].instance == NULL)
		core->own_rules.n--;
}

void
ewb_own_fini(struct ewb_core *core)
{
	free(core->own);
	free((void *)core->own_rules.at);
}

const struct ewb_own_slot *
ewb_own_of(const struct ewb_cookie *c)
{
	return c->command->arg;
}

void
ewb_own_begin(struct ewb_cookie *c, const struct ewb_frame *f)
{
	EWB_MUST(f->own < c->dispatch->core->own_rules.n);
	c->command = &c->dispatch->core->own[f->own].command;
}

struct ewb_instance *
ewb_own_level(const struct ewb_cookie *c, struct ewb_instance *i)
{
	struct ewb_instance *owner = ewb_own_of(c)->instance;

	while (i != owner && i->engine.other == NULL)
		i = i->below;
	return i;
}

enum ewb_status
ewb_own_call(struct ewb_cookie *c)
{
	const struct ewb_own_slot *s = ewb_own_of(c);
	struct ewb_instance *i = c->instance;

	if (i == s->instance)
		return s->what.run(i->self, c, &c->request);
	return i->engine.other(i->self, c, &c->request, &s->what);
}
