/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection, binary protocol, and a deadline for each answer. */
#ifndef T_DISK_CLIENT_H
#define T_DISK_CLIENT_H

#include <stddef.h>
#include <stdint.h>

enum {
	OP_GET = 0x00,
	OP_SET,
	OP_ADD,
	OP_REPLACE,
	OP_DELETE,
	OP_INCR,
	OP_DECR,
	OP_APPEND = 0x0e,
	OP_PREPEND
};

struct ask {
	uint8_t opcode;
	const char *key, *value;
	size_t nkey, nvalue;
	uint32_t flags;
	uint64_t cas;
	/* of incr and decr */
	uint64_t delta, initial;
	int create;
};

struct answer {
	uint16_t status;
	uint32_t flags;
	uint64_t cas, number;
	const char *value; /* until the next answer is received */
	size_t nvalue;
};

struct client {
	int fd;
	char *out, *in;
	size_t nout, cap_out, nin, cap_in, taken;
};

enum said {
	SAID,      /* an answer */
	SAID_GONE, /* the connection has been closed */
	SAID_LATE  /* no answer within the deadline */
};

/* 0, or -1: nobody is there. */
int client_open(struct client *c, int port);
void client_close(struct client *c);
/* Puts it to what is sent by the next client_hear. */
void client_ask(struct client *c, const struct ask *q);
enum said client_hear(struct client *c, struct answer *a, double seconds);

#endif
