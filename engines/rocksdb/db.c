/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* dladdr() */
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "expiry.h"
#include "scan.h"
#include "store.h"

#define BLOCKS_ONLY 1 /* a read tier: rocksdb::kBlockCacheTier */
#define FATAL 4       /* a level of its log: rocksdb::FATAL_LEVEL */
#define LOG_FILES 4
#define FILTER_BITS 14 /* a key: of absent ones 1 in 1000 goes on to the disk */

#define END_US 1000u /* between two looks whether its threads have ended */
#define END_TRIES 1000u

/* RocksDB's background threads are the process's. */
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned nusers; /* under users_lock */

/* Errors. */

static void
one_line(char *to, size_t n, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < n && from[i]; i++)
		to[i] = isprint((unsigned char)from[i]) ? from[i] : ' ';
	to[i] = '\0';
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

enum ewb_status
rdb_status(char *err, char *why, size_t n)
{
	enum ewb_status status;

	if (!err)
		return EWB_OK;
	one_line(why, n, err);
	if (begins(err, "Result incomplete"))
		status = EWB_WOULDBLOCK;
	else if (begins(err, "IO error"))
		status = EWB_TEMPORARY;
	else
		status = EWB_INTERNAL;
	rocksdb_free(err);
	return status;
}

enum ewb_status
rdb_read_failed(struct rdb *d, char *err)
{
	char why[RDB_WHY];
	enum ewb_status status = rdb_status(err, why, sizeof why);

	/* one line for the first of many */
	if (status != EWB_OK && status != EWB_WOULDBLOCK &&
	    atomic_fetch_add(&d->count.read_errors, 1) % 1000 == 0)
		ewb_host_notice(d->host, "a read failed: %s", why);
	return status;
}

/* Settings. */

static int
read_number(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            const char *name, const char *fallback, uint64_t most, uint64_t *to)
{
	const char *value = dur_setting(s, n, name, fallback);

	if (ewb_parse_number(value, to) == 0 && *to > 0 && *to <= most)
		return 0;
	ewb_host_error(host, "%s=%s: not a number from 1 to %" PRIu64, name,
	               value, most);
	return -1;
}

static int
read_choice(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            const char *name, const char *const *words, int *to)
{
	const char *value = dur_setting(s, n, name, words[0]);
	char all[100] = "";

	for (*to = 0; words[*to]; ++*to) {
		if (strcmp(value, words[*to]) == 0)
			return 0;
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
		         *to ? ", " : "", words[*to]);
	}
	ewb_host_error(host, "%s=%s: not one of %s", name, value, all);
	return -1;
}

static int
read_settings(struct rdb *d, const struct ewb_setting *s, size_t n)
{
	static const char *const packers[] = { "lz4", "zstd", "snappy", "none",
		                               NULL };
	static const int packing[] = { rocksdb_lz4_compression,
		                       rocksdb_zstd_compression,
		                       rocksdb_snappy_compression,
		                       rocksdb_no_compression };
	static const char *const no_yes[] = { "no", "yes", NULL };
	static const char *const ways[] = { "auto", "strict", "point-in-time",
		                            NULL };
	struct ewb_host *host = d->host;
	struct rdb_options *o = &d->options;
	const char *sync = dur_setting(s, n, "sync", "commit");
	int packer, direct, way;

	if (dur_setting_size(host, s, n, "cache", "128M", 1 << 20, &o->cache) ||
	    dur_setting_size(host, s, n, "memtable", "64M", 1 << 20,
	                     &o->memtable) ||
	    dur_setting_size(host, s, n, "hot", "128M", 0, &o->hot) ||
	    read_number(host, s, n, "readers", "16", RDB_MAX_READERS,
	                &o->readers) ||
	    read_number(host, s, n, "background", "2", 64, &o->background) ||
	    read_choice(host, s, n, "compression", packers, &packer) ||
	    read_choice(host, s, n, "direct", no_yes, &direct) ||
	    read_choice(host, s, n, "recovery", ways, &way))
		return -1;
	if (dur_sync_parse(sync, &d->commit.mode, &d->commit.interval_us)) {
		ewb_host_error(host, "sync=%s: not commit, interval:MS or none",
		               sync);
		return -1;
	}
	o->compression = packing[packer];
	o->direct = direct == 1;
	/* what was not synced may be there with holes */
	o->point_in_time =
		way == 2 || (way == 0 && d->commit.mode != DUR_SYNC_COMMIT);
	return 0;
}

/* RocksDB's options. */

/* All blocks, also those of indexes and filters, are in the cache: so it is
 * what bounds the memory, however large the data are.  They are in parts: whole
 * ones are half a megabyte each, of which a small cache holds few. */
static void
set_table(struct rdb *d)
{
	rocksdb_block_based_table_options_t *t =
		rocksdb_block_based_options_create();

	rocksdb_block_based_options_set_block_cache(t, d->cache);
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
	rocksdb_options_set_block_based_table_factory(d->opt, t);
	rocksdb_block_based_options_destroy(t);
}

static void
set_options(struct rdb *d)
{
	const struct rdb_options *o = &d->options;
	rocksdb_options_t *opt = d->opt;

	rocksdb_options_set_env(opt, d->env);
	rocksdb_options_set_write_buffer_size(opt, o->memtable / 2);
	rocksdb_options_set_db_write_buffer_size(opt, o->memtable);
	rocksdb_options_set_max_write_buffer_number(opt, 4);
	rocksdb_options_set_max_background_jobs(opt, (int)o->background);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(opt, 1);
	rocksdb_options_set_compression(opt, o->compression);
	rocksdb_options_set_bytes_per_sync(opt, 1 << 20);
	rocksdb_options_set_use_direct_reads(opt, o->direct);
	rocksdb_options_set_use_direct_io_for_flush_and_compaction(opt,
	                                                           o->direct);
	rocksdb_options_compaction_readahead_size(opt, 2 << 20);
	rocksdb_options_set_wal_recovery_mode(
		opt,
		o->point_in_time
			? rocksdb_point_in_time_recovery
			: rocksdb_tolerate_corrupted_tail_records_recovery);
	rocksdb_options_set_compaction_filter_factory(opt, d->expiry);
	/* After one write of its log has failed, the next one ends the process
	 * where RocksDB is built with assertions, as Debian's is. */
	rocksdb_options_set_info_log_level(opt, FATAL);
	rocksdb_options_set_keep_log_file_num(opt, LOG_FILES);
	set_table(d);
}

static void
make_options(struct rdb *d)
{
	d->env = rocksdb_create_default_env();
	d->opt = rocksdb_options_create();
	d->cache = rocksdb_cache_create_lru(d->options.cache);
	d->expiry = rdb_expiry_new(d);
	set_options(d);
	d->cached = rocksdb_readoptions_create();
	rocksdb_readoptions_set_read_tier(d->cached, BLOCKS_ONLY);
	d->any = rocksdb_readoptions_create();
	d->synced = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(d->synced, 1);
	rocksdb_writeoptions_set_no_slowdown(d->synced, 1);
	d->patient = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(d->patient, 1);
	d->unsynced = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_no_slowdown(d->unsynced, 1);
	d->batch = rocksdb_writebatch_wi_create(0, 1);
}

static void
free_options(struct rdb *d)
{
	if (d->opt) {
		rocksdb_writebatch_wi_destroy(d->batch);
		rocksdb_writeoptions_destroy(d->unsynced);
		rocksdb_writeoptions_destroy(d->patient);
		rocksdb_writeoptions_destroy(d->synced);
		rocksdb_readoptions_destroy(d->any);
		rocksdb_readoptions_destroy(d->cached);
		rocksdb_options_destroy(d->opt);
		rocksdb_cache_destroy(d->cache);
		rocksdb_env_destroy(d->env);
	}
	d->opt = NULL;
}

/* Its threads. */

/* They outlive the last database for a moment: RocksDB's code must stay, also
 * when this plugin is unloaded. */
static void
keep_library(void)
{
	Dl_info info;
	void *p = NULL;
	rocksdb_t *(*any)(const rocksdb_options_t *, const char *, char **) =
		rocksdb_open;

	memcpy(&p, &any, sizeof p);
	if (dladdr(p, &info) && info.dli_fname)
		dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

static void
use_threads(void)
{
	pthread_mutex_lock(&users_lock);
	if (nusers++ == 0)
		keep_library();
	pthread_mutex_unlock(&users_lock);
}

/* Is one of them there? */
static bool
threads_run(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *e;
	bool any = false;

	while (tasks && !any && (e = readdir(tasks)) != NULL) {
		char name[300], text[16] = "";
		FILE *f;

		snprintf(name, sizeof name, "/proc/self/task/%s/comm",
		         e->d_name);
		f = fopen(name, "r");
		if (!f)
			continue;
		any = fgets(text, sizeof text, f) && begins(text, "rocksdb:");
		fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return any;
}

/* RocksDB cannot be asked to wait for them. */
static void
wait_for_threads(void)
{
	unsigned tries;

	for (tries = 0; tries < END_TRIES && threads_run(); tries++)
		usleep(END_US);
}

static void
leave_threads(struct rdb *d)
{
	pthread_mutex_lock(&users_lock);
	if (--nusers == 0) {
		rocksdb_env_set_background_threads(d->env, 0);
		rocksdb_env_set_high_priority_background_threads(d->env, 0);
		wait_for_threads();
	}
	pthread_mutex_unlock(&users_lock);
}

/* Opening. */

static enum ewb_status
open_db(struct rdb *d)
{
	const char *name = "default";
	const rocksdb_options_t *opt = d->opt;
	char *err = NULL;

	rocksdb_options_set_create_if_missing(d->opt, d->place.fresh);
	d->db = rocksdb_open_column_families(d->opt, d->place.path, 1, &name,
	                                     &opt, &d->family, &err);
	return rdb_status(err, d->why, sizeof d->why);
}

static void
shut_db(struct rdb *d)
{
	rdb_forget_look(d);
	if (!d->db)
		return;
	rocksdb_column_family_handle_destroy(d->family);
	rocksdb_close(d->db);
	d->db = NULL;
}

enum ewb_status
rdb_reopen(struct rdb *d)
{
	enum ewb_status status;

	dur_gate_shut(&d->gate);
	atomic_fetch_add(&d->count.scans_ended,
	                 dur_cursors_end(&d->cursors, UINT64_MAX));
	shut_db(d);
	status = open_db(d);
	rdb_hot_begin(&d->hot, NULL); /* a failed write may be there now */
	rdb_hot_end(&d->hot, NULL);
	dur_gate_open(&d->gate);
	if (status == EWB_OK)
		atomic_fetch_add(&d->count.reopened, 1);
	return status;
}

static enum ewb_status
open_first(struct rdb *d)
{
	char *err = NULL;
	enum ewb_status status;

	if (d->place.begun) { /* and not made: of nobody's data */
		rocksdb_destroy_db(d->opt, d->place.path, &err);
		rocksdb_free(err);
	}
	status = open_db(d);
	if (status == EWB_OK)
		return EWB_OK;
	ewb_host_error(d->host, "path=%s: %s%s", d->place.path, d->why,
	               begins(d->why, "Corruption")
	                       ? "; restore a copy, or, if it is the log, say "
	                         "recovery=point-in-time"
	                       : "");
	return status;
}

/* What the database knows of itself. */
static enum ewb_status
open_commit(struct rdb *d)
{
	char *err = NULL, *at;
	size_t n = 0;
	enum ewb_status status;

	at = rocksdb_get(d->db, d->any, RDB_STATE_KEY, RDB_STATE_NKEY, &n,
	                 &err);
	status = rdb_status(err, d->why, sizeof d->why);
	if (status == EWB_OK) /* none in what is not new: refused, as "" is */
		status = dur_commit_open(&d->commit, d->host, &rdb_store, d,
		                         &d->place,
		                         at || d->place.fresh ? at : "", n);
	else
		ewb_host_error(d->host, "path=%s: %s", d->place.path, d->why);
	rocksdb_free(at);
	return status;
}

static void
close_db(struct rdb *d)
{
	shut_db(d);
	leave_threads(d);
	free_options(d);
	dur_cursors_fini(&d->cursors);
	dur_gate_fini(&d->gate);
	rdb_hot_close(&d->hot);
	dur_place_close(&d->place);
}

enum ewb_status
rdb_open(struct rdb *d, struct ewb_host *host, const struct ewb_setting *s,
         size_t n)
{
	enum ewb_status status;

	d->host = host;
	if (read_settings(d, s, n))
		return EWB_INVALID;
	status = dur_place_open(&d->place, host,
	                        dur_setting(s, n, "path", NULL), "CURRENT");
	if (status != EWB_OK) {
		dur_place_close(&d->place);
		return status;
	}
	if (rdb_hot_open(&d->hot, d->options.hot) != EWB_OK) {
		ewb_host_error(host, "out of memory");
		dur_place_close(&d->place);
		return EWB_NO_MEMORY;
	}
	d->place.cut = d->options.point_in_time;
	dur_gate_init(&d->gate);
	dur_cursors_init(&d->cursors, host, rdb_cursor_end);
	make_options(d);
	use_threads();
	status = open_first(d);
	if (status == EWB_OK)
		status = open_commit(d);
	if (status == EWB_OK) {
		status = dur_place_made(&d->place, host);
		if (status == EWB_OK) {
			atomic_store(&d->serving, true);
			return EWB_OK;
		}
		dur_commit_close(&d->commit);
	}
	close_db(d);
	return status;
}

void
rdb_close(struct rdb *d)
{
	atomic_store(&d->serving, false);
	dur_commit_close(&d->commit);
	close_db(d);
}
