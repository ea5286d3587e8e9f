/* SPDX-License-Identifier: BSD-2-Clause */
/* Was something cut off the end of the file?  To read there would end the
 * process.  LMDB itself leaves out pages at the end that nothing refers to: so a
 * file that is too short is looked through. */
#ifndef LMDB_CHECK_H
#define LMDB_CHECK_H

#include <lmdb.h>

/* pool or start, nobody else near: 0: all is there.  MDB_CORRUPTED: it is
 * damaged, and as it was.  Else it could not be looked through. */
int ldb_check(MDB_env *env, MDB_dbi records);

#endif
