/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/binary.h"
#include "protocol/status.h"
#include "t/protocol_play.h"
#include "t/unit.h"

#define MAX_VALUE 1000
#define ALT 0x08
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* A request to be built.  Lengths may be said other than they are. */
struct req {
	uint8_t magic; /* 0: the usual one */
	uint8_t opcode, datatype;
	uint16_t vbucket;
	uint64_t cas;
	const char *framing, *extras, *key, *value;
	size_t nframing, nextras, nkey, nvalue;
	size_t body; /* 0: as it is */
};

struct stream {
	uint8_t at[4096];
	size_t n;
};

static void
add(struct stream *s, const char *bytes, size_t n)
{
	if (n && bytes)
		memcpy(s->at + s->n, bytes, n);
	else
		memset(s->at + s->n, 'x', n);
	s->n += n;
}

/* Null parts with a length are x. */
static void
put(struct stream *s, const struct req *r)
{
	uint8_t *h = s->at + s->n;
	size_t body = r->nframing + r->nextras + r->nkey + r->nvalue;

	memset(h, 0, EWB_BIN_HEAD);
	h[0] = r->magic ? r->magic : EWB_BIN_REQUEST;
	h[1] = r->opcode;
	if (h[0] == ALT) {
		h[2] = (uint8_t)r->nframing;
		h[3] = (uint8_t)r->nkey;
	} else {
		ewb_put16(h + 2, (uint16_t)r->nkey);
	}
	h[4] = (uint8_t)r->nextras;
	h[5] = r->datatype;
	ewb_put16(h + 6, r->vbucket);
	ewb_put32(h + 8, (uint32_t)(r->body ? r->body : body));
	memcpy(h + 12, "\1\2\3\4", 4);
	ewb_put64(h + 16, r->cas);
	s->n += EWB_BIN_HEAD;
	add(s, r->framing, r->nframing);
	add(s, r->extras, r->nextras);
	add(s, r->key, r->nkey);
	add(s, r->value, r->nvalue);
}

/* What the parser makes of r, then of a noop: the stream is still in step. */
static void
says(const struct req *r, const char *want)
{
	struct stream s = { .n = 0 };
	char *said, whole[600];

	put(&s, r);
	put(&s, &(struct req){ .opcode = 0x0a });
	said = play(PLAY_BINARY, s.at, s.n, MAX_VALUE);
	snprintf(whole, sizeof(whole), "%s\nnoop\n", want);
	ck_assert_str_eq(said, whole);
	free(said);
}

static void
refused(const struct req *r, uint32_t status, const char *reason)
{
	size_t body = r->nframing + r->nextras + r->nkey + r->nvalue;
	struct ewb_frame f;
	struct stream s = { .n = 0 };
	enum ewb_parse p;

	put(&s, r);
	p = ewb_bin_parse(s.at, s.n, MAX_VALUE, PLAY_MAX_BODY, &f);
	ck_assert_int_eq(p, EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_ERROR);
	ck_assert_uint_eq(f.is, EWB_IS_BINARY | EWB_IS_SKIP);
	ck_assert_uint_eq(f.status, status);
	ck_assert_str_eq(f.reason, reason);
	ck_assert_uint_eq(f.head, EWB_BIN_HEAD);
	ck_assert_uint_eq(f.nvalue, body);
	ck_assert_uint_eq(f.opcode, r->opcode);
	ck_assert_mem_eq(&f.opaque, "\1\2\3\4", 4);
	put(&s, &(struct req){ .opcode = 0x0a });
	free(play(PLAY_BINARY, s.at, s.n, MAX_VALUE));
}

static void
closes(const struct stream *s, const char *reason)
{
	char want[100], *said;

	snprintf(want, sizeof(want), "close \"%s\"\n", reason);
	said = play(PLAY_BINARY, s->at, s->n, MAX_VALUE);
	ck_assert_str_eq(said, want);
	free(said);
}

/* The opcodes, and what each must have. */
static const struct opcode {
	uint8_t code;
	const char *says; /* with key a, value xx and extras of zeros */
	uint8_t nextras;
	char key, value; /* y: must, n: must not, m: may */
} opcodes[] = {
	{ 0x00, "get a", 0, 'y', 'n' },
	{ 0x01, "set a extras=8 value=2", 8, 'y', 'm' },
	{ 0x02, "add a extras=8 value=2", 8, 'y', 'm' },
	{ 0x03, "replace a extras=8 value=2", 8, 'y', 'm' },
	{ 0x04, "delete a", 0, 'y', 'n' },
	{ 0x05, "incr a create extras=20", 20, 'y', 'n' },
	{ 0x06, "decr a create extras=20", 20, 'y', 'n' },
	{ 0x08, "flush_all extras=4", 4, 'n', 'n' },
	{ 0x09, "get a quiet", 0, 'y', 'n' },
	{ 0x0a, "noop", 0, 'n', 'n' },
	{ 0x0b, "version", 0, 'n', 'n' },
	{ 0x0c, "get a want_key", 0, 'y', 'n' },
	{ 0x0d, "get a quiet want_key", 0, 'y', 'n' },
	{ 0x0e, "append a value=2", 0, 'y', 'm' },
	{ 0x0f, "prepend a value=2", 0, 'y', 'm' },
	{ 0x10, "stats a", 0, 'm', 'n' },
	{ 0x11, "set a quiet extras=8 value=2", 8, 'y', 'm' },
	{ 0x12, "add a quiet extras=8 value=2", 8, 'y', 'm' },
	{ 0x13, "replace a quiet extras=8 value=2", 8, 'y', 'm' },
	{ 0x14, "delete a quiet", 0, 'y', 'n' },
	{ 0x15, "incr a quiet create extras=20", 20, 'y', 'n' },
	{ 0x16, "decr a quiet create extras=20", 20, 'y', 'n' },
	{ 0x18, "flush_all quiet extras=4", 4, 'n', 'n' },
	{ 0x19, "append a quiet value=2", 0, 'y', 'm' },
	{ 0x1a, "prepend a quiet value=2", 0, 'y', 'm' },
	{ 0x1b, "verbosity extras=4", 4, 'n', 'n' },
	{ 0x1c, "touch a extras=4", 4, 'y', 'n' },
	{ 0x1d, "gat a extras=4", 4, 'y', 'n' },
	{ 0x1e, "gat a quiet extras=4", 4, 'y', 'n' },
	{ 0x1f, "hello a value=2", 0, 'm', 'm' },
	{ 0x20, "sasl_list", 0, 'n', 'n' },
	{ 0x21, "sasl_auth a value=2", 0, 'y', 'm' },
	{ 0x22, "sasl_step a value=2", 0, 'y', 'm' },
	{ 0x23, "gat a want_key extras=4", 4, 'y', 'n' },
	{ 0x24, "gat a quiet want_key extras=4", 4, 'y', 'n' },
	{ 0xa0, "get_meta a", 0, 'y', 'n' },
	{ 0x89, "select_bucket a", 0, 'y', 'n' },
	{ 0xb5, "cluster_config extras=16", 16, 'n', 'n' },
	{ 0xba, "collections_manifest", 0, 'n', 'n' },
	{ 0xbb, "collection_id value=2", 0, 'n', 'y' },
	{ 0xda, "scan_create value=2", 0, 'n', 'y' },
	{ 0xdb, "scan_continue extras=28", 28, 'n', 'n' },
	{ 0xdc, "scan_cancel extras=16", 16, 'n', 'n' },
	{ 0xde, "engine_reload extras=4", 4, 'n', 'n' },
	{ 0xfe, "error_map value=2", 0, 'n', 'y' },
	{ 0x07, "quit last", 0, 'n', 'n' },
	{ 0x17, "quit quiet last", 0, 'n', 'n' },
};
#define NOPCODES (sizeof(opcodes) / sizeof(*opcodes))

/* A right request of that opcode. */
static struct req
right(const struct opcode *o)
{
	struct req r = { .opcode = o->code, .extras = ZEROS };

	r.nextras = o->nextras;
	if (o->key != 'n') {
		r.key = "a";
		r.nkey = 1;
	}
	if (o->value != 'n')
		r.nvalue = 2;
	return r;
}

START_TEST(each_opcode_is_a_command)
{
	for (size_t i = 0; i < NOPCODES; i++) {
		struct req r = right(&opcodes[i]);

		if (opcodes[i].code != 0x07 && opcodes[i].code != 0x17)
			says(&r, opcodes[i].says);
	}
}
END_TEST

START_TEST(quit_is_the_last)
{
	for (size_t i = NOPCODES - 2; i < NOPCODES; i++) {
		struct req r = right(&opcodes[i]);
		struct stream s = { .n = 0 };
		char *said, want[40];

		put(&s, &r);
		said = play(PLAY_BINARY, s.at, s.n, MAX_VALUE);
		snprintf(want, sizeof(want), "%s\n", opcodes[i].says);
		ck_assert_str_eq(said, want);
		free(said);
	}
}
END_TEST

START_TEST(an_alternative_header_makes_no_difference)
{
	for (size_t i = 0; i < NOPCODES - 2; i++) {
		struct req r = right(&opcodes[i]);

		r.magic = ALT;
		says(&r, opcodes[i].says);
		/* durability; preserve expiry; an unknown one */
		r.framing = "\x13\x01\x23\x28\x50\xf3\x09xyz";
		r.nframing = 10;
		says(&r, opcodes[i].says);
	}
}
END_TEST

START_TEST(each_opcode_has_extras_of_its_own_length)
{
	for (size_t i = 0; i < NOPCODES; i++) {
		struct req r = right(&opcodes[i]);
		size_t n = r.nextras;

		if (opcodes[i].code == 0xa0)
			continue; /* see a_get_meta_may_say_... */
		r.nextras = n + 1;
		refused(&r, EWB_WIRE_INVALID,
		        n ? "extras of a wrong length"
		          : "extras where there are none");
		if (n == 0)
			continue;
		r.nextras = n - 1;
		refused(&r, EWB_WIRE_INVALID, "extras of a wrong length");
		r.nextras = 0;
		/* those that may come without */
		if (strchr("\x08\x18\xb5", opcodes[i].code) == NULL)
			refused(&r, EWB_WIRE_INVALID,
			        "extras of a wrong length");
	}
}
END_TEST

START_TEST(each_opcode_has_a_key_or_none)
{
	for (size_t i = 0; i < NOPCODES; i++) {
		struct req r = right(&opcodes[i]);

		if (opcodes[i].key == 'n') {
			r.nkey = 1;
			refused(&r, EWB_WIRE_INVALID,
			        "a key where there is none");
			continue;
		}
		r.key = NULL;
		r.nkey = 251;
		refused(&r, EWB_WIRE_INVALID, "a key longer than 250 bytes");
		r.magic = ALT;
		refused(&r, EWB_WIRE_INVALID, "a key longer than 250 bytes");
		r.magic = 0;
		r.nkey = 0;
		if (opcodes[i].key == 'y')
			refused(&r, EWB_WIRE_INVALID, "no key");
	}
}
END_TEST

START_TEST(each_opcode_has_a_value_or_none)
{
	for (size_t i = 0; i < NOPCODES; i++) {
		struct req r = right(&opcodes[i]);

		if (opcodes[i].value == 'n') {
			r.nvalue = 1;
			refused(&r, EWB_WIRE_INVALID,
			        "a value where there is none");
		} else if (opcodes[i].value == 'y') {
			r.nvalue = 0;
			refused(&r, EWB_WIRE_INVALID, "no value");
		}
	}
}
END_TEST

START_TEST(a_get_meta_may_say_which_version_it_wants)
{
	struct req r = { .opcode = 0xa0, .extras = "\2", .nextras = 1, .nkey = 1 };

	says(&r, "get_meta x extras=1");
	r.extras = "\1";
	refused(&r, EWB_WIRE_INVALID, "a version that there is not");
	r.extras = "\2\2";
	r.nextras = 2;
	refused(&r, EWB_WIRE_INVALID, "extras of a wrong length");
}
END_TEST

/* No frame of random bytes is one, nor of another command that went wrong. */
START_TEST(a_reload_has_its_grace_and_nothing_else)
{
	const struct req right = { .opcode = 0xde,
		                   .extras = ZEROS,
		                   .nextras = 4 };
	struct req r = right;

	says(&r, "engine_reload extras=4");
	r.cas = 1;
	refused(&r, EWB_WIRE_INVALID, "a cas where there is none");
	r = right;
	r.vbucket = 1;
	refused(&r, EWB_WIRE_INVALID, "a vbucket where there is none");
	r = right;
	r.datatype = 1;
	refused(&r, EWB_WIRE_INVALID, "a datatype where there is none");
}
END_TEST

START_TEST(every_other_opcode_is_unknown_and_its_body_skipped)
{
	for (unsigned code = 0; code < 256; code++) {
		struct req r = { .opcode = (uint8_t)code,
			         .nextras = 3,
			         .nkey = 300,
			         .nvalue = 5 };
		size_t i = 0;

		while (i < NOPCODES && opcodes[i].code != code)
			i++;
		if (i == NOPCODES)
			refused(&r, EWB_WIRE_UNKNOWN_COMMAND,
			        "unknown command");
	}
}
END_TEST

START_TEST(a_key_may_have_250_bytes_of_any_kind)
{
	struct req r = { .opcode = 0x00, .nkey = 250 };
	struct stream s = { .n = 0 };
	struct ewb_frame f;

	put(&s, &r);
	ewb_bin_parse(s.at, s.n, MAX_VALUE, PLAY_MAX_BODY, &f);
	ck_assert_int_eq(f.op, EWB_OP_GET);
	ck_assert_uint_eq(f.nkey, 250);
	says(&(struct req){ .key = "a \r\n", .nkey = 4 }, "get a \r\n");
}
END_TEST

START_TEST(a_value_may_be_empty)
{
	says(&(struct req){ .opcode = 0x01,
	                    .extras = ZEROS,
	                    .nextras = 8,
	                    .nkey = 1 },
	     "set x extras=8");
	says(&(struct req){ .opcode = 0x0e, .nkey = 1 }, "append x");
}
END_TEST

START_TEST(flush_comes_with_a_delay_or_without)
{
	says(&(struct req){ .opcode = 0x08 }, "flush_all");
	says(&(struct req){ .opcode = 0x18 }, "flush_all quiet");
	says(&(struct req){ .opcode = 0x08,
	                    .extras = "\0\0\0\x0a",
	                    .nextras = 4 },
	     "flush_all exptime=10 extras=4");
}
END_TEST

START_TEST(a_configuration_is_asked_for_with_a_revision_or_without)
{
	says(&(struct req){ .opcode = 0xb5 }, "cluster_config");
	says(&(struct req){ .opcode = 0xb5, .extras = ZEROS, .nextras = 16 },
	     "cluster_config extras=16");
}
END_TEST

START_TEST(a_key_with_its_collection_may_be_five_bytes_longer)
{
	uint8_t in[24 + 256] = { 0x80, 0, 0, 255 };
	struct ewb_frame f;

	in[11] = 255;
	ck_assert_int_eq(ewb_bin_parse_prefixed(in, sizeof in, MAX_VALUE,
	                                        PLAY_MAX_BODY, &f),
	                 EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_GET);
	ck_assert_uint_eq(f.nkey, 255);
	ewb_bin_parse(in, sizeof in, MAX_VALUE, PLAY_MAX_BODY, &f);
	ck_assert_int_eq(f.op, EWB_OP_ERROR);
	in[2] = 1;
	in[3] = 0;
	in[10] = 1;
	in[11] = 0;
	ewb_bin_parse_prefixed(in, sizeof in, MAX_VALUE, PLAY_MAX_BODY, &f);
	ck_assert_int_eq(f.op, EWB_OP_ERROR);
	ck_assert_uint_eq(f.status, EWB_WIRE_INVALID);
}
END_TEST

START_TEST(an_error_map_is_asked_for_by_a_version_of_two_bytes)
{
	refused(&(struct req){ .opcode = 0xfe, .nvalue = 1 }, EWB_WIRE_INVALID,
	        "not a version, of two bytes");
	refused(&(struct req){ .opcode = 0xfe, .nvalue = 3 }, EWB_WIRE_INVALID,
	        "not a version, of two bytes");
}
END_TEST

START_TEST(extras_are_read)
{
	says(&(struct req){ .opcode = 0x01,
	                    .nkey = 1,
	                    .nextras = 8,
	                    .extras = "\xde\xad\xbe\xef\xff\xff\xff\xff" },
	     "set x flags=3735928559 exptime=-1 extras=8");
	says(&(struct req){ .opcode = 0x05,
	                    .nkey = 1,
	                    .nextras = 20,
	                    .extras = "\0\0\0\0\0\0\0\1"
	                              "\1\0\0\0\0\0\0\2"
	                              "\0\0\0\x3c" },
	     "incr x create exptime=60 delta=1 initial=72057594037927938"
	     " extras=20");
	says(&(struct req){ .opcode = 0x1c,
	                    .nkey = 1,
	                    .nextras = 4,
	                    .extras = "\0\0\0\x3c" },
	     "touch x exptime=60 extras=4");
	says(&(struct req){ .opcode = 0x1d,
	                    .nkey = 1,
	                    .nextras = 4,
	                    .extras = "\0\0\0\x3c" },
	     "gat x exptime=60 extras=4");
	says(&(struct req){ .opcode = 0x1b,
	                    .nextras = 4,
	                    .extras = "\0\0\0\2" },
	     "verbosity flags=2 extras=4");
}
END_TEST

START_TEST(a_counter_is_not_created_when_the_exptime_is_all_ones)
{
	struct req r = { .opcode = 0x06, .nkey = 1, .nextras = 20 };

	r.extras = "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\xff\xff\xff\xff";
	says(&r, "decr x exptime=-1 delta=1 extras=20");
	r.extras = "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\xff\xff\xff\xfe";
	says(&r, "decr x create exptime=-2 delta=1 extras=20");
}
END_TEST

START_TEST(a_mutation_with_a_cas_compares)
{
	says(&(struct req){ .opcode = 0x01,
	                    .cas = 9,
	                    .nkey = 1,
	                    .nextras = 8,
	                    .extras = ZEROS },
	     "set x compare cas=9 extras=8");
	says(&(struct req){ .opcode = 0x04, .cas = UINT64_MAX, .nkey = 1 },
	     "delete x compare cas=18446744073709551615");
	says(&(struct req){ .opcode = 0x19, .cas = 1, .nkey = 1 },
	     "append x quiet compare cas=1");
	says(&(struct req){ .opcode = 0x06,
	                    .cas = 1,
	                    .nkey = 1,
	                    .nextras = 20,
	                    .extras = ZEROS },
	     "decr x create compare cas=1 extras=20");
	says(&(struct req){ .opcode = 0x00, .cas = 1, .nkey = 1 },
	     "get x cas=1");
}
END_TEST

START_TEST(vbucket_and_datatype_are_handed_on)
{
	says(&(struct req){ .opcode = 0x01,
	                    .vbucket = 1023,
	                    .datatype = 1,
	                    .nkey = 1,
	                    .nextras = 8,
	                    .extras = ZEROS },
	     "set x vbucket=1023 datatype=1 extras=8");
}
END_TEST

START_TEST(the_parts_of_a_head_are_found_behind_the_framing)
{
	struct req r = { .magic = ALT,
		         .opcode = 0x01,
		         .framing = "\x50",
		         .nframing = 1,
		         .extras = "\0\0\0\1\0\0\0\2",
		         .nextras = 8,
		         .key = "key",
		         .nkey = 3,
		         .value = "value",
		         .nvalue = 5 };
	struct stream s = { .n = 0 };
	struct ewb_frame f;

	put(&s, &r);
	ewb_bin_parse(s.at, s.n, MAX_VALUE, PLAY_MAX_BODY, &f);
	ck_assert_ptr_eq(f.extras, s.at + 25);
	ck_assert_ptr_eq(f.key, s.at + 33);
	ck_assert_uint_eq(f.head, 36);
	ck_assert_uint_eq(f.nvalue, 5);
	ck_assert_uint_eq(f.tail, 0);
	ck_assert_mem_eq(&f.opaque, "\1\2\3\4", 4);
}
END_TEST

START_TEST(no_part_of_a_head_is_enough)
{
	struct req r = { .magic = ALT,
		         .opcode = 0x01,
		         .framing = "\x13\1\0\1",
		         .nframing = 4,
		         .nextras = 8,
		         .nkey = 10,
		         .nvalue = 20 };
	struct stream s = { .n = 0 };

	put(&s, &r);
	for (size_t n = 0; n <= s.n; n++) {
		uint8_t *in = malloc(n);
		struct ewb_frame f;
		enum ewb_parse p;

		if (n)
			memcpy(in, s.at, n);
		p = ewb_bin_parse(in, n, MAX_VALUE, PLAY_MAX_BODY, &f);
		ck_assert_int_eq(p, n < 46 ? EWB_PARSE_MORE : EWB_PARSE_OK);
		ck_assert_uint_eq(f.head, n < 46 ? 0 : 46);
		free(in);
	}
}
END_TEST

START_TEST(framing_extras_that_do_not_add_up_are_refused)
{
	static const struct {
		const char *at;
		size_t n;
	} wrong[] = {
		{ "\x13", 1 },          { "\x13\1\2", 3 }, { "\x50\x13\1", 3 },
		{ "\xf0", 1 },          { "\x0f", 1 },     { "\xff\1", 2 },
		{ "\x0f\x01xxxxx", 7 }, { "\xf1\x01", 2 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		refused(&(struct req){ .magic = ALT,
		                       .nkey = 5,
		                       .framing = wrong[i].at,
		                       .nframing = wrong[i].n },
		        EWB_WIRE_INVALID, "framing extras that make no sense");
}
END_TEST

START_TEST(framing_extras_may_be_long)
{
	/* id 1 with 16 bytes; id 15 with none; id 16 with 15 */
	says(&(struct req){ .magic = ALT,
	                    .nkey = 1,
	                    .nframing = 38,
	                    .framing = "\x1f\1xxxxxxxxxxxxxxxx"
	                               "\xf0\0"
	                               "\xff\1\0xxxxxxxxxxxxxxx" },
	     "get x");
}
END_TEST

START_TEST(a_barrier_is_a_framing_extra_without_more)
{
	says(&(struct req){ .magic = ALT,
	                    .nkey = 1,
	                    .nframing = 2,
	                    .framing = "\x50\0" },
	     "get x barrier");
	refused(&(struct req){ .magic = ALT,
	                       .nkey = 1,
	                       .nframing = 2,
	                       .framing = "\x01\0" },
	        EWB_WIRE_INVALID, "framing extras that make no sense");
}
END_TEST

START_TEST(hello_asks_for_whole_features_and_not_too_many)
{
	refused(&(struct req){ .opcode = 0x1f, .nvalue = 3 }, EWB_WIRE_INVALID,
	        "half a feature");
	refused(&(struct req){ .opcode = 0x1f, .nvalue = 1026 },
	        EWB_WIRE_INVALID, "more features than there can be");
	says(&(struct req){ .opcode = 0x1f }, "hello");
}
END_TEST

START_TEST(a_message_of_a_login_is_not_long)
{
	for (uint8_t op = 0x21; op <= 0x22; op++)
		refused(&(struct req){ .opcode = op,
		                       .key = "PLAIN",
		                       .nkey = 5,
		                       .nvalue = 1025 },
		        EWB_WIRE_INVALID, "a message longer than 1024 bytes");
}
END_TEST

START_TEST(a_value_over_the_limit_is_skipped)
{
	struct req r = { .opcode = 0x01,
		         .nextras = 8,
		         .extras = ZEROS,
		         .nkey = 1,
		         .nvalue = MAX_VALUE };

	says(&r, "set x extras=8 value=1000");
	r.nvalue++;
	refused(&r, EWB_WIRE_TOO_BIG, "value too large");
}
END_TEST

START_TEST(the_range_of_a_scan_may_have_64_kib_whatever_the_limit_of_values)
{
	uint8_t head[EWB_BIN_HEAD];
	struct ewb_frame f;

	ewb_bin_request(head, &(struct ewb_bin_request){ .opcode = 0xda,
	                                                 .nbody = 65536 });
	ck_assert_int_eq(ewb_bin_parse(head, 24, 10, PLAY_MAX_BODY, &f),
	                 EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_SCAN_CREATE);
	ck_assert_uint_eq(f.nvalue, 65536);

	ewb_put32(head + 8, 65537);
	ck_assert_int_eq(
		ewb_bin_parse(head, 24, PLAY_MAX_BODY, PLAY_MAX_BODY, &f),
		EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_ERROR);
	ck_assert_uint_eq(f.status, EWB_WIRE_INVALID);
	ck_assert_str_eq(f.reason, "a range longer than 64 KiB");
	ck_assert_uint_eq(f.nvalue, 65537);
}
END_TEST

START_TEST(a_scan_has_no_cas)
{
	for (size_t i = 0; i < NOPCODES; i++) {
		struct req r = right(&opcodes[i]);

		r.cas = 1;
		if (r.opcode >= 0xda && r.opcode <= 0xdc)
			refused(&r, EWB_WIRE_INVALID,
			        "a cas where there is none");
	}
}
END_TEST

START_TEST(only_the_creation_of_a_scan_may_be_of_json)
{
	static const char reason[] = "a datatype that a scan does not have";

	says(&(struct req){ .opcode = 0xda, .datatype = 1, .nvalue = 2 },
	     "scan_create datatype=1 value=2");
	refused(&(struct req){ .opcode = 0xda, .datatype = 2, .nvalue = 2 },
	        EWB_WIRE_INVALID, reason);
	refused(&(struct req){ .opcode = 0xdb, .datatype = 1, .nextras = 28 },
	        EWB_WIRE_INVALID, reason);
	refused(&(struct req){ .opcode = 0xdc, .datatype = 1, .nextras = 16 },
	        EWB_WIRE_INVALID, reason);
}
END_TEST

START_TEST(an_unknown_magic_closes_the_connection_at_its_first_byte)
{
	for (unsigned magic = 0; magic < 256; magic++) {
		struct stream s = { .at = { (uint8_t)magic }, .n = 1 };

		if (magic != EWB_BIN_REQUEST && magic != ALT)
			closes(&s, "unknown magic");
	}
}
END_TEST

START_TEST(lengths_that_contradict_each_other_close_the_connection)
{
	static const struct req wrong[] = {
		{ .opcode = 0x01, .nextras = 8, .nkey = 3, .body = 10 },
		{ .opcode = 0xff, .nkey = 3, .body = 2 },
		{ .magic = ALT, .nframing = 2, .nkey = 3, .body = 4 },
		{ .opcode = 0x0a, .nextras = 2, .body = 1 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct stream s = { .n = 0 };

		put(&s, &wrong[i]);
		closes(&s, "lengths contradict each other");
	}
}
END_TEST

START_TEST(a_body_too_large_to_skip_closes_the_connection)
{
	struct stream s = { .n = 0 };
	struct req r = { .opcode = 0x01, .nextras = 8, .nkey = 1 };
	struct ewb_frame f;

	r.body = PLAY_MAX_BODY;
	put(&s, &r);
	ck_assert_int_eq(ewb_bin_parse(s.at, 24, MAX_VALUE, PLAY_MAX_BODY, &f),
	                 EWB_PARSE_OK);
	ck_assert_uint_eq(f.status, EWB_WIRE_TOO_BIG);
	s.n = 0;
	r.body++;
	put(&s, &r);
	closes(&s, "body too large");
	s.n = 0;
	r.body = UINT32_MAX;
	put(&s, &r);
	closes(&s, "body too large");
}
END_TEST

/* Headers. */

START_TEST(a_reply_is_written_as_the_protocol_has_it)
{
	uint8_t out[EWB_BIN_HEAD];
	struct ewb_bin_reply r = { .opcode = 0xdb,
		                   .nextras = 4,
		                   .datatype = 1,
		                   .nkey = 0x0203,
		                   .status = 0xa7,
		                   .nbody = 0x01020304,
		                   .cas = 0x0102030405060708 };

	memcpy(&r.opaque, "\xde\xad\xbe\xef", 4);
	ewb_bin_head(out, &r);
	ck_assert_mem_eq(out,
	                 "\x81\xdb\x02\x03\x04\x01\x00\xa7\x01\x02\x03\x04"
	                 "\xde\xad\xbe\xef\x01\x02\x03\x04\x05\x06\x07\x08",
	                 24);
}
END_TEST

START_TEST(a_client_reads_what_a_server_writes)
{
	struct ewb_bin_reply r = { .opcode = 0x0c,
		                   .nextras = 4,
		                   .datatype = 1,
		                   .nkey = 3,
		                   .status = 0x84,
		                   .nbody = 1000,
		                   .opaque = 77,
		                   .cas = UINT64_MAX };
	struct ewb_bin_reply got = { 0 };
	uint8_t out[EWB_BIN_HEAD];

	ewb_bin_head(out, &r);
	for (size_t n = 0; n < 24; n++) {
		uint8_t *in = malloc(n);

		if (n)
			memcpy(in, out, n);
		ck_assert_int_eq(ewb_bin_response(in, n, &got), 0);
		free(in);
	}
	ck_assert_int_eq(ewb_bin_response(out, 24, &got), 24);
	ck_assert_uint_eq(got.opcode, r.opcode);
	ck_assert_uint_eq(got.nextras, r.nextras);
	ck_assert_uint_eq(got.datatype, r.datatype);
	ck_assert_uint_eq(got.nkey, r.nkey);
	ck_assert_uint_eq(got.status, r.status);
	ck_assert_uint_eq(got.nbody, r.nbody);
	ck_assert_uint_eq(got.opaque, r.opaque);
	ck_assert_uint_eq(got.cas, r.cas);
}
END_TEST

START_TEST(a_server_reads_what_a_client_writes)
{
	struct ewb_bin_request r = { .opcode = 0x00,
		                     .datatype = 1,
		                     .nkey = 250,
		                     .vbucket = 1023,
		                     .nbody = 250,
		                     .opaque = 77,
		                     .cas = 5 };
	uint8_t in[EWB_BIN_HEAD + 250] = { 0 };
	struct ewb_frame f;

	ewb_bin_request(in, &r);
	ck_assert_int_eq(ewb_bin_parse(in, sizeof(in), 9, 9999, &f),
	                 EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_GET);
	ck_assert_uint_eq(f.opaque, 77);
	ck_assert_uint_eq(f.vbucket, 1023);
	ck_assert_uint_eq(f.cas, 5);
	ck_assert_uint_eq(f.datatype, 1);
}
END_TEST

START_TEST(a_client_reads_how_far_a_scan_is_among_other_framing_extras)
{
	/* id 0 with 2 bytes; id 20 with 16: both escaped; then ours */
	uint8_t in[64] = { 0x02, 9, 9, 0xff, 5, 1 };
	struct ewb_bin_place p = { .progress = 4711 }, got = { 0 };
	size_t n = 6 + 16;

	for (uint8_t i = 0; i < EWB_BIN_TOKEN; i++)
		p.token[i] = (uint8_t)(i + 1);
	ewb_bin_place_put(in + n, &p);
	ck_assert_uint_eq(in[n], 0xd2);
	ck_assert_uint_eq(in[n + 3], 0xef);
	ck_assert_uint_eq(in[n + 4], 9);
	n += EWB_BIN_PLACE;
	ck_assert_int_eq(ewb_bin_place_get(in, n, &got), 0);
	ck_assert_uint_eq(got.progress, 4711);
	ck_assert_mem_eq(got.token, p.token, EWB_BIN_TOKEN);
	while (n--) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, in, n);
		ck_assert_int_eq(ewb_bin_place_get(cut, n, &got), -1);
		free(cut);
	}
}
END_TEST

START_TEST(a_client_reads_a_reply_with_framing_extras)
{
	struct ewb_bin_reply r = { .nextras = 4, .nbody = 4 }, got;
	uint8_t out[EWB_BIN_HEAD + 4 + 29] = { 0 }, framing[29] = { 0 };

	ewb_bin_head(out, &r);
	ewb_bin_frame(out, EWB_BIN_HEAD + 4, framing, sizeof framing);
	ck_assert_int_eq(ewb_bin_response(out, 24, &got), 24);
	ck_assert_uint_eq(got.nframing, 29);
	ck_assert_uint_eq(got.nkey, 0);
	ck_assert_uint_eq(got.nextras, 4);
	out[11] = 32;
	ck_assert_int_eq(ewb_bin_response(out, 24, &got), -1);
}
END_TEST

START_TEST(a_client_refuses_what_is_no_reply)
{
	struct ewb_bin_reply r = { .nextras = 4, .nkey = 3, .nbody = 7 };
	struct ewb_bin_reply got;
	uint8_t out[EWB_BIN_HEAD];

	ewb_bin_head(out, &r);
	ck_assert_int_eq(ewb_bin_response(out, 24, &got), 24);
	out[11] = 6;
	ck_assert_int_eq(ewb_bin_response(out, 24, &got), -1);
	out[0] = EWB_BIN_REQUEST;
	ck_assert_int_eq(ewb_bin_response(out, 1, &got), -1);
}
END_TEST

/* Error contexts. */

static void
reads(const char *context, const char *want)
{
	uint8_t *out = malloc(EWB_BIN_ERROR_MAX);
	size_t n = ewb_bin_error(out, context);

	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(out, want, n);
	free(out);
}

START_TEST(members_stand_behind_an_error_and_are_not_cut)
{
	char context[600], text[EWB_BIN_ERROR_MAX + 1];
	size_t n = ewb_bin_error_more((uint8_t *)text, "why", "\"a\":1");

	text[n] = '\0';
	ck_assert_str_eq(text, "{\"error\":{\"context\":\"why\"},\"a\":1}");
	memset(context, 'x', sizeof context - 1);
	context[sizeof context - 1] = '\0';
	n = ewb_bin_error_more((uint8_t *)text, context, "\"a\":1");
	ck_assert_uint_eq(n, EWB_BIN_ERROR_MAX);
	text[n] = '\0';
	ck_assert_str_eq(text + n - 11, "xx\"},\"a\":1}");
}
END_TEST

START_TEST(an_error_context_is_json)
{
	reads("no key", "{\"error\":{\"context\":\"no key\"}}");
	reads("", "{\"error\":{\"context\":\"\"}}");
}
END_TEST

START_TEST(quotes_backslashes_and_control_characters_are_escaped)
{
	reads("a\"b\\c\n\1\x1f\x7f/",
	      "{\"error\":{\"context\":\"a\\\"b\\\\c\\u000a\\u0001\\u001f\x7f"
	      "/\"}}");
}
END_TEST

START_TEST(utf_8_stays_as_it_is)
{
	reads("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
	      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	      "{\"error\":{\"context\":\""
	      "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
	      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}}");
}
END_TEST

START_TEST(bytes_that_are_no_utf_8_are_replaced)
{
	/* alone, overlong, a surrogate, too high, cut short */
	static const char *const wrong[] = {
		"\x80",
		"\xbf",
		"\xc0",
		"\xc1",
		"\xff",
		"\xfe",
		"\xf5",
		"\xc2",
		"\xe0\xa0",
		"\xf0\x90\x80",
		"\xc0\xaf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xc2\xc2",
		"\xe1\x80\xc0",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char in[20], want[100], *w = want;

		snprintf(in, sizeof(in), "%s!", wrong[i]);
		w += sprintf(w, "{\"error\":{\"context\":\"");
		for (size_t k = 0; k < strlen(wrong[i]); k++)
			w += sprintf(w, "\xef\xbf\xbd");
		sprintf(w, "!\"}}");
		reads(in, want);
	}
}
END_TEST

START_TEST(a_long_context_is_cut_at_a_character)
{
	static const char *const parts[] = {
		"x",  "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\"", "\1",       "\xff"
	};
	uint8_t *out = malloc(EWB_BIN_ERROR_MAX);

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char in[3000] = "";
		size_t n, len = strlen(parts[i]);

		for (size_t k = 0; k < 600; k++)
			memcpy(in + k * len, parts[i], len + 1);
		n = ewb_bin_error(out, in);
		ck_assert_uint_le(n, EWB_BIN_ERROR_MAX);
		ck_assert_uint_gt(n, EWB_BIN_ERROR_MAX - 6);
		if (parts[i][0] == 'x')
			ck_assert_uint_eq(n, EWB_BIN_ERROR_MAX);
		ck_assert_mem_eq(out + n - 3, "\"}}", 3);
		/* The last character is whole. */
		if (len > 1)
			ck_assert_mem_eq(out + n - 3 - len, parts[i], len);
	}
	free(out);
}
END_TEST

/* Records. */

static void
record_is(const struct ewb_bin_record *r, int keys_only, const char *want,
          size_t n)
{
	uint8_t *out = malloc(n);

	ck_assert_uint_eq(ewb_bin_record_size(r, keys_only), n);
	ewb_bin_record_put(out, r, keys_only);
	ck_assert_mem_eq(out, want, n);
	free(out);
}

START_TEST(a_record_is_written_as_the_protocol_has_it)
{
	struct ewb_bin_record r = { .flags = 0x02000000,
		                    .seqno = 1,
		                    .cas = 0x01a206eddba80001,
		                    .datatype = 1,
		                    .key = (const uint8_t *)"k1",
		                    .nkey = 2,
		                    .value = (const uint8_t *)"{\"a\":1}",
		                    .nvalue = 7 };

	record_is(&r, 0,
	          "\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x01\xa2\x06\xed\xdb\xa8"
	          "\0\1\1\2k1\7{\"a\":1}",
	          36);
	record_is(&r, 1, "\2k1", 3);
}
END_TEST

START_TEST(a_record_takes_little_more_than_its_value)
{
	struct ewb_bin_record r = { .nkey = EWB_KEY_MAX, .nvalue = 1u << 30 };

	ck_assert_uint_eq(ewb_bin_record_size(&r, 0),
	                  r.nvalue + EWB_BIN_RECORD_MORE);
	r.nvalue = 0;
	ck_assert_uint_le(ewb_bin_record_size(&r, 0), EWB_BIN_RECORD_MORE);
}
END_TEST

START_TEST(a_record_reads_back_whatever_its_lengths)
{
	static const size_t lens[] = { 0,     1,     127,     128,    250,
		                       16383, 16384, 2097151, 2097152 };
	const size_t nlens = sizeof(lens) / sizeof(*lens);
	uint8_t *bytes = calloc(1, lens[nlens - 1]);

	for (size_t i = 0; i < nlens * 2; i++) {
		struct ewb_bin_record r = { .flags = 1,
			                    .expiry = 2,
			                    .seqno = 3,
			                    .cas = 4,
			                    .datatype = 5,
			                    .key = bytes,
			                    .nkey = lens[i % 5],
			                    .value = bytes,
			                    .nvalue = lens[i % nlens] };
		struct ewb_bin_record got;
		int keys_only = i >= nlens;
		size_t n = ewb_bin_record_size(&r, keys_only);
		uint8_t *out = malloc(n);

		ewb_bin_record_put(out, &r, keys_only);
		ck_assert_uint_eq(ewb_bin_record_get(out, n, keys_only, &got),
		                  n);
		ck_assert_uint_eq(got.nkey, r.nkey);
		ck_assert_uint_eq(got.nvalue, keys_only ? 0 : r.nvalue);
		ck_assert(keys_only || got.value == out + n - r.nvalue);
		ck_assert(!keys_only || got.key == out + n - r.nkey);
		ck_assert_uint_eq(got.flags, keys_only ? 0 : 1);
		ck_assert_uint_eq(got.expiry, keys_only ? 0 : 2);
		ck_assert_uint_eq(got.seqno, keys_only ? 0 : 3);
		ck_assert_uint_eq(got.cas, keys_only ? 0 : 4);
		ck_assert_uint_eq(got.datatype, keys_only ? 0 : 5);
		free(out);
	}
	free(bytes);
}
END_TEST

START_TEST(a_record_cut_short_is_none)
{
	struct ewb_bin_record r = { .key = (const uint8_t *)"key",
		                    .nkey = 3,
		                    .value = (const uint8_t *)"value",
		                    .nvalue = 5 },
			      got;

	for (int keys_only = 0; keys_only <= 1; keys_only++) {
		size_t whole = ewb_bin_record_size(&r, keys_only);
		uint8_t *out = malloc(whole);

		ewb_bin_record_put(out, &r, keys_only);
		for (size_t n = 0; n < whole; n++) {
			uint8_t *in = malloc(n);

			if (n)
				memcpy(in, out, n);
			ck_assert_uint_eq(
				ewb_bin_record_get(in, n, keys_only, &got), 0);
			free(in);
		}
		free(out);
	}
}
END_TEST

START_TEST(a_record_whose_value_is_cut_short_says_how_long_it_is)
{
	struct ewb_bin_record r = { .flags = 7,
		                    .key = (const uint8_t *)"key",
		                    .nkey = 3,
		                    .value = (const uint8_t *)"value",
		                    .nvalue = 5 },
			      got;
	size_t whole = ewb_bin_record_size(&r, 0);
	uint8_t out[64];

	ewb_bin_record_put(out, &r, 0);
	for (size_t n = 0; n <= whole; n++) {
		size_t said = ewb_bin_record_head(out, n, 0, &got);

		ck_assert_uint_eq(said, n < whole - 5 ? 0 : whole);
		if (!said)
			continue;
		ck_assert_uint_eq(got.flags, 7);
		ck_assert_mem_eq(got.key, "key", 3);
		ck_assert_uint_eq(got.nvalue, 5);
		ck_assert(got.value == (n < whole ? NULL : out + whole - 5));
	}
}
END_TEST

START_TEST(a_length_that_never_ends_or_is_beyond_all_is_none)
{
	static const char *const wrong[] = {
		"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
	};
	struct ewb_bin_record got;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_uint_eq(ewb_bin_record_get((const uint8_t *)wrong[i],
		                                     strlen(wrong[i]), 1, &got),
		                  0);
}
END_TEST

START_TEST(numbers_are_big_endian)
{
	uint8_t p[8];

	ewb_put64(p, 0x0102030405060708);
	ck_assert_mem_eq(p, "\1\2\3\4\5\6\7\x08", 8);
	ck_assert_uint_eq(ewb_be64(p), 0x0102030405060708);
	ck_assert_uint_eq(ewb_be32(p), 0x01020304);
	ck_assert_uint_eq(ewb_be16(p), 0x0102);
	memset(p, 0xff, 8);
	ck_assert_uint_eq(ewb_be64(p), UINT64_MAX);
	ck_assert_uint_eq(ewb_be32(p), UINT32_MAX);
	ck_assert_uint_eq(ewb_be16(p), UINT16_MAX);
}
END_TEST

/* Random streams. */

static void
random_frame(uint64_t *rng, struct stream *s)
{
	struct req r = right(&opcodes[random_below(rng, NOPCODES)]);
	size_t at = s->n;

	if (random_below(rng, 4) == 0)
		r.nvalue = random_below(rng, 300);
	if (random_below(rng, 8) == 0) {
		r.key = NULL;
		r.nkey = random_below(rng, 255);
	}
	if (random_below(rng, 4) == 0) {
		r.magic = ALT;
		r.framing = "\x13\x01\x23\x28\x50\x12xx\x60";
		r.nframing = random_below(rng, 10);
	}
	put(s, &r);
	if (random_below(rng, 3) == 0)
		s->at[at + random_below(rng, (uint32_t)(s->n - at))] ^=
			(uint8_t)(1 << random_below(rng, 8));
	if (random_below(rng, 12) == 0)
		s->at[at + random_below(rng, 24)] =
			(uint8_t)random_below(rng, 256);
}

START_TEST(random_streams_read_the_same_however_they_are_cut)
{
	uint64_t rng = random_seed("protocol_binary");

	/* t/fuzz has more of it with sanitizers */
	for (int i = 0; i < UNIT_TIMES(5000); i++) {
		struct stream s = { .n = 0 };

		while (s.n < 3000 && random_below(&rng, 10))
			random_frame(&rng, &s);
		free(play_random(PLAY_BINARY, s.at, s.n, 200, &rng));
	}
}
END_TEST

START_TEST(random_bytes_are_never_read_beyond_their_end_as_records)
{
	uint64_t rng = random_seed("protocol_binary");

	for (int i = 0; i < 20000; i++) {
		size_t n = random_below(&rng, 80), got;
		uint8_t *in = malloc(n);
		struct ewb_bin_record r;

		for (size_t k = 0; k < n; k++)
			in[k] = (uint8_t)random_below(&rng, k < 25 ? 256 : 30);
		got = ewb_bin_record_get(in, n, i & 1, &r);
		if (got > n)
			ck_abort_msg("%zu of %zu", got, n);
		/* reads it */
		if (got && r.nkey)
			ewb_key_hash(r.key, r.nkey);
		if (got && r.nvalue)
			ewb_key_hash(r.value, r.nvalue);
		free(in);
	}
}
END_TEST

static TCase *
commands(void)
{
	TCase *t = tcase_create("commands");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, each_opcode_is_a_command);
	tcase_add_test(t, quit_is_the_last);
	tcase_add_test(t, an_alternative_header_makes_no_difference);
	tcase_add_test(t, each_opcode_has_extras_of_its_own_length);
	tcase_add_test(t, each_opcode_has_a_key_or_none);
	tcase_add_test(t, each_opcode_has_a_value_or_none);
	tcase_add_test(t, a_reload_has_its_grace_and_nothing_else);
	tcase_add_test(t, every_other_opcode_is_unknown_and_its_body_skipped);
	tcase_add_test(t, a_key_may_have_250_bytes_of_any_kind);
	tcase_add_test(t, a_value_may_be_empty);
	tcase_add_test(t, flush_comes_with_a_delay_or_without);
	tcase_add_test(t, a_configuration_is_asked_for_with_a_revision_or_without);
	tcase_add_test(t, a_key_with_its_collection_may_be_five_bytes_longer);
	tcase_add_test(t, an_error_map_is_asked_for_by_a_version_of_two_bytes);
	tcase_add_test(t, extras_are_read);
	tcase_add_test(t,
	               a_counter_is_not_created_when_the_exptime_is_all_ones);
	tcase_add_test(t, a_mutation_with_a_cas_compares);
	tcase_add_test(t, vbucket_and_datatype_are_handed_on);
	return t;
}

static TCase *
frames(void)
{
	TCase *t = tcase_create("frames");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, the_parts_of_a_head_are_found_behind_the_framing);
	tcase_add_test(t, no_part_of_a_head_is_enough);
	tcase_add_test(t, framing_extras_that_do_not_add_up_are_refused);
	tcase_add_test(t, framing_extras_may_be_long);
	tcase_add_test(t, a_barrier_is_a_framing_extra_without_more);
	tcase_add_test(t, a_get_meta_may_say_which_version_it_wants);
	tcase_add_test(t, hello_asks_for_whole_features_and_not_too_many);
	tcase_add_test(t, a_message_of_a_login_is_not_long);
	tcase_add_test(t, a_value_over_the_limit_is_skipped);
	tcase_add_test(
		t,
		the_range_of_a_scan_may_have_64_kib_whatever_the_limit_of_values);
	tcase_add_test(t, a_scan_has_no_cas);
	tcase_add_test(t, only_the_creation_of_a_scan_may_be_of_json);
	tcase_add_test(
		t, an_unknown_magic_closes_the_connection_at_its_first_byte);
	tcase_add_test(t,
	               lengths_that_contradict_each_other_close_the_connection);
	tcase_add_test(t, a_body_too_large_to_skip_closes_the_connection);
	tcase_add_test(t, random_streams_read_the_same_however_they_are_cut);
	return t;
}

static TCase *
answers(void)
{
	TCase *t = tcase_create("answers");

	tcase_add_test(t, a_reply_is_written_as_the_protocol_has_it);
	tcase_add_test(t, a_client_reads_what_a_server_writes);
	tcase_add_test(t, a_server_reads_what_a_client_writes);
	tcase_add_test(t, a_client_refuses_what_is_no_reply);
	tcase_add_test(t, an_error_context_is_json);
	tcase_add_test(t, members_stand_behind_an_error_and_are_not_cut);
	tcase_add_test(t,
	               quotes_backslashes_and_control_characters_are_escaped);
	tcase_add_test(t, utf_8_stays_as_it_is);
	tcase_add_test(t, bytes_that_are_no_utf_8_are_replaced);
	tcase_add_test(t, a_long_context_is_cut_at_a_character);
	return t;
}

static TCase *
records(void)
{
	TCase *t = tcase_create("records");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_record_is_written_as_the_protocol_has_it);
	tcase_add_test(t, a_record_takes_little_more_than_its_value);
	tcase_add_test(t, a_record_reads_back_whatever_its_lengths);
	tcase_add_test(t, a_record_cut_short_is_none);
	tcase_add_test(t,
	               a_record_whose_value_is_cut_short_says_how_long_it_is);
	tcase_add_test(t, a_length_that_never_ends_or_is_beyond_all_is_none);
	tcase_add_test(t,
	               random_bytes_are_never_read_beyond_their_end_as_records);
	tcase_add_test(
		t,
		a_client_reads_how_far_a_scan_is_among_other_framing_extras);
	tcase_add_test(t, a_client_reads_a_reply_with_framing_extras);
	tcase_add_test(t, numbers_are_big_endian);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("protocol/binary");

	suite_add_tcase(s, commands());
	suite_add_tcase(s, frames());
	suite_add_tcase(s, answers());
	suite_add_tcase(s, records());
	return unit_run(s);
}
