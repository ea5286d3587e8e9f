/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../durable/record.h"
#include "check.h"
#include "store.h"

/* LMDB says so where it finds what cannot be, and ends the process. */
static void
cannot_be(MDB_env *env, const char *text)
{
	(void)text;
	longjmp(*(jmp_buf *)mdb_env_get_userctx(env), 1);
}

static bool
is_sound(const MDB_val *key, const MDB_val *value)
{
	struct ewb_item i;

	return (key->mv_size == LDB_STATE_NKEY &&
	        *(const unsigned char *)key->mv_data == 0xff) ||
	       dur_value_read(&i, value->mv_data, value->mv_size);
}

static int
walk(MDB_txn *txn, MDB_dbi records)
{
	MDB_cursor *mc;
	MDB_val key, value;
	int err = mdb_cursor_open(txn, records, &mc);

	if (err)
		return err;
	while ((err = mdb_cursor_get(mc, &key, &value, MDB_NEXT)) == 0)
		if (!is_sound(&key, &value)) {
			err = MDB_CORRUPTED;
			break;
		}
	mdb_cursor_close(mc);
	return err == MDB_NOTFOUND ? 0 : MDB_CORRUPTED;
}

static int
walk_safely(MDB_env *env, MDB_dbi records)
{
	MDB_txn *volatile txn = NULL;
	MDB_txn *begun;
	jmp_buf back;
	volatile int err = MDB_CORRUPTED;

	mdb_env_set_userctx(env, &back);
	mdb_env_set_assert(env, cannot_be);
	if (setjmp(back) == 0) {
		err = mdb_txn_begin(env, NULL, MDB_RDONLY, &begun);
		if (err == 0) {
			txn = begun;
			err = walk(txn, records);
		}
	} else {
		err = MDB_CORRUPTED;
	}
	if (txn)
		mdb_txn_abort(txn);
	mdb_env_set_assert(env, NULL);
	mdb_env_set_userctx(env, NULL);
	return err;
}

int
ldb_check(MDB_env *env, MDB_dbi records)
{
	MDB_envinfo info;
	MDB_stat s;
	struct stat file;
	uint64_t must;
	int fd, err;

	if (mdb_env_info(env, &info) || mdb_env_stat(env, &s) ||
	    mdb_env_get_fd(env, &fd))
		return EINVAL;
	if (fstat(fd, &file))
		return errno;
	must = (uint64_t)(info.me_last_pgno + 1) * s.ms_psize;
	if ((uint64_t)file.st_size >= must)
		return 0;
	/* what is missing reads as zeros, which no page is */
	if (ftruncate(fd, (off_t)must))
		return errno;
	err = walk_safely(env, records);
	if (err && ftruncate(fd, file.st_size))
		return errno;
	return err;
}
