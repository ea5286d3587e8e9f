/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that is stepped by hand: the engine "memory" with a few commands of
 * its own, perhaps under the filter "wouldblock", and scans.  Two bytes say how
 * it is:
 *
 *      how     low half: whether commands block, and how; 12 and more: clients
 *              have to log in
 *              0x30: which do    0x40: scans too
 *              0x80: none does, and what is heard must not depend on the pieces
 *      limits  0x03: commands in flight    0x0c: commands of a turn
 *              0x10: small buffers of the kernel's    0x20: little may be unread
 *              0x40: two front ends    0x80: values of 1000 bytes at most,
 *              and collections
 */
#ifndef T_FUZZ_WORLD_H
#define T_FUZZ_WORLD_H

#include "t/front_play.h"

#define WORLD_STEADY 0x80

#define WORLD_DEADLINE_MS 500
#define WORLD_PATIENCE_S 20 /* with a client that takes nothing */
#define WORLD_USER "alice"
#define WORLD_PASSWORD "secret"

struct world {
	struct play p;
	struct ewb_scans *scans;
	struct client *c;
	unsigned how, limits;
};

/* With the client, of whom it is all about. */
void world_open(struct world *w, unsigned how, unsigned limits);
/* All clients hang up; fails unless all comes home. */
void world_close(struct world *w);
size_t world_max_item(unsigned limits);
/* There is the filter; there are users, of whom one is above. */
int world_has_filter(unsigned how);
int world_has_users(unsigned how);
/* One that talks to the last front end. */
struct client *world_client(struct world *w);

#endif
