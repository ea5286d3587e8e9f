/* SPDX-License-Identifier: BSD-2-Clause */
/* The groups of `stats` that are more than a list of numbers. */
#ifndef FRONTEND_STATS_H
#define FRONTEND_STATS_H

#include "frontend/front.h"
#include "lib/hist.h"

/* front: each is a command's run. */

/* blocked.c */
enum ewb_status ewb_stats_cookies(struct ewb_cookie *c) EWB_ON_FRONT;
/* conns.c */
enum ewb_status ewb_stats_conns(struct ewb_cookie *c) EWB_ON_FRONT;
/* latency.c */
enum ewb_status ewb_stats_latency(struct ewb_cookie *c) EWB_ON_FRONT;
/* settings.c */
enum ewb_status ewb_stats_settings(struct ewb_cookie *c) EWB_ON_FRONT;
/* reset.c */
enum ewb_status ewb_stats_reset(struct ewb_cookie *c) EWB_ON_FRONT;

/* What several of them need; stats.c. */

struct ewb_server *ewb_stats_server(const struct ewb_cookie *c);
/* front: asks the engine for that group, by a child.  EWB_WOULDBLOCK: return
 * that; EWB_OK: c->child has the reply. */
enum ewb_status ewb_stats_ask_engine(struct ewb_cookie *c, const void *group,
                                     size_t ngroup) EWB_ON_FRONT;
/* Names PREFIX_count, and PREFIX_us_p50, _p99 and _max: of microseconds, or of
 * nanoseconds. */
void ewb_stats_hist_us(struct ewb_cookie *c, const char *prefix,
                       const struct ewb_hist *h);
void ewb_stats_hist_ns(struct ewb_cookie *c, const char *prefix,
                       const struct ewb_hist *h);

#endif
