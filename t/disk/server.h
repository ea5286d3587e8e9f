/* SPDX-License-Identifier: BSD-2-Clause */
/* An ewbd whose engine stands on the disk of disk.c. */
#ifndef T_DISK_SERVER_H
#define T_DISK_SERVER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "t/disk/control.h"
#include "t/disk/undo.h"

/* Few: a scan of each is made by a thread that gives way to everybody, and a
 * machine that runs tests is busy. */
#define SERVER_VBUCKETS 4

struct server {
	/* set by the caller */
	const char *ewbd, *preload; /* preload null: without that disk */
	const char **args; /* the engine and its settings; null at the end */
	bool quick;
	/* set by server_setup */
	char dir[PATH_MAX]; /* of ours; the engine's is DIR/data */
	struct disk_control *control;
	/* while it runs */
	pid_t pid;
	int port, port_fd;
};

enum server_began { SERVER_UP, SERVER_ENDED, SERVER_LATE };

/* Makes a new directory below the temporary one.  0, or -1 and says why. */
int server_setup(struct server *s);
/* Its files too, if not to be kept. */
void server_fini(struct server *s, bool keep);

/* server_begin starts it; server_ready waits until it takes connections. */
int server_begin(struct server *s);
enum server_began server_ready(struct server *s, double seconds);
/* Kills it; server_gone has waited until it is gone. */
void server_kill(struct server *s);
void server_gone(struct server *s);
/* Ends it gently: its status as of waitpid, -1: it had to be killed. */
int server_stop(struct server *s, double seconds);
/* Whether it has ended by itself, with *status as of waitpid. */
bool server_ended(struct server *s, int *status);

/* Takes all of the engine's files away; it does not run. */
void server_wipe(struct server *s);
/* What it wrote on stderr, the first bytes. */
const char *server_said(struct server *s, char *to, size_t n);
/* The disk after the power cut. */
int server_undo(struct server *s, enum disk_undo how, uint64_t seed,
                struct disk_undone *u);

uint64_t now_us(void);

#endif
