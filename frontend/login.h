/* SPDX-License-Identifier: BSD-2-Clause */
/* Who a client is, where clients have to log in.
 *
 *      locked ──a login succeeds──▶ session.user is set
 *        ▲                             │
 *        └──────another begins─────────┘
 *
 * While it is locked a client may say who it is, and little else; nothing of a value
 * is kept.  What it says behind a login is not looked at before that is over.
 *
 * A password is tried on the pool, one at a time; a login that failed is answered
 * late, by a task that sleeps.  An exchange that another begins in place of has
 * failed, too, of which nothing is answered.  One of a user that there is not takes
 * the same way and the same work as one with a wrong password. */
#ifndef FRONTEND_LOGIN_H
#define FRONTEND_LOGIN_H

#include "frontend/front.h"

#define EWB_LOGIN_FAILURES 5   /* then the connection is closed */
#define EWB_LOGIN_LATE_US 250000u

/* It is a new one. */
void ewb_login_await(struct ewb_conn *n) EWB_ON_FRONT;
void ewb_login_fini(struct ewb_conn *n) EWB_ON_FRONT;
/* It is locked: what it may not say becomes an error, and a text set a login. */
void ewb_login_gate(struct ewb_conn *n, struct ewb_frame *f) EWB_ON_FRONT;
/* The commands. */
void ewb_login_commands(struct ewb_server *s);

#endif
