/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "protocol/status.h"

const char *
ewb_status_text(uint32_t status)
{
	switch (status) {
#define EWB_STATUS(name, code, text, reply, attributes) \
	case (code):                        \
		return (text);
#include "protocol/status.def"
#undef EWB_STATUS
	default: return "unknown status";
	}
}
