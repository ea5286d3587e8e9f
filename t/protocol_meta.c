/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parser makes of meta commands. */
#include "config.h"

#include <string.h>

#include "protocol/meta.h"
#include "protocol/text.h"
#include "t/protocol_play.h"
#include "t/unit.h"

#define MAX_VALUE 1000
#define ERROR_4(text) "error 4 \"CLIENT_ERROR " text "\""
#define FORMAT ERROR_4("bad command line format")
#define TOKEN ERROR_4("bad token in command line format")
#define FLAG ERROR_4("invalid or duplicate flag")
#define CHARS_50 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define KEY_250 CHARS_50 CHARS_50 CHARS_50 CHARS_50 CHARS_50

/* What the parser makes of it, however it is cut. */
static void
says(const char *in, const char *want)
{
	char *said = play(PLAY_TEXT, in, strlen(in), MAX_VALUE);

	ck_assert_str_eq(said, want);
	free(said);
}

static const struct row {
	const char *in, *want;
} rows[] = {
	{ "mn\r\n", "noop meta\n" },
	{ "mn what follows\r\n", "noop meta\n" },
	{ "mg k\r\n", "mg k meta delta=1\n" },
	{ "mg  k  v  c\n",
	  "mg k want_cas meta want_value delta=1 extras=4\n" },
	{ "mg " KEY_250 "\r\n", "mg " KEY_250 " meta delta=1\n" },
	{ "mg k q u Oab P/x Lz\r\n",
	  "mg k quiet meta unseen delta=1 extras=14\n" },
	/* it may be changed */
	{ "mg k T30\r\n", "mg_touch k meta ttl exptime=30 delta=1 extras=3\n" },
	{ "mg k N30 R-1\r\n",
	  "mg_touch k create meta recache delta=1 N=30 R=4294967295 extras=7\n" },
	/* in base64 */
	{ "mg Zm9v b\r\n", "mg Zm9v meta base64 delta=1 datatype=32 extras=1\n" },
	{ "mg Zm8 b\r\n", ERROR_4("error decoding key") "\n" },
	{ "mg Zm9! b\r\n", ERROR_4("error decoding key") "\n" },
	{ "ms Zm8 2 b\r\nhi\r\n", ERROR_4("error decoding key") " skip value=2\n" },
	/* stores */
	{ "ms k 2\r\nhi\r\n", "set k meta delta=1 value=2\n" },
	{ "ms k 0 T5 F7 c\r\n\r\n", "set k want_cas meta ttl flags=7 exptime=5 "
	                            "delta=1 extras=7\n" },
	{ "ms k 2 C9\r\nhi\r\n",
	  "set k compare meta cas=9 delta=1 extras=2 value=2\n" },
	{ "ms k 2 C9 I\r\nhi\r\n",
	  "ms k compare meta invalid cas=9 delta=1 extras=4 value=2\n" },
	{ "ms k 2 I\r\nhi\r\n",
	  "set k meta invalid delta=1 extras=1 value=2\n" },
	{ "ms k 2 ME\r\nhi\r\n", "add k meta delta=1 extras=2 value=2\n" },
	{ "ms k 2 MA\r\nhi\r\n", "append k meta delta=1 extras=2 value=2\n" },
	{ "ms k 2 MP\r\nhi\r\n", "prepend k meta delta=1 extras=2 value=2\n" },
	{ "ms k 2 MR\r\nhi\r\n", "replace k meta delta=1 extras=2 value=2\n" },
	{ "ms k 2 MS\r\nhi\r\n", "set k meta delta=1 extras=2 value=2\n" },
	{ "ms k 2 Mx\r\nhi\r\n",
	  ERROR_4("invalid mode for ms M token") " skip value=2\n" },
	{ "ms k 2 MSE\r\nhi\r\n",
	  ERROR_4("incorrect length for M token") " skip value=2\n" },
	{ "ms k 1001 k\r\n",
	  "error 3 \"SERVER_ERROR object too large for cache\" skip "
	  "value=1001\n" },
	{ "ms k\r\n", FORMAT "\n" },
	{ "ms k x\r\n", FORMAT "\n" },
	{ "ms k -1\r\n", FORMAT "\n" },
	{ "ms k 2 Fx\r\nhi\r\n", FORMAT " skip value=2\n" },
	/* removes */
	{ "md k q\r\n", "delete k quiet meta delta=1 extras=1\n" },
	{ "md k C5\r\n", "delete k compare meta cas=5 delta=1 extras=2\n" },
	{ "md k C0\r\n", "md k compare meta delta=1 extras=2\n" },
	{ "md k I T5\r\n", "md k meta invalid ttl exptime=5 delta=1 extras=4\n" },
	/* counts */
	{ "ma k\r\n", "ma k meta delta=1\n" },
	{ "ma k MD D9 N5 J7\r\n",
	  "ma k create meta down delta=9 initial=7 N=5 extras=11\n" },
	{ "ma k M-\r\n", "ma k meta down delta=1 extras=2\n" },
	{ "ma k M+\r\n", "ma k meta delta=1 extras=2\n" },
	{ "ma k Mx\r\n", ERROR_4("invalid mode for ma M token") "\n" },
	{ "ma k M\r\n", FLAG "\n" },
	{ "ma k Dx\r\n", FLAG "\n" },
	{ "ma k v v\r\n", FLAG "\n" },
	{ "md k noreply\r\n", FLAG "\n" },
	/* what is said */
	{ "me k b\r\n", ERROR_4("error decoding key") "\n" },
	{ "me k\r\n", "me k meta delta=1\n" },
	{ "me\r\n", FORMAT "\n" },
	/* flags that are wrong */
	{ "mg k v v\r\n", ERROR_4("duplicate flag") "\n" },
	{ "mg k T1 T2\r\n", ERROR_4("duplicate flag") "\n" },
	{ "mg k !\r\n", ERROR_4("invalid flag") "\n" },
	{ "mg k \xff\r\n", ERROR_4("duplicate flag") "\n" },
	{ "mg k Tx v v\r\n", ERROR_4("duplicate flag") "\n" },
	{ "mg k Tx D\r\n", ERROR_4("invalid numeric delta value") "\n" },
	{ "mg fo b Tx\r\n", TOKEN "\n" },
	{ "mg fo Tx b\r\n", ERROR_4("error decoding key") "\n" },
	{ "mg k noreply\r\n", ERROR_4("invalid flag") "\n" },
	{ "mg k T\r\n", TOKEN "\n" },
	{ "mg k Nx\r\n", TOKEN "\n" },
	{ "mg k C-1\r\n", TOKEN "\n" },
	{ "mg k O1234567890123456789012345678901\r\n",
	  "mg k meta delta=1 extras=32\n" },
	{ "mg k O12345678901234567890123456789012\r\n",
	  ERROR_4("opaque token too long") "\n" },
	/* keys that are */
	{ "mg " KEY_250 "k\r\n", FORMAT "\n" },
	{ "ms " KEY_250 "k 2\r\nhi\r\n", FORMAT " skip value=2\n" },
	{ "mg\r\n", "error 81 \"ERROR\"\n" },
	{ "ms\r\n", "error 81 \"ERROR\"\n" },
	{ "md\r\n", "error 81 \"ERROR\"\n" },
	{ "ma\r\n", "error 81 \"ERROR\"\n" },
	{ "mx k\r\n", "error 81 \"ERROR\"\n" },
};
#define NROWS ((int)(sizeof rows / sizeof *rows))

START_TEST(a_line_is_understood)
{
	says(rows[_i].in, rows[_i].want);
}
END_TEST

START_TEST(flags_are_taken_one_by_one)
{
	static const char flags[] = "  v Oabc  k";
	const uint8_t *p = (const uint8_t *)flags;
	size_t n = sizeof flags - 1, took;
	struct ewb_meta_flag f;

	took = ewb_meta_next(p, n, &f);
	ck_assert(took == 3 && f.letter == 'v' && f.ntoken == 0);
	p += took, n -= took;
	took = ewb_meta_next(p, n, &f);
	ck_assert(took == 5 && f.letter == 'O' && f.ntoken == 3);
	ck_assert_mem_eq(f.token, "abc", 3);
	p += took, n -= took;
	took = ewb_meta_next(p, n, &f);
	ck_assert(took == 3 && f.letter == 'k');
	ck_assert_uint_eq(ewb_meta_next(p + took, n - took, &f), 0);
}
END_TEST

START_TEST(a_key_becomes_its_bytes)
{
	uint8_t key[] = "AAEg/w==";
	struct ewb_frame f = { .key = key, .nkey = 8 };

	ewb_meta_decode(&f);
	ck_assert_uint_eq(f.nkey, 4);
	ck_assert_mem_eq(f.key, "\0\1 \xff", 4);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("meta");
	TCase *t = tcase_create("lines");

	tcase_add_loop_test(t, a_line_is_understood, 0, NROWS);
	tcase_add_test(t, flags_are_taken_one_by_one);
	tcase_add_test(t, a_key_becomes_its_bytes);
	suite_add_tcase(s, t);
	return unit_run(s);
}
