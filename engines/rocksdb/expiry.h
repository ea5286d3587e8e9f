/* SPDX-License-Identifier: BSD-2-Clause */
/* Compactions leave out what has expired. */
#ifndef ROCKSDB_EXPIRY_H
#define ROCKSDB_EXPIRY_H

#include <rocksdb/c.h>

struct rdb;

/* d outlives it.  The options that it is set in own it. */
rocksdb_compactionfilterfactory_t *rdb_expiry_new(struct rdb *d);

#endif
