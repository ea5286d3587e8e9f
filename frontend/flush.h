/* SPDX-License-Identifier: BSD-2-Clause */
/* flush_all with a delay: what is stored until then goes too.
 *
 *      flush_all N ──▶ due ──the second comes──▶ running ──▶ (over)
 *                       ▲  ▲                        │
 *                       │  └── temporary failure ───┘
 *                       └── another flush_all takes its place, or undoes it
 *
 * The server has one, due or not.  The first front end begins it, as a command of
 * no connection, when a second is over: not while the engine is loaded anew, and
 * not when the server stops.
 */
#ifndef FRONTEND_FLUSH_H
#define FRONTEND_FLUSH_H

#include "frontend/front.h"

/* Takes the engine's command over. */
void ewb_flush_command(struct ewb_server *s);
/* front, the first one, once a second. */
void ewb_flush_look(struct ewb_front *f) EWB_ON_FRONT;
/* front: what the desk is told of a cookie with EWB_FRONT_FLUSH. */
void ewb_flush_done(struct ewb_cookie *c) EWB_ON_FRONT;
void ewb_flush_home(struct ewb_cookie *c) EWB_ON_FRONT;

#endif
