/* SPDX-License-Identifier: BSD-2-Clause */
/* The error map of Couchbase's clients: all statuses, with what they mean, in
 * JSON, so that a client knows what to do about one that it does not know. */
#ifndef PROTOCOL_ERROR_MAP_H
#define PROTOCOL_ERROR_MAP_H

#include <stddef.h>

#define EWB_ERROR_MAP_VERSION 2u /* the newest one */
#define EWB_ERROR_MAP_MAX 8192

/* For a client that knows the versions up to that; 1 or more.  Bytes. */
size_t ewb_error_map(char out[EWB_ERROR_MAP_MAX], unsigned version);

#endif
