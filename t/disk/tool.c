/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.c's disk, by hand:
 *
 *      disk undo DIR SIDE all|cut|torn [SEED]     a power cut
 *      disk counts CONTROL                     how many calls there were
 *      disk fail CONTROL write:1+:ENOSPC       they fail from now on
 *      disk fail CONTROL ''                    they do not any more
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/disk/control.h"
#include "t/disk/undo.h"

static int
undo(int argc, char **argv)
{
	enum disk_undo how = strcmp(argv[4], "all") == 0   ? DISK_ALL
	                     : strcmp(argv[4], "cut") == 0 ? DISK_CUT
	                                                   : DISK_TORN;
	struct disk_undone u;

	if (disk_undo(argv[2], argv[3], how,
	              argc > 5 ? strtoull(argv[5], NULL, 10) : 0, &u))
		return 1;
	printf("%llu bytes of %llu files\n", (unsigned long long)u.bytes,
	       (unsigned long long)u.files);
	return 0;
}

static int
counts(const struct disk_control *c)
{
	for (size_t i = 0; i < DISK_NCALLS; i++)
		printf("%s %llu failed %llu\n", disk_call_names[i],
		       (unsigned long long)c->of[i].count,
		       (unsigned long long)c->of[i].failed);
	return 0;
}

int
main(int argc, char **argv)
{
	struct disk_control *c;

	if (argc > 4 && strcmp(argv[1], "undo") == 0)
		return undo(argc, argv);
	if (argc < 3 || (c = disk_control_open(argv[2])) == NULL) {
		fprintf(stderr, "disk undo|counts|fail: see tool.c\n");
		return 2;
	}
	if (strcmp(argv[1], "counts") == 0)
		return counts(c);
	disk_control_clear(c);
	return argc == 4 && disk_control_set(c, argv[3]) == 0 ? 0 : 2;
}
