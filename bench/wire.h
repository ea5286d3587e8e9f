/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the protocols that are measured, and how long their replies
 * are: just enough to drive a server, not to be a client. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>

enum wire_kind { WIRE_TEXT, WIRE_META, WIRE_BINARY, WIRE_RESP, WIRE_ECHO };

#define WIRE_ECHO_LEN 32

/* A request made ready; a key's digits are put in. */
struct wire_request {
	char *bytes;
	size_t len;
	size_t digits; /* where they are; 0: it has no key */
};

struct wire {
	enum wire_kind kind;
	size_t vsize;
	struct wire_request get, set;
	/* counted by wire_reply */
	long misses, errors;
};

/* command: for RESP, this instead of GET and SET, its words with spaces
 * between; or null.  -1: no such protocol. */
int wire_init(struct wire *w, const char *protocol, size_t vsize,
              const char *command);
void wire_fini(struct wire *w);
/* Writes the request for that key; its end. */
char *wire_put(char *to, const struct wire_request *r, unsigned long key);
/* Bytes of the first reply in b; 0: it is not all there; -1: nonsense. */
long wire_reply(struct wire *w, const char *b, size_t n);

/* One RESP value, however nested; as wire_reply. */
long wire_resp(struct wire *w, const char *b, size_t n);
/* n words as a RESP command; its length. */
size_t wire_resp_command(char *to, size_t n, const char *const *word,
                         const size_t *len);

#endif
