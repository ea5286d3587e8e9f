/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of disk.c share. */
#ifndef T_DISK_DISK_H
#define T_DISK_DISK_H

#include "t/disk/control.h"

#define DISK_EXPORT __attribute__((visibility("default")))

/* Null: nothing is counted. */
extern struct disk_control *disk_control;

#endif
