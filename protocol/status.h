/* SPDX-License-Identifier: BSD-2-Clause */
/* The statuses as they are on the wire; the engines' header has the same
 * numbers under its own names. */
#ifndef PROTOCOL_STATUS_H
#define PROTOCOL_STATUS_H

#include <stdint.h>

enum ewb_wire {
#define EWB_STATUS(name, code, text, reply, attributes) EWB_WIRE_##name = (code),
#include "protocol/status.def"
#undef EWB_STATUS
};

/* For people, such as "not found"; an unknown one is "unknown status". */
const char *ewb_status_text(uint32_t status);

#endif
