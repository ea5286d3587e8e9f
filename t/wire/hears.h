/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client of libmemcached hears from the server at a port.  A check that
 * fails says what it expected, and is counted. */
#ifndef T_WIRE_HEARS_H
#define T_WIRE_HEARS_H

#include <libmemcached/memcached.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

extern bool binary; /* the client's protocol; else text */
extern memcached_st *client;
extern memcached_st *other;   /* speaks the other protocol */
extern unsigned hears_failed; /* checks */

void hears_open(int port, bool in_binary);
void hears_close(void);
/* As the client, with one behaviour more; to be freed. */
memcached_st *hears_with(memcached_behavior_t what);

void hears_code(int line, const char *what, memcached_st *m,
                memcached_return_t got, memcached_return_t want);
void hears_number(int line, const char *what, uint64_t got, uint64_t want);
void hears_bytes(int line, const char *what, const char *got, size_t ngot,
                 const char *want, size_t nwant);
/* The value of a key; want null: a miss. */
void hears_value(int line, memcached_st *m, const char *key, size_t nkey,
                 const char *want, size_t nwant);

#define CODE(want, call) \
	hears_code(__LINE__, #call, client, call, MEMCACHED_##want)
#define EITHER(text, bin, call)                   \
	hears_code(__LINE__, #call, client, call, \
	           binary ? MEMCACHED_##bin : MEMCACHED_##text)
#define NUMBER(want, got) hears_number(__LINE__, #got, (uint64_t)(got), want)
#define TRUE(what) hears_number(__LINE__, #what, (what) != 0, 1)
#define VALUE(m, key, nkey, want, nwant) \
	hears_value(__LINE__, m, key, nkey, want, nwant)
#define IS(key, want) VALUE(client, key, strlen(key), want, strlen(want))
#define GONE(key) VALUE(client, key, strlen(key), NULL, 0)

#endif
