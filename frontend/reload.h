/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine and its filters are closed and opened again, from their files as
 * they are now, while clients stay connected.
 *
 *      try the files ──▶ pause ──▶ all front ends idle ──▶ end cursors, close, open ──▶ resume
 *       (a thread)        │  grace: blocked commands are      (a thread)                  │
 *                         │  waited for, then cancelled                                   │
 *                         └── what does not end is named, and the engine stays ───────────┘
 *
 * A paused front end reads and begins no commands; what it has begun goes on.
 * What had come behind the reload, on its connection, is refused.
 * It has no command left when it says that it is idle: from then on until it
 * resumes, the background has the engine to itself.
 */
#ifndef FRONTEND_RELOAD_H
#define FRONTEND_RELOAD_H

#include "frontend/front.h"

/* 0, or -1: why. */
int ewb_reload_command(struct ewb_server *s, char *why, size_t nwhy);
/* front, at a turn's end: is it idle now? */
void ewb_reload_look(struct ewb_front *f) EWB_ON_FRONT;
/* front: the time that blocked commands have is over; then, that cancelled ones
 * have. */
void ewb_reload_grace_over(struct ewb_front *f) EWB_ON_FRONT;

#endif
