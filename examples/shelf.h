/* SPDX-License-Identifier: BSD-2-Clause */
/* Where records are kept: a hash table in memory, for which you have something
 * better.  It is plain C and knows nothing of threads: who calls holds whatever
 * lock is needed.  Each function does one command's work, to the reply. */
#ifndef SHELF_H
#define SHELF_H

#include <ewb/engine.h>

#define SHELF_CAN (EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS)

struct shelf;

/* Null: no memory. */
struct shelf *shelf_new(struct ewb_host *host);
void shelf_free(struct shelf *s);

typedef enum ewb_status (*shelf_fn)(struct shelf *s, struct ewb_cookie *c,
                                    const struct ewb_request *r);
enum ewb_status shelf_get(struct shelf *s, struct ewb_cookie *c,
                          const struct ewb_request *r);
enum ewb_status shelf_store(struct shelf *s, struct ewb_cookie *c,
                            const struct ewb_request *r);
enum ewb_status shelf_remove(struct shelf *s, struct ewb_cookie *c,
                             const struct ewb_request *r);
/* What the engine's vbucket() says; any thread, without a lock. */
enum ewb_status shelf_vbucket(struct shelf *s, uint16_t vbucket,
                              struct ewb_vbucket *v);
/* These two do not look at r. */
enum ewb_status shelf_flush(struct shelf *s, struct ewb_cookie *c,
                            const struct ewb_request *r);
enum ewb_status shelf_stats(struct shelf *s, struct ewb_cookie *c,
                            const struct ewb_request *r);

#endif
