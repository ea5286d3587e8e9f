/* SPDX-License-Identifier: BSD-2-Clause */
/* Meta commands that look at an item before they change it. */
#ifndef COOKIE_META_H
#define COOKIE_META_H

#include "cookie/cookie.h"

/* Bits of a meta command's note: what its reply says beside its flags. */
#define EWB_META_WON 1u
#define EWB_META_WAS_SENT 2u
#define EWB_META_WAS_STALE 4u
#define EWB_META_MADE 8u

/* front: the expiry of its item once a flag has been looked at, which are in
 * their order: so t says what was set before it. */
uint32_t ewb_meta_expiry(const struct ewb_cookie *c, char letter,
                         uint32_t expiry) EWB_ON_FRONT;

/* The run callback of META_GET and META_DEBUG: at once where it can be. */
enum ewb_status ewb_meta_get_run(struct ewb_cookie *c);

#endif
