/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of locks.  Who holds one takes only those that stand below it;
 * what is not listed is held alone.
 *
 *      ewb_scans.lock       ends scans: their close task, their continue's cancel
 *      ewb_await_list.lock  wakes tasks
 *      ewb_budget.lock      a grant wakes the stream's task
 *      ewb_own_task.lock    its first wake
 *      ewb_class.lock       the classes of one pool: by rising number
 *      ewb_strand.lock
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H
#endif
