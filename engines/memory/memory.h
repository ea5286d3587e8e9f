/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine, for the plugins that are made of it. */
#ifndef MEM_MEMORY_H
#define MEM_MEMORY_H

#include <ewb/engine.h>

struct mem;

/* The parameters that mem_open() knows, for a plugin's table. */
#define MEM_PARAMS                                                          \
	{ "limit", "1G", "bytes for items, index and snapshots" },          \
	{                                                                   \
		"full", "refuse",                                           \
		"then refuse stores, or evict what was not used for longest" \
	}
#define MEM_CAN \
	(EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS | EWB_CAN_SNAPSHOT | \
	 EWB_CAN_DATATYPE | EWB_CAN_DESCEND)

/* Settings that it does not know are passed over. */
enum ewb_status mem_open(struct ewb_host *host, const struct ewb_setting *s,
                         size_t n, struct mem **m);
void mem_close(struct mem *m);

/* As the callbacks of struct ewb_engine, any thread, and never waiting.  All
 * alike, so that a plugin can have a table of them; flush and stats don't
 * look at r. */
typedef enum ewb_status (*mem_command_fn)(struct mem *m, struct ewb_cookie *c,
                                          const struct ewb_request *r);
enum ewb_status mem_get(struct mem *m, struct ewb_cookie *c,
                        const struct ewb_request *r);
/* As the callback: looks where the item would be, and has it fetched. */
void mem_prefetch(struct mem *m, struct ewb_request *r);
/* EWB_WOULDBLOCK: nothing was done; there is no room now, but some is being
 * made: try again a little later. */
enum ewb_status mem_store(struct mem *m, struct ewb_cookie *c,
                          const struct ewb_request *r);
#define MEM_RETRY_US 1000u
enum ewb_status mem_remove(struct mem *m, struct ewb_cookie *c,
                           const struct ewb_request *r);
enum ewb_status mem_flush(struct mem *m, struct ewb_cookie *c,
                          const struct ewb_request *r);
enum ewb_status mem_stats(struct mem *m, struct ewb_cookie *c,
                          const struct ewb_request *r);

/* As the callback. */
enum ewb_status mem_vbucket_tell(struct mem *m, uint16_t vbucket,
                                 struct ewb_vbucket *v);

enum ewb_status mem_scan_open(struct mem *m, const struct ewb_range *range,
                              void **cursor, uint64_t *count);
enum ewb_status mem_scan_next(struct mem *m, void *cursor,
                              struct ewb_sink *sink);
enum ewb_status mem_scan_seek(struct mem *m, void *cursor,
                              const struct ewb_range *range);
void mem_scan_close(struct mem *m, void *cursor);

#endif
