/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "t/wire/hears.h"
#include "t/wire/many.h"

#define MANY 1000

static char key_text[MANY][16];
static const char *keys[MANY];
static size_t lengths[MANY];

static void
make_keys(void)
{
	for (int i = 0; i < MANY; i++) {
		lengths[i] = (size_t)sprintf(key_text[i], "many%d", i);
		keys[i] = key_text[i];
	}
}

/* Every other key has its own number as its value. */
static void
set_many(memcached_st *m, memcached_return_t want)
{
	for (int i = 0; i < MANY; i += 2)
		hears_code(__LINE__, keys[i], m,
		           memcached_set(m, keys[i], lengths[i], keys[i] + 4,
		                         lengths[i] - 4, 0, (uint32_t)i),
		           want);
}

/* Is it one of those, as it was set? */
static void
check_result(memcached_result_st *r)
{
	const char *key = memcached_result_key_value(r);
	size_t n = memcached_result_key_length(r);

	hears_bytes(__LINE__, "a value of many", memcached_result_value(r),
	            memcached_result_length(r), key + 4, n - 4);
	NUMBER((uint64_t)atoi(key + 4), memcached_result_flags(r));
	TRUE(memcached_result_cas(r) != 0);
}

static unsigned
fetch_all(memcached_st *m)
{
	memcached_result_st r; /* one of the heap would be freed at the end */
	memcached_return_t rc = MEMCACHED_SUCCESS;
	unsigned n = 0;

	memcached_result_create(m, &r);
	for (; memcached_fetch_result(m, &r, &rc) != NULL; n++)
		check_result(&r);
	hears_code(__LINE__, "the end of many", m, rc,
	           n ? MEMCACHED_END : MEMCACHED_NOTFOUND);
	memcached_result_free(&r);
	return n;
}

void
a_get_of_many_keys_gives_those_that_are_there(void)
{
	make_keys();
	set_many(client, MEMCACHED_SUCCESS);
	CODE(SUCCESS, memcached_mget(client, keys, lengths, MANY));
	NUMBER(MANY / 2, fetch_all(client));
	CODE(SUCCESS, memcached_mget(client, keys, lengths, MANY));
	memcached_quit(client); /* in the middle of it */
	CODE(SUCCESS, memcached_mget(client, keys, lengths, 1));
	NUMBER(1, fetch_all(client));
	for (int i = 0; i < MANY; i++)
		EITHER(SUCCESS, SUCCESS,
		       i % 2 ? MEMCACHED_SUCCESS
		             : memcached_delete(client, keys[i], lengths[i],
		                                0));
	CODE(SUCCESS, memcached_mget(client, keys, lengths, MANY));
	NUMBER(0, fetch_all(client));
}

static memcached_return_t
count_result(const memcached_st *m, memcached_result_st *r, void *n)
{
	(void)m;
	check_result(r);
	++*(unsigned *)n;
	return MEMCACHED_SUCCESS;
}

void
what_is_buffered_arrives_when_it_is_flushed(void)
{
	memcached_st *b = hears_with(MEMCACHED_BEHAVIOR_BUFFER_REQUESTS);
	memcached_execute_fn fn[] = { count_result };
	unsigned n = 0;

	make_keys();
	set_many(b, MEMCACHED_BUFFERED);
	hears_code(__LINE__, "flush_buffers", b, memcached_flush_buffers(b),
	           MEMCACHED_SUCCESS);
	VALUE(b, "none", 4, NULL, 0); /* it has been read */
	CODE(SUCCESS, memcached_mget(client, keys, lengths, MANY));
	CODE(SUCCESS, memcached_fetch_execute(client, fn, &n, 1));
	NUMBER(MANY / 2, n);
	for (int i = 0; i < MANY; i += 2)
		(void)memcached_delete(b, keys[i], lengths[i], 0);
	(void)memcached_flush_buffers(b);
	VALUE(b, "none", 4, NULL, 0);
	CODE(SUCCESS, memcached_mget(client, keys, lengths, MANY));
	NUMBER(0, fetch_all(client));
	memcached_free(b);
}
