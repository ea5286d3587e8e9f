/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "protocol/status.h"
#include "scan/told.h"

enum ewb_status
ewb_scan_told_create(enum ewb_status s)
{
	switch ((uint32_t)s) {
	case EWB_WIRE_OK:
	case EWB_WIRE_NOT_FOUND:      /* nothing is in the range */
	case EWB_WIRE_INVALID:
	case EWB_WIRE_NOT_STORED:     /* the snapshot has no such seqno */
	case EWB_WIRE_NOT_MY_VBUCKET:
	case EWB_WIRE_RANGE:
	case EWB_WIRE_NO_ACCESS:
	case EWB_WIRE_NO_MEMORY:
	case EWB_WIRE_NOT_SUPPORTED:
	case EWB_WIRE_INTERNAL:
	case EWB_WIRE_BUSY:
	case EWB_WIRE_TEMPORARY:      /* the seqno is not reached */
	case EWB_WIRE_UNKNOWN_COLLECTION:
	case EWB_WIRE_OTHER_UUID: return s;
	/* there was none yet: the client may ask again */
	case EWB_WIRE_SCAN_CANCELLED: return EWB_TEMPORARY;
	default: return EWB_INTERNAL;
	}
}

enum ewb_status
ewb_scan_told_continue(enum ewb_status s)
{
	switch ((uint32_t)s) {
	case EWB_WIRE_SCAN_MORE:
	case EWB_WIRE_SCAN_COMPLETE:
	case EWB_WIRE_NOT_FOUND:      /* no such scan */
	case EWB_WIRE_TOO_BIG:        /* for the server's buffer memory */
	case EWB_WIRE_INVALID:
	case EWB_WIRE_NOT_MY_VBUCKET:
	case EWB_WIRE_NO_ACCESS:
	case EWB_WIRE_NO_MEMORY:
	case EWB_WIRE_NOT_SUPPORTED:
	case EWB_WIRE_INTERNAL:
	case EWB_WIRE_BUSY:           /* it is being continued; no memory */
	case EWB_WIRE_TEMPORARY:      /* its deadline has passed */
	case EWB_WIRE_UNKNOWN_COLLECTION:
	case EWB_WIRE_SCAN_CANCELLED: return s;
	default: return EWB_INTERNAL;
	}
}

enum ewb_status
ewb_scan_told_failure(enum ewb_status s)
{
	switch ((uint32_t)s) {
	case EWB_WIRE_INVALID:
	case EWB_WIRE_NOT_MY_VBUCKET:
	case EWB_WIRE_NO_ACCESS:
	case EWB_WIRE_NO_MEMORY:
	case EWB_WIRE_NOT_SUPPORTED:
	case EWB_WIRE_BUSY:
	case EWB_WIRE_TEMPORARY:
	case EWB_WIRE_UNKNOWN_COLLECTION:
	case EWB_WIRE_SCAN_CANCELLED: return s;
	default: return EWB_INTERNAL;
	}
}
