/* SPDX-License-Identifier: BSD-2-Clause */
/* What libmemcached, the C library, is told by the server at a port: in text or
 * in binary, the answers are the same where the two protocols can say the same.
 * The name of a function is the fact that it establishes.
 *
 *      with_libmemcached PORT text|binary [MOST]
 *
 * MOST is the longest key that the engine takes, 250 if it is not said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/wire/hears.h"
#include "t/wire/many.h"

#define MIB ((size_t)1 << 20) /* the largest value */

static size_t most = 250;

static memcached_return_t
set(const char *key, const char *value)
{
	return memcached_set(client, key, strlen(key), value, strlen(value), 0,
	                     0);
}

static memcached_return_t
drop(const char *key)
{
	return memcached_delete(client, key, strlen(key), 0);
}

/* Bytes that are the same each time. */
static char *
bytes(size_t n)
{
	char *b = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		b[i] = (char)(i * 31 + (i >> 8) * 7);
	return b;
}

/* Facts. */

static void
a_value_comes_back_as_it_was_set(void)
{
	static const char odd[] = "\r\n\0END\r\n";

	CODE(SUCCESS, set("k", "v"));
	IS("k", "v");
	CODE(SUCCESS, set("k", ""));
	IS("k", "");
	CODE(SUCCESS, memcached_set(client, "k", 1, odd, sizeof odd, 0, 0));
	VALUE(client, "k", 1, odd, sizeof odd);
}

static void
all_sizes_come_back_and_one_that_is_too_large_is_refused(void)
{
	static const size_t sizes[] = { 1,     2047,  2048,      16383,
		                        16384, 65536, MIB - 512, MIB };
	char *b = bytes(MIB + 1);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		CODE(SUCCESS,
		     memcached_set(client, "large", 5, b, sizes[i], 0, 0));
		VALUE(client, "large", 5, b, sizes[i]);
	}
	CODE(E2BIG, memcached_set(client, "over", 4, b, MIB + 1, 0, 0));
	CODE(SUCCESS, set("k", "after"));
	IS("k", "after");
	GONE("over");
	CODE(SUCCESS, drop("large"));
	free(b);
}

static void
what_would_become_too_large_stays_as_it_is(void)
{
	char *b = bytes(MIB);

	CODE(SUCCESS, memcached_set(client, "large", 5, b, MIB, 0, 0));
	if (binary) {
		CODE(E2BIG, memcached_append(client, "large", 5, "x", 1, 0, 0));
		CODE(E2BIG, memcached_prepend(client, "large", 5, "x", 1, 0, 0));
	} else { /* it has no words for that */
		CODE(NOTSTORED, memcached_append(client, "large", 5, "x", 1, 0, 0));
		CODE(NOTSTORED,
		     memcached_prepend(client, "large", 5, "x", 1, 0, 0));
	}
	VALUE(client, "large", 5, b, MIB);
	CODE(SUCCESS, drop("large"));
	free(b);
}

static void
keys_of_all_lengths_are_kept_apart(void)
{
	char key[256];
	const size_t lengths[] = { 1, 2, most - 1, most };

	memset(key, 'x', sizeof key);
	for (size_t i = 0; i < 4; i++)
		CODE(SUCCESS, memcached_set(client, key, lengths[i], key,
		                            lengths[i], 0, 0));
	for (size_t i = 0; i < 4; i++)
		VALUE(client, key, lengths[i], key, lengths[i]);
}

static void
a_key_that_is_too_long_is_refused_and_the_connection_goes_on(void)
{
	char key[256];

	memset(key, 'y', sizeof key);
	/* the library knows 250, and asks nobody about 251 */
	if (most < 250)
		CODE(E2BIG, memcached_set(client, key, most + 1, "v", 1, 0, 0));
	CODE(BAD_KEY_PROVIDED, memcached_set(client, key, 251, "v", 1, 0, 0));
	CODE(BAD_KEY_PROVIDED, memcached_set(client, "", 0, "v", 1, 0, 0));
	IS("k", "after");
}

static void
a_key_may_have_any_bytes_in_binary(void)
{
	static const char keys[][4] = { "a b",      "a\0b", "\r\n\t",
		                        "\377\0\1", "../",  "%2f" };

	for (size_t i = 0; binary && i < sizeof keys / 4; i++)
		CODE(SUCCESS,
		     memcached_set(client, keys[i], 3, keys[i], 3, 0, 0));
	for (size_t i = 0; binary && i < sizeof keys / 4; i++)
		VALUE(client, keys[i], 3, keys[i], 3);
}

static void
flags_are_kept_and_what_is_stored_in_place_keeps_its_own(void)
{
	memcached_return_t rc;
	uint32_t flags = 0;
	size_t n;

	CODE(SUCCESS, memcached_set(client, "f", 1, "v", 1, 0, 0xfedcba98));
	free(memcached_get(client, "f", 1, &n, &flags, &rc));
	NUMBER(0xfedcba98, flags);
	CODE(SUCCESS, memcached_append(client, "f", 1, "w", 1, 0, 7));
	free(memcached_get(client, "f", 1, &n, &flags, &rc));
	NUMBER(0xfedcba98, flags);
	CODE(SUCCESS, memcached_replace(client, "f", 1, "v", 1, 0, 7));
	free(memcached_get(client, "f", 1, &n, &flags, &rc));
	NUMBER(7, flags);
}

static void
add_and_replace_look_before_they_store(void)
{
	(void)drop("a");
	EITHER(NOTSTORED, NOTFOUND,
	       memcached_replace(client, "a", 1, "1", 1, 0, 0));
	CODE(SUCCESS, memcached_add(client, "a", 1, "2", 1, 0, 0));
	EITHER(NOTSTORED, DATA_EXISTS,
	       memcached_add(client, "a", 1, "3", 1, 0, 0));
	IS("a", "2");
	CODE(SUCCESS, memcached_replace(client, "a", 1, "4", 1, 0, 0));
	IS("a", "4");
}

static void
append_and_prepend_join(void)
{
	(void)drop("j");
	CODE(NOTSTORED, memcached_append(client, "j", 1, "x", 1, 0, 0));
	CODE(NOTSTORED, memcached_prepend(client, "j", 1, "x", 1, 0, 0));
	CODE(SUCCESS, set("j", "middle"));
	CODE(SUCCESS, memcached_append(client, "j", 1, "-end", 4, 0, 0));
	CODE(SUCCESS, memcached_prepend(client, "j", 1, "begin-", 6, 0, 0));
	CODE(SUCCESS, memcached_append(client, "j", 1, "", 0, 0, 0));
	IS("j", "begin-middle-end");
}

static void
what_is_deleted_is_gone(void)
{
	CODE(SUCCESS, set("d", "v"));
	CODE(SUCCESS, drop("d"));
	GONE("d");
	CODE(NOTFOUND, drop("d"));
}

/* Of a key; 0: it has none. */
static uint64_t
cas_of(memcached_st *m, const char *key)
{
	size_t n = strlen(key);
	memcached_result_st *r;
	memcached_return_t rc;
	uint64_t cas = 0;

	CODE(SUCCESS, memcached_mget(m, &key, &n, 1));
	while ((r = memcached_fetch_result(m, NULL, &rc)) != NULL) {
		cas = memcached_result_cas(r);
		memcached_result_free(r);
	}
	return cas;
}

static void
cas_stores_only_what_nobody_changed(void)
{
	uint64_t cas;

	CODE(SUCCESS, set("c", "1"));
	cas = cas_of(client, "c");
	TRUE(cas != 0);
	NUMBER(cas, cas_of(other, "c"));
	CODE(SUCCESS, memcached_cas(client, "c", 1, "2", 1, 0, 0, cas));
	TRUE(cas_of(client, "c") != cas);
	CODE(DATA_EXISTS, memcached_cas(client, "c", 1, "3", 1, 0, 0, cas));
	cas = cas_of(client, "c");
	CODE(SUCCESS, memcached_set(other, "c", 1, "4", 1, 0, 0));
	CODE(DATA_EXISTS, memcached_cas(client, "c", 1, "5", 1, 0, 0, cas));
	IS("c", "4");
	CODE(SUCCESS, drop("c"));
	CODE(NOTFOUND, memcached_cas(client, "c", 1, "6", 1, 0, 0, cas));
	GONE("c");
}

static void
counters_have_64_bits(void)
{
	uint64_t n = 0;

	(void)drop("n");
	CODE(NOTFOUND, memcached_increment(client, "n", 1, 1, &n));
	CODE(NOTFOUND, memcached_decrement(client, "n", 1, 1, &n));
	CODE(SUCCESS, set("n", "10"));
	CODE(SUCCESS, memcached_increment(client, "n", 1, 5, &n));
	NUMBER(15, n);
	CODE(SUCCESS, memcached_decrement(client, "n", 1, 6, &n));
	NUMBER(9, n);
	CODE(SUCCESS, memcached_decrement(client, "n", 1, 100, &n));
	NUMBER(0, n);
	CODE(SUCCESS, memcached_increment(client, "n", 1, UINT32_MAX, &n));
	NUMBER(UINT32_MAX, n);
	CODE(SUCCESS, set("n", "18446744073709551614"));
	CODE(SUCCESS, memcached_increment(client, "n", 1, 1, &n));
	NUMBER(UINT64_MAX, n);
	CODE(SUCCESS, memcached_increment(client, "n", 1, 3, &n));
	NUMBER(2, n);
	CODE(SUCCESS, memcached_increment(other, "n", 1, 3, &n));
	NUMBER(5, n);
}

static void
what_is_no_number_does_not_count(void)
{
	uint64_t n = 0;

	CODE(SUCCESS, set("n", "ten"));
	EITHER(CLIENT_ERROR, UNKNOWN_READ_FAILURE,
	       memcached_increment(client, "n", 1, 1, &n));
	EITHER(CLIENT_ERROR, UNKNOWN_READ_FAILURE,
	       memcached_decrement(client, "n", 1, 1, &n));
	CODE(SUCCESS, set("n", "18446744073709551616"));
	EITHER(CLIENT_ERROR, UNKNOWN_READ_FAILURE,
	       memcached_increment(client, "n", 1, 1, &n));
	IS("n", "18446744073709551616");
}

static void
a_counter_begins_where_binary_says(void)
{
	uint64_t n = 0, big = UINT64_MAX - 5;

	if (!binary)
		return;
	(void)drop("n");
	CODE(NOTFOUND,
	     memcached_increment_with_initial(
		     client, "n", 1, 1, 7, MEMCACHED_EXPIRATION_NOT_ADD, &n));
	GONE("n");
	CODE(SUCCESS,
	     memcached_increment_with_initial(client, "n", 1, 1, big, 0, &n));
	NUMBER(big, n);
	CODE(SUCCESS,
	     memcached_increment_with_initial(client, "n", 1, 5, 7, 0, &n));
	NUMBER(UINT64_MAX, n);
	CODE(SUCCESS,
	     memcached_decrement_with_initial(client, "n", 1, big, 7, 0, &n));
	NUMBER(5, n);
	CODE(SUCCESS, drop("n"));
	CODE(SUCCESS,
	     memcached_decrement_with_initial(client, "n", 1, 5, 7, 0, &n));
	NUMBER(7, n);
}

static void
what_is_not_answered_is_done_in_order(void)
{
	memcached_st *q = hears_with(MEMCACHED_BEHAVIOR_NOREPLY);
	char digits[16];
	int n = 0;

	for (int i = 0; i < 500; i++) {
		n = sprintf(digits, "%d", i);
		memcached_set(q, "q", 1, digits, (size_t)n, 0, 0);
	}
	VALUE(q, "q", 1, "499", 3);
	memcached_append(q, "q", 1, "0", 1, 0, 0);
	memcached_prepend(q, "q", 1, "1", 1, 0, 0);
	if (!binary) /* there, what fails is answered, and to nobody */
		memcached_replace(q, "other", 5, "no", 2, 0, 0);
	VALUE(q, "q", 1, "14990", 5);
	memcached_delete(q, "q", 1, 0);
	VALUE(q, "q", 1, NULL, 0);
	memcached_free(q);
}

static void
a_group_key_chooses_the_server_and_no_more(void)
{
	memcached_return_t rc;
	uint32_t flags;
	uint64_t number;
	size_t n = 0;
	char *got;

	CODE(SUCCESS,
	     memcached_set_by_key(client, "g", 1, "bk", 2, "41", 2, 0, 3));
	got = memcached_get_by_key(client, "g", 1, "bk", 2, &n, &flags, &rc);
	hears_bytes(__LINE__, "get_by_key", got, n, "41", 2);
	free(got);
	IS("bk", "41");
	CODE(SUCCESS,
	     memcached_increment_by_key(client, "g", 1, "bk", 2, 1, &number));
	NUMBER(42, number);
	CODE(SUCCESS, memcached_touch_by_key(client, "g", 1, "bk", 2, 0));
	CODE(SUCCESS, memcached_exist_by_key(client, "g", 1, "bk", 2));
	CODE(SUCCESS, memcached_delete_by_key(client, "g", 1, "bk", 2, 0));
	GONE("bk");
}

static void
a_namespace_is_a_part_of_the_key(void)
{
	memcached_st *n = hears_with(MEMCACHED_BEHAVIOR_TCP_NODELAY);

	memcached_callback_set(n, MEMCACHED_CALLBACK_NAMESPACE, "space:");
	CODE(SUCCESS, memcached_set(n, "k", 1, "in it", 5, 0, 0));
	IS("space:k", "in it");
	memcached_free(n);
}

static void
what_is_there_exists(void)
{
	CODE(SUCCESS, set("e", "v"));
	CODE(SUCCESS, memcached_exist(client, "e", 1));
	IS("e", "v");
	CODE(SUCCESS, drop("e"));
	CODE(NOTFOUND, memcached_exist(client, "e", 1));
	CODE(NOTFOUND, memcached_exist(client, "e", 1));
	GONE("e");
}

/* Asks now and then until it is: the server's clock is the event. */
static void
is_gone(const char *key)
{
	time_t until = time(NULL) + 60;
	memcached_return_t rc;

	while ((rc = memcached_exist(client, key, strlen(key))) ==
	               MEMCACHED_SUCCESS &&
	       time(NULL) < until)
		usleep(20000);
	hears_code(__LINE__, key, client, rc, MEMCACHED_NOTFOUND);
}

static memcached_return_t
set_for(const char *key, time_t expiry)
{
	return memcached_set(client, key, strlen(key), "1", 1, expiry, 0);
}

/* Touched while it is there: a second may be over at once. */
static void
kept(const char *key)
{
	time_t until = time(NULL) + 60;
	memcached_return_t rc;

	do {
		CODE(SUCCESS, set_for(key, 1));
		rc = memcached_touch(client, key, strlen(key), 0);
	} while (rc == MEMCACHED_NOTFOUND && time(NULL) < until);
	CODE(SUCCESS, rc);
}

static void
what_expires_is_gone_and_what_does_not_stays(void)
{
	time_t now = time(NULL);

	CODE(SUCCESS, set_for("relative", 1));
	CODE(SUCCESS, set_for("absolute", now + 1));
	CODE(SUCCESS, set_for("long", 2592000));
	CODE(SUCCESS, set_for("far", now + 2592001));
	CODE(SUCCESS, set_for("never", 0));
	CODE(SUCCESS, set_for("past", now - 10));
	GONE("past");
	CODE(SUCCESS, set_for("touched", 0));
	CODE(SUCCESS, memcached_touch(client, "touched", 7, 1));
	CODE(NOTFOUND, memcached_touch(client, "missing", 7, 1));
	kept("kept");
	is_gone("relative");
	is_gone("absolute");
	is_gone("touched");
	IS("long", "1");
	IS("far", "1");
	IS("never", "1");
	IS("kept", "1");
}

static void
what_one_protocol_stored_the_other_gives(void)
{
	uint64_t n;

	CODE(SUCCESS, memcached_set(other, "both", 4, "9", 1, 0, 0xabcd));
	IS("both", "9");
	CODE(SUCCESS, memcached_append(client, "both", 4, "9", 1, 0, 0));
	CODE(SUCCESS, memcached_increment(other, "both", 4, 1, &n));
	NUMBER(100, n);
	IS("both", "100");
	CODE(SUCCESS, drop("both"));
	VALUE(other, "both", 4, NULL, 0);
}

/* Statistics. */

static memcached_return_t
count_stat(const memcached_instance_st *s, const char *key, size_t nkey,
           const char *value, size_t nvalue, void *n)
{
	(void)s, (void)value, (void)nvalue;
	TRUE(key != NULL && nkey > 0);
	++*(unsigned *)n;
	return MEMCACHED_SUCCESS;
}

static void
it_says_its_statistics(void)
{
	memcached_return_t rc;
	memcached_stat_st *stat = memcached_stat(client, NULL, &rc);
	unsigned n = 0;

	CODE(SUCCESS, rc);
	TRUE(stat && stat->pid > 0);
	TRUE(stat && stat->curr_connections > 0);
	TRUE(stat && stat->cmd_get > 0 && stat->cmd_set > 0);
	TRUE(stat && strlen(stat->version) > 0);
	memcached_stat_free(client, stat);
	CODE(SUCCESS, memcached_stat_execute(client, NULL, count_stat, &n));
	TRUE(n > 20);
	IS("never", "1"); /* goes on */
}

static void
a_group_has_statistics_of_its_own(void)
{
	unsigned n = 0;

	CODE(SUCCESS, memcached_stat_execute(client, "scans", count_stat, &n));
	TRUE(n > 5);
	IS("never", "1");
}

static void
it_says_its_version(void)
{
	const memcached_instance_st *s;

	CODE(SUCCESS, memcached_version(client));
	s = memcached_server_instance_by_position(client, 0);
	TRUE(memcached_server_major_version(s) != UINT8_MAX);
	CODE(SUCCESS, memcached_verbosity(client, 0));
	IS("never", "1");
}

static void
flush_empties_it(void)
{
	CODE(SUCCESS, set("f", "v"));
	CODE(SUCCESS, memcached_flush(client, 0));
	GONE("f");
	GONE("never");
	CODE(SUCCESS, set("f", "w"));
	IS("f", "w");
}

static const struct fact {
	const char *name;
	void (*run)(void);
} facts[] = {
#define FACT(fn)        \
	{               \
#fn, fn \
	}
	FACT(a_value_comes_back_as_it_was_set),
	FACT(all_sizes_come_back_and_one_that_is_too_large_is_refused),
	FACT(what_would_become_too_large_stays_as_it_is),
	FACT(keys_of_all_lengths_are_kept_apart),
	FACT(a_key_that_is_too_long_is_refused_and_the_connection_goes_on),
	FACT(a_key_may_have_any_bytes_in_binary),
	FACT(flags_are_kept_and_what_is_stored_in_place_keeps_its_own),
	FACT(add_and_replace_look_before_they_store),
	FACT(append_and_prepend_join),
	FACT(what_is_deleted_is_gone),
	FACT(cas_stores_only_what_nobody_changed),
	FACT(counters_have_64_bits),
	FACT(what_is_no_number_does_not_count),
	FACT(a_counter_begins_where_binary_says),
	FACT(a_get_of_many_keys_gives_those_that_are_there),
	FACT(what_is_buffered_arrives_when_it_is_flushed),
	FACT(what_is_not_answered_is_done_in_order),
	FACT(a_group_key_chooses_the_server_and_no_more),
	FACT(a_namespace_is_a_part_of_the_key),
	FACT(what_is_there_exists),
	FACT(what_expires_is_gone_and_what_does_not_stays),
	FACT(what_one_protocol_stored_the_other_gives),
	FACT(it_says_its_statistics),
	FACT(a_group_has_statistics_of_its_own),
	FACT(it_says_its_version),
	FACT(flush_empties_it),
};

static void
say(const struct fact *f, bool good)
{
	char name[128];

	snprintf(name, sizeof name, "%s", f->name);
	for (char *at = name; (at = strchr(at, '_')) != NULL;)
		*at = ' ';
	printf("%s: %s\n", good ? "ok" : "FAILED", name);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	unsigned all = 0;

	if (argc < 3) {
		fprintf(stderr,
		        "usage: with_libmemcached PORT text|binary [MOST]\n");
		return 2;
	}
	hears_open(atoi(argv[1]), strcmp(argv[2], "binary") == 0);
	if (argc > 3)
		most = (size_t)atoi(argv[3]);
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		hears_failed = 0;
		facts[i].run();
		say(&facts[i], hears_failed == 0);
		all += hears_failed;
	}
	hears_close();
	return all != 0;
}
