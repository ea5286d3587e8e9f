/* SPDX-License-Identifier: BSD-2-Clause */
#include "../durable/record.h"
#include "db.h"
#include "expiry.h"

static const char *
name(void *arg)
{
	(void)arg;
	return "ewbd.expiry";
}

static void
nothing(void *arg)
{
	(void)arg;
}

/* On RocksDB's threads.  What is left out is not counted off the records: an
 * older version may be what was seen. */
static unsigned char
filter(void *arg, int level, const char *key, size_t nkey, const char *value,
       size_t nvalue, char **to, size_t *nto, unsigned char *changed)
{
	struct rdb *d = arg;
	struct ewb_item i;

	(void)level;
	(void)key;
	(void)nkey;
	(void)to;
	(void)nto;
	*changed = 0;
	if (!dur_value_read(&i, value, nvalue) ||
	    !dur_expired(i.expiry, ewb_host_time(d->host)))
		return 0;
	atomic_fetch_add(&d->count.expired, 1);
	return 1;
}

static rocksdb_compactionfilter_t *
create(void *arg, rocksdb_compactionfiltercontext_t *context)
{
	(void)context;
	return rocksdb_compactionfilter_create(arg, nothing, filter, name);
}

rocksdb_compactionfilterfactory_t *
rdb_expiry_new(struct rdb *d)
{
	return rocksdb_compactionfilterfactory_create(d, nothing, create, name);
}
