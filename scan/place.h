/* SPDX-License-Identifier: BSD-2-Clause */
/* Where among an engine's keys the range of a collection lies. */
#ifndef SCAN_PLACE_H
#define SCAN_PLACE_H

#include "cookie/core.h"
#include "scan/request.h"

/* The bounds become those of the engine's keys, within the collection that is
 * wanted.  EWB_OK, or there is none such. */
enum ewb_status ewb_scan_place(struct ewb_scan_request *want,
                               const struct ewb_core *core);
/* A scan of that collection, which there is, is counted; row: the front end's. */
void ewb_scan_place_used(const struct ewb_scan_request *want,
                         const struct ewb_core *core, unsigned row);
/* The size that a range has which is not descending: filters that were built before
 * there was a direction copy no more of it. */
#define EWB_RANGE_ASCENDING ((uint32_t)offsetof(struct ewb_range, descending))
/* As an engine has it; into want's bounds, and of vbucket 0. */
void ewb_scan_range(const struct ewb_scan_request *want, struct ewb_range *range);
/* All of its collection. */
void ewb_scan_whole(struct ewb_scan_request *want, const struct ewb_core *core);

#endif
