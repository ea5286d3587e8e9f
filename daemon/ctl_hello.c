/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stddef.h>

#include "daemon/ctl_hello.h"
#include "daemon/ctl_say.h"
#include "protocol/binary.h"
#include "protocol/status.h"

#define OP_HELLO 0x1f

static const struct {
	unsigned bit;
	uint16_t number;
	const char *name;
} features[] = {
	{ EWB_CTL_COLLECTIONS, 0x12, "collections" },
	{ EWB_CTL_RESUME, 0xeb01, "scans that can be resumed" },
};
#define NFEATURES (sizeof(features) / sizeof(features[0]))

static unsigned
accepted(const struct ewb_ctl_reply *r)
{
	unsigned has = 0;
	size_t i, at;

	if (r->status != EWB_WIRE_OK)
		return 0; /* one that has never heard of it has none */
	for (at = 0; at + 2 <= r->nvalue; at += 2)
		for (i = 0; i < NFEATURES; i++)
			if (ewb_be16(r->value + at) == features[i].number)
				has |= features[i].bit;
	return has;
}

int
ewb_ctl_hello(struct ewb_ctl_conn *c, unsigned must, unsigned may,
              unsigned *has)
{
	uint8_t want[2 * NFEATURES];
	struct ewb_ctl_request q = { .opcode = OP_HELLO,
		                     .key = "ewbctl " PACKAGE_VERSION,
		                     .nkey = sizeof("ewbctl " PACKAGE_VERSION) -
		                             1,
		                     .value = want };
	struct ewb_ctl_reply r;
	size_t i;

	for (i = 0; i < NFEATURES; i++)
		if ((must | may) & features[i].bit) {
			ewb_put16(want + q.nvalue, features[i].number);
			q.nvalue += 2;
		}
	if (ewb_ctl_conn_ask(c, &q, &r))
		return -1;
	*has = accepted(&r);
	for (i = 0; i < NFEATURES; i++)
		if (must & features[i].bit & ~*has)
			return ewb_ctl_say("%s: the server has no %s", c->name,
			                   features[i].name);
	return 0;
}
