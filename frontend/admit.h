/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command must pass before it begins, where its session says so: plain
 * clients' do not, and pay nothing for it. */
#ifndef FRONTEND_ADMIT_H
#define FRONTEND_ADMIT_H

#include "frontend/front.h"

/* Bits of a session's checks. */
#define EWB_CHECK_VBUCKET 1u   /* the vbucket is that of its key */
#define EWB_CHECK_NO_BUCKET 2u /* it asks for no data: none is selected */
#define EWB_CHECK_PREFIX 4u    /* its key begins with the collection's number */
#define EWB_CHECK_STORED 8u    /* its key may be stored as another */

/* c is filled.  One that does not pass will end with its frame's status. */
void ewb_admit(struct ewb_cookie *c) EWB_ON_FRONT;
/* What a session's commands must pass, from its features. */
void ewb_admit_features(struct ewb_session *s) EWB_ON_FRONT;

#endif
