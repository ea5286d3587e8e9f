/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/address.h"

const char *
address_port(const char *address)
{
	const char *colon = strchr(address, ':');

	if (address[0] == '[') {
		colon = strchr(address, ']');
		return colon && colon[1] == ':' ? colon + 2 : NULL;
	}
	/* with more than one it is of version 6 */
	return colon && strchr(colon + 1, ':') == NULL ? colon + 1 : NULL;
}

void
address_whole(char *to, size_t n, const char *address, unsigned port)
{
	if (address_port(address))
		snprintf(to, n, "%s", address);
	else if (strchr(address, ':') && address[0] != '[')
		snprintf(to, n, "[%s]:%u", address, port);
	else
		snprintf(to, n, "%s:%u", address, port);
}
