/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGINT, SIGTERM and SIGHUP, for a command that has to tell the server that it ends:
 * the first one asks it to, and interrupts what waits, once a second; the second one, or
 * five seconds, end the program at once. */
#ifndef DAEMON_CTL_INTERRUPT_H
#define DAEMON_CTL_INTERRUPT_H

#include <stdbool.h>

/* From now on; but for those that whoever started us ignores. */
void ewb_ctl_interrupt_begin(void);
/* Has one come? */
bool ewb_ctl_interrupted(void);
/* Ends as that signal would have ended it, if one has come. */
void ewb_ctl_interrupt_end(void);

#endif
