/* SPDX-License-Identifier: BSD-2-Clause */
/* LMDB: each set a transaction of its own, one after the other; each get one
 * that its thread keeps and renews. */
#include "config.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bench/direct.h"
#include "bench/net.h"

#define MAP ((size_t)1 << 40)
#define READERS 1024

static MDB_env *env;
static MDB_dbi records;
static _Thread_local MDB_txn *reading;

static void
must(int err)
{
	if (err == 0)
		return;
	fprintf(stderr, "direct: %s\n", mdb_strerror(err));
	exit(2);
}

static void
open_env(const struct direct_options *o)
{
	unsigned flags = MDB_NOTLS;
	MDB_txn *txn;

	if (o->writes && mkdir(o->path, 0777) && errno != EEXIST)
		net_die(o->path);
	if (!o->writes)
		flags |= MDB_RDONLY;
	if (o->direct_io)
		flags |= MDB_NORDAHEAD;
	must(mdb_env_create(&env));
	must(mdb_env_set_maxreaders(env, READERS));
	must(mdb_env_set_mapsize(env, MAP));
	must(mdb_env_open(env, o->path, flags, 0666));
	must(mdb_txn_begin(env, NULL, o->writes ? 0 : MDB_RDONLY, &txn));
	must(mdb_dbi_open(txn, NULL, 0, &records));
	must(mdb_txn_commit(txn));
}

static void
put(const void *key, size_t nkey, const void *value, size_t nvalue)
{
	MDB_val k = { nkey, (void *)key }, v = { nvalue, (void *)value };
	MDB_txn *txn;

	must(mdb_txn_begin(env, NULL, 0, &txn));
	must(mdb_put(txn, records, &k, &v, 0));
	must(mdb_txn_commit(txn));
}

static unsigned long
get(const void *key, size_t nkey)
{
	MDB_val k = { nkey, (void *)key }, v;
	unsigned long sum = 0;
	size_t i;
	int err;

	if (!reading)
		must(mdb_txn_begin(env, NULL, MDB_RDONLY, &reading));
	else
		must(mdb_txn_renew(reading));
	err = mdb_get(reading, records, &k, &v);
	if (err == 0)
		for (i = 0; i < v.mv_size; i++)
			sum += ((const unsigned char *)v.mv_data)[i];
	else if (err != MDB_NOTFOUND)
		must(err);
	mdb_txn_reset(reading);
	return sum;
}

static void
scan(direct_take_fn *take, void *arg)
{
	MDB_val k, v;
	MDB_txn *txn;
	MDB_cursor *at;
	int err;

	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	must(mdb_cursor_open(txn, records, &at));
	while ((err = mdb_cursor_get(at, &k, &v, MDB_NEXT)) == 0)
		if (!take(arg, k.mv_data, k.mv_size, v.mv_data, v.mv_size))
			break;
	if (err != MDB_NOTFOUND)
		must(err);
	mdb_cursor_close(at);
	mdb_txn_abort(txn);
}

const struct direct_library direct_lmdb = {
	.name = "lmdb", .open = open_env, .put = put, .get = get, .scan = scan
};
