/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>

#include "cookie/reply.h"
#include "lib/check.h"
#include "scan/scan.h"

typedef unsigned long long ull;

const char *
ewb_scan_cause_name(enum ewb_scan_cause c)
{
	static const char *const names[] = {
#define EWB_CAUSE(name, help) #name,
#include "scan/causes.def"
#undef EWB_CAUSE
	};

	return names[c];
}

static const char *
state_name(enum ewb_scan_state s)
{
	static const char *const names[] = { "opening", "idle", "continuing",
		                             "ended" };

	return names[s];
}

static void
add_one(struct ewb_cookie *c, const struct ewb_scan *scan, uint64_t now)
{
	char name[40] = "scan:", vbuckets[24];
	unsigned first = scan->want.first, past = scan->want.past;

	if (past == 0)
		first = scan->vbucket;
	if (past <= first + 1)
		snprintf(vbuckets, sizeof vbuckets, "%u", first);
	else
		snprintf(vbuckets, sizeof vbuckets, "%u-%u", first, past - 1);

	for (unsigned i = 0; i < sizeof scan->id; i++)
		snprintf(name + 5 + 2 * i, sizeof name - 5 - 2 * i, "%02x",
		         scan->id[i]);
	ewb_reply_stat(c, name,
	               "connection=%s vbucket=%s state=%s age_ms=%llu "
	               "continues=%llu items=%llu bytes=%llu resumable=%s",
	               scan->tie ? scan->owner : "none", vbuckets,
	               state_name(scan->state),
	               (ull)((now - scan->born_at) / 1000),
	               (ull)atomic_load(&scan->continues),
	               (ull)atomic_load(&scan->items),
	               (ull)atomic_load(&scan->bytes),
	               scan->resumable ? "yes" : "no");
}

/* Those that outlive, or have outlived, their connection. */
static void
add_resumable(struct ewb_cookie *c, struct ewb_scans *s)
{
	unsigned resumable = 0, detached = 0;

	for (const struct ewb_scan *scan = s->first; scan; scan = scan->next) {
		resumable += scan->resumable != 0;
		detached += scan->tie == NULL;
	}
	ewb_reply_stat(c, "scans_resumable", "%u", resumable);
	ewb_reply_stat(c, "scans_detached", "%u", detached);
	ewb_reply_stat(c, "scans_resumed", "%llu", (ull)s->resumed);
	ewb_reply_stat(c, "scans_resumed_anew", "%llu", (ull)s->resumed_anew);
}

static void
add_sum(struct ewb_cookie *c, struct ewb_scans *s)
{
	char name[40];

	ewb_reply_stat(c, "scans_open", "%u", s->nopen);
	ewb_reply_stat(c, "scans_max", "%u", s->o.max_scans);
	ewb_reply_stat(c, "scans_created", "%llu", (ull)s->created);
	ewb_reply_stat(c, "scans_refused", "%llu", (ull)s->refused);
	add_resumable(c, s);
	for (unsigned i = 0; i < EWB_NCAUSES; i++) {
		snprintf(name, sizeof name, "scans_%s",
		         ewb_scan_cause_name((enum ewb_scan_cause)i));
		ewb_reply_stat(c, name, "%llu", (ull)s->ended[i]);
	}
	ewb_reply_stat(c, "scans_continues", "%llu",
	               (ull)atomic_load(&s->continues));
	ewb_reply_stat(c, "scans_items", "%llu", (ull)atomic_load(&s->items));
	ewb_reply_stat(c, "scans_bytes", "%llu", (ull)atomic_load(&s->bytes));
}

void
ewb_scan_reset(void *arg)
{
	struct ewb_scans *s = arg;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	s->created = s->refused = 0;
	s->resumed = s->resumed_anew = 0;
	for (unsigned i = 0; i < EWB_NCAUSES; i++)
		s->ended[i] = 0;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	/* those who add to them do so in one step */
	atomic_store(&s->continues, 0);
	atomic_store(&s->items, 0);
	atomic_store(&s->bytes, 0);
}

void
ewb_scan_stats(struct ewb_cookie *c, void *arg, int all)
{
	struct ewb_scans *s = arg;
	uint64_t now = ewb_clock_us(&s->core->clock);

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	add_sum(c, s);
	for (struct ewb_scan *scan = s->first; all && scan; scan = scan->next)
		add_one(c, scan, now);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}
