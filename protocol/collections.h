/* SPDX-License-Identifier: BSD-2-Clause */
/* Scopes and collections: which there are, and where the keys of each lie among
 * those that an engine has, for an engine knows nothing of collections.
 *
 *      key                    of _default._default   the key itself
 *      ff key                 likewise               ff 00 ff key
 *      key                    of another, c          ff leb128(c) key
 *
 * leb128(c) begins with 08 or above, and none is the beginning of another, so that
 * each collection is one range of an engine's keys, in the order of its own keys:
 * the default one all below ff 01.
 */
#ifndef PROTOCOL_COLLECTIONS_H
#define PROTOCOL_COLLECTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/frame.h"

#define EWB_COLLECTION_FIRST 8u
#define EWB_COLLECTION_LAST 0x1fffffu /* of three bytes */
#define EWB_COLLECTIONS_MAX 1000u
#define EWB_COLLECTION_NAME 30        /* bytes of a scope's name, or a collection's */
/* What stands before a key, at most: on the wire any number of 32 bits. */
#define EWB_STORED_PREFIX 4u
#define EWB_WIRE_PREFIX 5u
/* Bytes of a key of any but the default one. */
#define EWB_COLLECTION_KEY_MAX (EWB_KEY_MAX - EWB_STORED_PREFIX)

struct ewb_collection {
	uint32_t id;
	uint8_t nprefix; /* of its stored keys; the default one's: 0 */
	uint8_t prefix[EWB_STORED_PREFIX];
	char scope[EWB_COLLECTION_NAME + 1], name[EWB_COLLECTION_NAME + 1];
};

struct ewb_collections {
	uint64_t uid; /* of what there is; of the default one alone: 0 */
	size_t n;
	const struct ewb_collection *at; /* by their ids; the default one first */
	const char *manifest; /* all of them in JSON */
};

/* There is none but the default one, and keys are stored as they are. */
extern const struct ewb_collections ewb_collections_none;

/* Of lines ID SCOPE.COLLECTION, where ID is hexadecimal; what is behind a # is
 * for people.  The default one is there anyhow.  0, or -1: why, in one line. */
int ewb_collections_parse(struct ewb_collections *c, const char *text, char *why,
                          size_t nwhy);
void ewb_collections_fini(struct ewb_collections *c);

/* Null: there is none of that id. */
const struct ewb_collection *ewb_collections_by_id(const struct ewb_collections *c,
                                                   uint32_t id);
/* path: SCOPE.COLLECTION, where what is empty is _default.  0, or a status: it
 * is no path (EWB_WIRE_INVALID), or there is no such scope, or collection. */
uint32_t ewb_collections_by_path(const struct ewb_collections *c,
                                 const char *path, size_t n,
                                 const struct ewb_collection **found);
/* Takes a number off; bytes, 0: it is cut short, or more than 32 bits. */
size_t ewb_leb128_take(const uint8_t *in, size_t n, uint32_t *v);

/* Keys as they are stored, where there are collections. */

/* The longest key of c that a client may have. */
size_t ewb_stored_max(const struct ewb_collection *c, const uint8_t *key, size_t n);
/* What comes before a key of c, or before a bound among its keys; bytes. */
size_t ewb_stored_prefix(uint8_t out[EWB_STORED_PREFIX],
                         const struct ewb_collection *c, const uint8_t *key,
                         size_t n);
/* A stored key's bytes before what its client says. */
size_t ewb_stored_skip(const uint8_t *key, size_t n);
/* What comes before all stored keys of c, and after: the first is included, the
 * second is not.  Bytes of each, the lower one's may be 0. */
size_t ewb_stored_first(uint8_t out[EWB_STORED_PREFIX],
                        const struct ewb_collection *c);
size_t ewb_stored_past(uint8_t out[EWB_STORED_PREFIX],
                       const struct ewb_collection *c);

#endif
