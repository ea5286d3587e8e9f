/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection to a server, binary protocol, any number of requests under
 * way.  Sending never waits and never fails for want of a reader: requests
 * gather in a buffer, and whoever waits for replies sends as well.
 *
 * What goes wrong is said on stderr, once, by the function that meets it;
 * the callers only pass on the -1. */
#ifndef DAEMON_CTL_CONN_H
#define DAEMON_CTL_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_addr.h"
#include "daemon/ctl_buf.h"

struct ewb_ctl_conn {
	int fd;
	const char *name; /* for messages */
	int timeout_ms;   /* without a byte in either direction */
	bool patient;     /* that it is lost is kept as by ewb_ctl_hold() */
	bool lost;
	struct ewb_ctl_buf in, out;
	size_t taken; /* bytes of in that the last reply still stands in */
};

/* A request; the header's lengths are counted from here. */
struct ewb_ctl_request {
	uint8_t opcode, datatype;
	uint16_t vbucket;
	uint32_t opaque;
	const void *extras, *key, *value;
	size_t nextras, nkey, nvalue;
	const void *prefix; /* of the key: its collection's number */
	size_t nprefix;
};

struct ewb_ctl_reply {
	uint8_t opcode, datatype;
	uint16_t status;
	uint32_t opaque;
	uint64_t cas;
	const uint8_t *framing, *extras, *key, *value;
	size_t nframing, nextras, nkey, nvalue;
};

/* 0 or -1. */
int ewb_ctl_conn_open(struct ewb_ctl_conn *c, const struct ewb_ctl_addr *a);
void ewb_ctl_conn_close(struct ewb_ctl_conn *c);

/* 0 or -1. */
int ewb_ctl_conn_send(struct ewb_ctl_conn *c, const struct ewb_ctl_request *r);
/* Bytes that wait to be sent. */
size_t ewb_ctl_conn_unsent(const struct ewb_ctl_conn *c);
/* A reply that is here already: 1, 0 when there is none, -1.  It stays until
 * the next call of anything here. */
int ewb_ctl_conn_next(struct ewb_ctl_conn *c, struct ewb_ctl_reply *r);
/* Sends and receives what can be without waiting: 0 or -1. */
int ewb_ctl_conn_poll(struct ewb_ctl_conn *c);
/* The same, after waiting if nothing can be sent or received now. */
int ewb_ctl_conn_turn(struct ewb_ctl_conn *c);
/* Waits for a reply: 0 or -1. */
int ewb_ctl_conn_wait(struct ewb_ctl_conn *c, struct ewb_ctl_reply *r);
/* One request and its reply: 0 or -1. */
int ewb_ctl_conn_ask(struct ewb_ctl_conn *c, const struct ewb_ctl_request *q,
                     struct ewb_ctl_reply *r);

/* The status in words, and what the server says about it: text for people. */
#define EWB_CTL_WHY_MAX 640
const char *ewb_ctl_reply_why(const struct ewb_ctl_reply *r,
                              char out[EWB_CTL_WHY_MAX]);

#endif
