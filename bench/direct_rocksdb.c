/* SPDX-License-Identifier: BSD-2-Clause */
/* RocksDB with the options that ewbd's engine gives it. */
#include "config.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/direct.h"
#include "bench/net.h"

#define FILTER_BITS 10
#define AHEAD (2u << 20)

static rocksdb_t *db;
static rocksdb_readoptions_t *reads, *scans;
static rocksdb_writeoptions_t *synced;

static void
must(char *err)
{
	if (!err)
		return;
	fprintf(stderr, "direct: %s\n", err);
	exit(2);
}

static void
set_table(rocksdb_options_t *opt, const struct direct_options *o)
{
	rocksdb_block_based_table_options_t *t =
		rocksdb_block_based_options_create();

	rocksdb_block_based_options_set_block_cache(
		t, rocksdb_cache_create_lru(o->cache));
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(
		t, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(
		t, 1);
	rocksdb_block_based_options_set_index_type(
		t, rocksdb_block_based_table_index_type_two_level_index_search);
	rocksdb_block_based_options_set_partition_filters(t, 1);
	rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
	rocksdb_block_based_options_set_filter_policy(
		t, rocksdb_filterpolicy_create_bloom_full(FILTER_BITS));
	rocksdb_block_based_options_set_data_block_index_type(
		t,
		rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
	rocksdb_options_set_block_based_table_factory(opt, t);
}

static rocksdb_options_t *
make_options(const struct direct_options *o)
{
	rocksdb_options_t *opt = rocksdb_options_create();

	rocksdb_options_set_create_if_missing(opt, 1);
	rocksdb_options_set_write_buffer_size(opt, o->memtable / 2);
	rocksdb_options_set_db_write_buffer_size(opt, o->memtable);
	rocksdb_options_set_max_write_buffer_number(opt, 4);
	rocksdb_options_set_max_background_jobs(opt, 2);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(opt, 1);
	rocksdb_options_set_compression(opt, o->compress
	                                             ? rocksdb_lz4_compression
	                                             : rocksdb_no_compression);
	rocksdb_options_set_bytes_per_sync(opt, 1 << 20);
	rocksdb_options_set_use_direct_reads(opt, o->direct_io);
	rocksdb_options_set_use_direct_io_for_flush_and_compaction(
		opt, o->direct_io);
	rocksdb_options_compaction_readahead_size(opt, 2 << 20);
	set_table(opt, o);
	return opt;
}

/* What is only read may be open in ewbd, too. */
static void
open_db(const struct direct_options *o)
{
	rocksdb_options_t *opt = make_options(o);
	char *err = NULL;

	db = o->writes ? rocksdb_open(opt, o->path, &err)
	               : rocksdb_open_for_read_only(opt, o->path, 0, &err);
	must(err);
	reads = rocksdb_readoptions_create();
	scans = rocksdb_readoptions_create();
	rocksdb_readoptions_set_fill_cache(scans, 0);
	rocksdb_readoptions_set_readahead_size(scans, AHEAD);
	synced = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(synced, 1);
}

static void
put(const void *key, size_t nkey, const void *value, size_t nvalue)
{
	char *err = NULL;

	rocksdb_put(db, synced, key, nkey, value, nvalue, &err);
	must(err);
}

static unsigned long
get(const void *key, size_t nkey)
{
	rocksdb_pinnableslice_t *slice;
	unsigned long sum = 0;
	char *err = NULL;
	const char *at;
	size_t i, n;

	slice = rocksdb_get_pinned(db, reads, key, nkey, &err);
	must(err);
	if (!slice)
		return 0;
	at = rocksdb_pinnableslice_value(slice, &n);
	for (i = 0; i < n; i++)
		sum += (unsigned char)at[i];
	rocksdb_pinnableslice_destroy(slice);
	return sum;
}

static void
scan(direct_take_fn *take, void *arg)
{
	rocksdb_iterator_t *it = rocksdb_create_iterator(db, scans);
	const char *key, *value;
	char *err = NULL;
	size_t nkey, nvalue;

	for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it);
	     rocksdb_iter_next(it)) {
		key = rocksdb_iter_key(it, &nkey);
		value = rocksdb_iter_value(it, &nvalue);
		if (!take(arg, key, nkey, value, nvalue))
			break;
	}
	rocksdb_iter_get_error(it, &err);
	must(err);
	rocksdb_iter_destroy(it);
}

const struct direct_library direct_rocksdb = {
	.name = "rocksdb", .open = open_db, .put = put, .get = get, .scan = scan
};
