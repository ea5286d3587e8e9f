/* SPDX-License-Identifier: BSD-2-Clause */
/* Where goes what there is no memory for: a file without a name, a part of it for
 * each user.  Zero-filled is ready for use; the file is made when it is needed. */
#ifndef DAEMON_CTL_SPILL_H
#define DAEMON_CTL_SPILL_H

#include <stddef.h>
#include <stdint.h>

struct ewb_ctl_spill {
	int fd; /* 0: there is none */
};

/* Bytes of each user's part. */
#define EWB_CTL_SPILL_PART (UINT64_C(1) << 32)

/* Both: 0 or -errno.  at is from the beginning of the part. */
int ewb_ctl_spill_write(struct ewb_ctl_spill *s, uint32_t user, uint64_t at,
                        const void *data, size_t n);
int ewb_ctl_spill_read(const struct ewb_ctl_spill *s, uint32_t user,
                       uint64_t at, void *data, size_t n);
void ewb_ctl_spill_fini(struct ewb_ctl_spill *s);

#endif
