/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of ewbctl: each takes its arguments, ends with a null, and
 * returns the exit status. */
#ifndef DAEMON_CTL_H
#define DAEMON_CTL_H

#include <stdint.h>

#include "daemon/ctl_conn.h"

#define EWB_CTL_DONE_WELL 0
#define EWB_CTL_FAILED 1
#define EWB_CTL_USAGE 2

/* The binary protocol's requests that more than one command sends. */
#define EWB_CTL_OP_NOOP 0x0a
#define EWB_CTL_OP_STAT 0x10

int ewb_ctl_delete(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_export(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_get(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_import(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_load(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_passwd(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_scan(const struct ewb_ctl_addr *where, char **argv);
int ewb_ctl_set(const struct ewb_ctl_addr *where, char **argv);

/* "usage: ewbctl " and the text, on stderr; returns EWB_CTL_USAGE. */
int ewb_ctl_usage(const char *text);

/* One statistic. */
typedef void (*ewb_ctl_stat_fn)(void *arg, const char *name, size_t nname,
                                const char *value, size_t nvalue);
/* All of a group, for a command; null: the general ones.  0 or -1. */
int ewb_ctl_stats(struct ewb_ctl_conn *c, const char *command, const char *group,
                  ewb_ctl_stat_fn fn, void *arg);

#endif
