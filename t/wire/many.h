/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client of libmemcached hears when it asks for many keys at once. */
#ifndef T_WIRE_MANY_H
#define T_WIRE_MANY_H

void a_get_of_many_keys_gives_those_that_are_there(void);
void what_is_buffered_arrives_when_it_is_flushed(void);

#endif
