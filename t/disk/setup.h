/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of the programs that try a server out on disk.c's disk. */
#ifndef T_DISK_SETUP_H
#define T_DISK_SETUP_H

#include "t/disk/model.h"
#include "t/disk/server.h"

struct setup {
	struct server server;
	struct model model;
	const char *ewbctl;
	uint64_t seed;
	double minutes;
	long kills;    /* 0: as many as there are */
	uint64_t most; /* --acks; 0: what the program does of itself */
	int forget;    /* enum disk_undo; -1: any */
	bool lie, keep;
	/* faults */
	const char *kinds;
	long samples;
};

/* From the command line, or ends the program with 2. */
void setup_parse(struct setup *s, int argc, char **argv);
/* What of the unsynced is lost this time. */
enum disk_undo setup_forget(const struct setup *s, struct chance *c);
/* 0 where all is well, else 1; says where the files are if they are kept. */
int setup_fini(struct setup *s);

#endif
