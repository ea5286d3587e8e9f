/* SPDX-License-Identifier: BSD-2-Clause */
/* Passwords: never an argument, which all can read that are on the machine. */
#ifndef DAEMON_CTL_PASSWORD_H
#define DAEMON_CTL_PASSWORD_H

#include "protocol/verifier.h"

#define EWB_CTL_PASSWORD (EWB_PASSWORD_MAX + 1)

/* The first line of the file that EWB_PASSWORD_FILE names, else what EWB_PASSWORD
 * says, which is wiped, else from the terminal.  0; -1: said why. */
int ewb_ctl_password_find(const char *user, char out[EWB_CTL_PASSWORD]);
/* A new one: from the terminal, twice the same, or else a line of standard input.
 * Likewise. */
int ewb_ctl_password_new(const char *user, char out[EWB_CTL_PASSWORD]);

#endif
