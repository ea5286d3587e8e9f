/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine was linked with libewb.so; what it calls must be this program's
 * own libewb, whose steps are ours.  The program exports the same names, and
 * its names come first. */
#ifndef KIT_SAME_H
#define KIT_SAME_H

/* Null: it is so.  Else what is wrong. */
const char *kit_same(void);

#endif
