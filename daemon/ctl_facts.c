/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/ctl.h"
#include "daemon/ctl_facts.h"
#include "daemon/ctl_say.h"

static void
take(void *arg, const char *name, size_t nname, const char *value,
     size_t nvalue)
{
	struct ewb_ctl_facts *f = arg;
	char number[24] = "";

	memcpy(number, value, nvalue < sizeof(number) ? nvalue : 0);
	if (nname == 8 && !memcmp(name, "vbuckets", 8))
		f->nvbuckets = strtoull(number, NULL, 10);
	if (nname == 10 && !memcmp(name, "curr_items", 10))
		f->curr_items = strtoull(number, NULL, 10);
}

int
ewb_ctl_facts_get(struct ewb_ctl_facts *f, struct ewb_ctl_conn *c,
                  const char *command)
{
	*f = (struct ewb_ctl_facts){ 0 };
	if (ewb_ctl_stats(c, command, NULL, take, f))
		return -1;
	if (f->nvbuckets && f->nvbuckets <= 65536)
		return 0;
	return ewb_ctl_say("%s: %s does not say how many vbuckets it has (is "
	                   "this an ewbd?)",
	                   command, c->name);
}
