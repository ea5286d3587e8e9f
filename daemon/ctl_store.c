/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl.h"
#include "daemon/ctl_store.h"
#include "protocol/status.h"

#define OP_SETQ 0x11
#define FENCE_EVERY 512 /* records */
#define UNSENT_MAX (256 * 1024)
#define SHOWN 10 /* refusals told one by one */

#define ITEM_MAX (64u << 20) /* when the server does not say */
/* A byte of a key or value is six in a line, as \u0000, and something beside. */
#define LINE_MAX_OF(item) (6 * (size_t)(item) + 4096)

static void
take_setting(void *arg, const char *name, size_t nname, const char *value,
             size_t nvalue)
{
	uint64_t *item_max = arg;
	char number[24] = "";

	if (nname != 13 || memcmp(name, "item_size_max", 13))
		return;
	memcpy(number, value, nvalue < sizeof(number) ? nvalue : 0);
	*item_max = strtoull(number, NULL, 10);
}

int
ewb_ctl_store_open(struct ewb_ctl_store *s, const char *command,
                   const struct ewb_ctl_addr *where, const char *file,
                   const char *collection, unsigned may)
{
	uint64_t item_max = 0;

	*s = (struct ewb_ctl_store){ .command = command, .conn = { .fd = -1 } };
	if (ewb_ctl_lines_open(&s->in, file) ||
	    ewb_ctl_conn_open(&s->conn, where) ||
	    ewb_ctl_keyspace_open(&s->space, &s->conn, collection, may) ||
	    ewb_ctl_stats(&s->conn, command, "settings", take_setting,
	                  &item_max))
		return -1;
	if (!item_max || item_max > SIZE_MAX / 8)
		item_max = ITEM_MAX;
	s->in.max = LINE_MAX_OF(item_max);
	ewb_ctl_progress_init(&s->bar, NULL);
	s->bar.total = s->in.size;
	return 0;
}

void
ewb_ctl_store_close(struct ewb_ctl_store *s)
{
	ewb_ctl_conn_close(&s->conn);
	ewb_ctl_lines_close(&s->in);
}

/* The server refused a line; only its low 32 bits are in the reply. */
static void
refused(struct ewb_ctl_store *s, const struct ewb_ctl_reply *r)
{
	uint64_t line = s->in.n - (uint32_t)(s->in.n - r->opaque);
	char why[EWB_CTL_WHY_MAX];

	if (s->nrefused++ < SHOWN)
		ewb_ctl_say("%s:%" PRIu64 ": %s", s->in.name, line,
		            ewb_ctl_reply_why(r, why));
}

static int
take_reply(struct ewb_ctl_store *s, const struct ewb_ctl_reply *r)
{
	if (r->opcode == OP_SETQ) {
		refused(s, r);
		return 0;
	}
	if (r->opcode != EWB_CTL_OP_NOOP || !s->nfences)
		return ewb_ctl_say("%s: the server answered what nobody asked",
		                   s->command);
	/* Replies are in order: what was refused so far came before it. */
	s->nstored = s->fence[0] - s->nrefused;
	s->bar.nrecords = s->nstored;
	memmove(s->fence, s->fence + 1, --s->nfences * sizeof(s->fence[0]));
	return 0;
}

static int
absorb(struct ewb_ctl_store *s)
{
	struct ewb_ctl_reply r;
	int n;

	while ((n = ewb_ctl_conn_next(&s->conn, &r)) > 0)
		if (take_reply(s, &r))
			return -1;
	return n;
}

/* Until no more fences and bytes than these are on their way. */
static int
settle(struct ewb_ctl_store *s, unsigned nfences, size_t nbytes)
{
	for (;;) {
		if (absorb(s))
			return -1;
		if (s->nfences <= nfences &&
		    ewb_ctl_conn_unsent(&s->conn) <= nbytes)
			return 0;
		ewb_ctl_progress_draw(&s->bar);
		if (ewb_ctl_conn_turn(&s->conn))
			return -1;
	}
}

static int
put_fence(struct ewb_ctl_store *s)
{
	struct ewb_ctl_request q = { .opcode = EWB_CTL_OP_NOOP };

	s->fence[s->nfences++] = s->nsent;
	s->bar.done = s->in.nbytes;
	ewb_ctl_progress_draw(&s->bar); /* also where the server never lags */
	if (ewb_ctl_conn_send(&s->conn, &q))
		return -1;
	return ewb_ctl_conn_poll(&s->conn);
}

int
ewb_ctl_store_put(struct ewb_ctl_store *s, const struct ewb_bin_record *r)
{
	uint8_t extras[8];
	struct ewb_ctl_request q = {
		.opcode = OP_SETQ,
		.datatype = r->datatype,
		.opaque = (uint32_t)s->in.n,
		.extras = extras,
		.nextras = sizeof(extras),
		.key = r->key,
		.nkey = r->nkey,
		.value = r->value,
		.nvalue = r->nvalue,
	};

	ewb_ctl_keyspace_place(&s->space, &q);
	ewb_put32(extras, r->flags);
	ewb_put32(extras + 4, r->expiry);
	s->lost = ewb_ctl_conn_send(&s->conn, &q);
	s->bar.nbytes += r->nkey + r->nvalue;
	if (!s->lost && ++s->nsent % FENCE_EVERY == 0)
		s->lost = put_fence(s);
	if (!s->lost)
		s->lost = settle(s, EWB_CTL_FENCES, UNSENT_MAX);
	return s->lost ? -1 : 0;
}

static int
summary(const struct ewb_ctl_store *s)
{
	char text[EWB_CTL_SUMMARY_MAX], more[64] = "";

	if (s->nskipped)
		snprintf(more, sizeof(more),
		         "; %" PRIu64 " had expired and were left out",
		         s->nskipped);
	ewb_ctl_progress_summary(&s->bar, text);
	if (printf("%s%s\n", text, more) < 0 || fflush(stdout))
		return ewb_ctl_say("standard output: %s",
		                   ewb_ctl_strerror(errno));
	return 0;
}

int
ewb_ctl_store_drain(struct ewb_ctl_store *s)
{
	s->lost = s->lost || put_fence(s) || settle(s, 0, 0);
	return s->lost ? -1 : 0;
}

int
ewb_ctl_store_end(struct ewb_ctl_store *s, int err)
{
	ewb_ctl_store_drain(s); /* in any case */
	ewb_ctl_progress_fini(&s->bar);
	if (err || s->lost)
		err = ewb_ctl_say("%s: stopped at line %" PRIu64 "; %" PRIu64
		                  " records are known to be stored",
		                  s->command, s->in.n, s->nstored);
	else if (s->nrefused)
		err = ewb_ctl_say("%s: the server refused %" PRIu64
		                  " of %" PRIu64 " records",
		                  s->command, s->nrefused, s->nsent);
	else
		err = summary(s);
	return err ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}
