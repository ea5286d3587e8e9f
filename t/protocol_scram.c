/* SPDX-License-Identifier: BSD-2-Clause */
/* Logging in, as messages: the examples of RFC 5802 and RFC 7677, both sides
 * against each other, and what is not taken. */
#include "config.h"

#include <string.h>

#include "protocol/base64.h"
#include "protocol/scram.h"
#include "t/unit.h"

/* An exchange, as it stands in a standard, of user and pencil. */
static const struct example {
	enum ewb_digest digest;
	const char *salt, *nonce, *more; /* the client's, and the server's part */
	const char *first, *last;
} examples[] = {
	{ EWB_SHA1, "QSXCR+Q6sek8bf92", "fyko+d2lbbFgONRv9qkxdawL",
	  "3rfcNHYJY1ZVvWVs7j",
	  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	  "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	  "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ EWB_SHA256, "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO",
	  "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	  "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static struct ewb_scram server;
static struct ewb_scram_client client;
static char first[EWB_SASL_MAX], last[EWB_SASL_MAX], proof[EWB_SCRAM_LAST];
static size_t nfirst, nlast, nproof;

/* The salt and the keys of a password. */
static struct ewb_verifier
verifier(enum ewb_digest d, const char *salt, const char *password)
{
	struct ewb_verifier v = { .rounds = 4096 };
	uint8_t salted[EWB_DIGEST_MAX];

	v.nsalt = (uint32_t)ewb_base64_decode(v.salt, sizeof v.salt, salt,
	                                      strlen(salt));
	ck_assert_int_eq(ewb_digest_password(d, password, strlen(password),
	                                     v.salt, v.nsalt, v.rounds, salted),
	                 0);
	ck_assert_int_eq(ewb_verifier_keys(&v, d, salted), 0);
	return v;
}

/* The server's side from a first message on. */
static int
answer(enum ewb_digest d, const struct ewb_verifier *v, const char *more)
{
	struct ewb_scram_first f;

	if (ewb_scram_first(&f, first, nfirst))
		return -1;
	server.digest = d;
	server.verifier = *v;
	return ewb_scram_begin(&server, &f, more);
}

/* Both, up to what the client says last. */
static void
converse(enum ewb_digest d, const char *user, const char *nonce,
         const char *password, const struct ewb_verifier *v, const char *more)
{
	const char *why;

	memset(&client, 0, sizeof client);
	client.digest = d;
	nfirst = ewb_scram_ask(&client, user, nonce, first);
	ck_assert_int_eq(answer(d, v, more), 0);
	why = ewb_scram_prove(&client, password, server.text + server.reply,
	                      server.ntext - server.reply, last, &nlast);
	ck_assert_msg(why == NULL, "%s", why);
}

START_TEST(the_examples_of_the_standards_come_out)
{
	const struct example *e = &examples[_i];
	struct ewb_verifier v = verifier(e->digest, e->salt, "pencil");

	converse(e->digest, "user", e->nonce, "pencil", &v, e->more);
	ck_assert_uint_eq(nlast, strlen(e->first));
	ck_assert_mem_eq(last, e->first, nlast);
	ck_assert_int_eq(ewb_scram_end(&server, last, nlast, proof, &nproof), 0);
	ck_assert_uint_eq(nproof, strlen(e->last));
	ck_assert_mem_eq(proof, e->last, nproof);
	ck_assert_int_eq(ewb_scram_proved(&client, proof, nproof), 1);
}
END_TEST

static struct ewb_user user;

static void
make_user(void)
{
	if (user.name[0] == '\0')
		ck_assert_int_eq(ewb_user_make(&user, "u=s,er", "secret", 4096),
		                 0);
}

/* As far as the last message, which is right. */
static void
begin(enum ewb_digest d)
{
	make_user();
	converse(d, user.name, "0xffffffc0 0x1e 0x6a", "secret",
	         &user.by[d], "0123456789");
}

START_TEST(both_sides_agree_in_each_mechanism)
{
	make_user();
	converse((enum ewb_digest)_i, user.name, "0xffffffc0 0x1e 0x6a", "secret",
	         &user.by[_i], "0123456789");
	ck_assert_int_eq(ewb_scram_end(&server, last, nlast, proof, &nproof), 0);
	ck_assert_int_eq(ewb_scram_proved(&client, proof, nproof), 1);
	proof[nproof - 2] ^= 4;
	ck_assert_int_eq(ewb_scram_proved(&client, proof, nproof), 0);
	ck_assert_int_eq(ewb_scram_proved(&client, proof, nproof - 1), 0);
}
END_TEST

START_TEST(another_password_proves_nothing)
{
	make_user();
	converse((enum ewb_digest)_i, user.name, "nonce", "Secret", &user.by[_i],
	         "0123456789");
	ck_assert_int_ne(ewb_scram_end(&server, last, nlast, proof, &nproof), 0);
}
END_TEST

/* Ends copies of an exchange that is as far as the last message. */
static int
ends(const char *text, size_t n)
{
	struct ewb_scram copy = server;

	return ewb_scram_end(&copy, text, n, proof, &nproof) == 0;
}

START_TEST(a_last_message_that_is_cut_or_changed_anywhere_is_refused)
{
	begin((enum ewb_digest)_i);
	ck_assert(ends(last, nlast));
	for (size_t n = 0; n < nlast; n++)
		ck_assert_msg(!ends(last, n), "%zu bytes", n);
	for (size_t i = 0; i < nlast; i++) {
		char was = last[i];

		for (int bit = 0; bit < 8; bit++) {
			last[i] = (char)(was ^ 1 << bit);
			/* of its last digit base64 may not use all bits */
			if (i < nlast - 3)
				ck_assert_msg(!ends(last, nlast), "byte %zu", i);
		}
		last[i] = was;
	}
	last[nlast] = ',';
	ck_assert(!ends(last, nlast + 1));
}
END_TEST

START_TEST(a_first_message_that_is_cut_is_refused_or_another_nonce)
{
	struct ewb_scram_first f;
	size_t least;

	make_user();
	client.digest = EWB_SHA512;
	nfirst = ewb_scram_ask(&client, user.name, "nonce", first);
	least = nfirst - 4; /* a nonce of one character */
	for (size_t n = 0; n < nfirst; n++)
		ck_assert_int_eq(ewb_scram_first(&f, first, n),
		                 n < least ? -1 : 0);
}
END_TEST

START_TEST(an_exchange_cannot_be_said_again)
{
	char said[EWB_SASL_MAX];
	size_t n;

	begin(EWB_SHA512);
	n = nlast;
	memcpy(said, last, n);
	ck_assert(ends(said, n));
	/* the same client, the same first message; the server has another nonce */
	ck_assert_int_eq(answer(EWB_SHA512, &user.by[EWB_SHA512], "0123456780"),
	                 0);
	ck_assert(!ends(said, n));
}
END_TEST

/* First messages, and the user that they are of. */
static const struct {
	const char *say, *user; /* null: it is refused */
} firsts[] = {
	{ "n,,n=user,r=abc", "user" },
	{ "n,,n=a=2Cb=3Dc,r=abc", "a,b=c" },
	{ "n,,n=\xc3\xa4,r=abc", "\xc3\xa4" },
	{ "n,,n=user,r=0xffffffc0 0x1e 0x6a", "user" },
	{ "n,,n=user,r=abc,x=later,y=more", "user" },
	{ "y,,n=user,r=abc", NULL },
	{ "p=tls-unique,,n=user,r=abc", NULL },
	{ "n,a=other,n=user,r=abc", NULL },
	{ "n,,m=must,n=user,r=abc", NULL },
	{ "n,,n=,r=abc", NULL },
	{ "n,,n=user,r=", NULL },
	{ "n,,r=abc,n=user", NULL },
	{ "n,,n=user", NULL },
	{ "n,,n=a=2cb,r=abc", NULL },
	{ "n,,n=a=,r=abc", NULL },
	{ "n,,n=a=3,r=abc", NULL },
	{ "n,,n=user,r=a\tb", NULL },
	{ "n,,n=user,r=a\x80", NULL },
	{ "N,,n=user,r=abc", NULL },
	{ "n,,", NULL },
	{ "", NULL },
};

START_TEST(a_first_message_is_taken_apart)
{
	struct ewb_scram_first f;
	const char *say = firsts[_i].say;
	int err = ewb_scram_first(&f, say, strlen(say));

	ck_assert_int_eq(err, firsts[_i].user ? 0 : -1);
	if (err == 0)
		ck_assert_str_eq(f.user, firsts[_i].user);
}
END_TEST

START_TEST(names_and_nonces_have_their_lengths)
{
	struct ewb_scram_first f;
	char text[EWB_SASL_MAX + 64];
	int n;

	for (int over = 0; over < 2; over++) {
		n = snprintf(text, sizeof text, "n,,n=%0*d,r=abc",
		             EWB_USER_MAX + over, 0);
		ck_assert_int_eq(ewb_scram_first(&f, text, (size_t)n), -over);
		n = snprintf(text, sizeof text, "n,,n=u,r=%0*d",
		             EWB_SCRAM_NONCE_MAX + over, 0);
		ck_assert_int_eq(ewb_scram_first(&f, text, (size_t)n), -over);
		n = snprintf(text, sizeof text, "n,,n=u,r=a,x=%0*d",
		             EWB_SASL_MAX - 13 + over, 0);
		ck_assert_int_eq(ewb_scram_first(&f, text, (size_t)n), -over);
	}
}
END_TEST

/* A server's answer to the client of "nonce". */
static const struct {
	const char *say;
	int good;
} answers[] = {
	{ "r=nonce1,s=c2FsdHNhbHQ=,i=4096", 1 },
	{ "r=nonce1,s=c2FsdHNhbHQ=,i=4096,x=later", 1 },
	{ "r=nonce,s=c2FsdHNhbHQ=,i=4096", 0 }, /* it has added nothing */
	{ "r=Nonce1,s=c2FsdHNhbHQ=,i=4096", 0 },
	{ "r=non,s=c2FsdHNhbHQ=,i=4096", 0 },
	{ "r=nonce1,s=c2FsdHNhbHQ=,i=4095", 0 },
	{ "r=nonce1,s=c2FsdHNhbHQ=,i=1", 0 },
	{ "r=nonce1,s=c2FsdHNhbHQ=,i=4294967297", 0 },
	{ "r=nonce1,s=c2FsdHNhbHQ=,i=", 0 },
	{ "r=nonce1,s=,i=4096", 0 },
	{ "r=nonce1,s=!,i=4096", 0 },
	{ "r=nonce1,i=4096,s=c2FsdHNhbHQ=", 0 },
	{ "r=nonce1", 0 },
	{ "e=other-error", 0 },
	{ "", 0 },
};

START_TEST(a_client_takes_a_good_answer_alone)
{
	const char *say = answers[_i].say, *why;

	memset(&client, 0, sizeof client);
	client.digest = EWB_SHA256;
	(void)ewb_scram_ask(&client, "user", "nonce", first);
	why = ewb_scram_prove(&client, "pencil", say, strlen(say), last, &nlast);
	ck_assert_int_eq(why == NULL, answers[_i].good);
}
END_TEST

#define P(text) (text), sizeof(text) - 1

static const struct {
	const char *say;
	size_t n;
	const char *user, *password;
} plains[] = {
	{ P("\0user\0pass"), "user", "pass" },
	{ P("user\0user\0pass"), "user", "pass" },
	{ P("\0user\0"), "user", "" },
	{ P("other\0user\0pass"), NULL, NULL },
	{ P("\0\0pass"), NULL, NULL },
	{ P("\0user"), NULL, NULL },
	{ P("user\0pass"), NULL, NULL },
	{ P("\0"), NULL, NULL },
	{ P(""), NULL, NULL },
};

START_TEST(plain_is_taken_apart)
{
	struct ewb_plain p;
	int err = ewb_plain_take(&p, plains[_i].say, plains[_i].n);

	ck_assert_int_eq(err, plains[_i].user ? 0 : -1);
	if (err)
		return;
	ck_assert_str_eq(p.user, plains[_i].user);
	ck_assert_uint_eq(p.npassword, strlen(plains[_i].password));
	ck_assert_mem_eq(p.password, plains[_i].password, p.npassword);
}
END_TEST

/* What a server keeps. */

START_TEST(a_line_says_all_of_a_user)
{
	char line[EWB_USER_LINE_MAX];
	struct ewb_user other;
	size_t n;

	make_user();
	n = ewb_user_print(line, &user);
	ck_assert_ptr_null(ewb_user_parse(&other, line, n));
	ck_assert_mem_eq(&other, &user, sizeof user);
	for (unsigned d = 0; d < EWB_NDIGESTS; d++) {
		ck_assert_int_eq(ewb_verifier_try(&other.by[d],
		                                  (enum ewb_digest)d, "secret",
		                                  6),
		                 1);
		ck_assert_int_eq(ewb_verifier_try(&other.by[d],
		                                  (enum ewb_digest)d, "secreT",
		                                  6),
		                 0);
	}
	for (size_t i = 0; i < n - 1; i++)
		ck_assert_msg(ewb_user_parse(&other, line, i) != NULL,
		              "%zu bytes", i);
}
END_TEST

START_TEST(a_mechanism_stands_in_a_line_once)
{
	char line[2 * EWB_USER_LINE_MAX];
	struct ewb_user other;
	size_t n, nname;

	make_user();
	n = ewb_user_print(line, &user);
	nname = strlen(user.name);
	memcpy(line + n, line + nname, n - nname);
	ck_assert_str_eq(ewb_user_parse(&other, line, 2 * n - nname),
	                 "a mechanism stands in it twice");
}
END_TEST

START_TEST(the_longest_line_fits)
{
	char line[EWB_USER_LINE_MAX];
	struct ewb_user u = { .name = "" };

	memset(u.name, 'n', EWB_USER_MAX);
	for (unsigned d = 0; d < EWB_NDIGESTS; d++) {
		u.by[d].rounds = EWB_ROUNDS_MAX;
		u.by[d].nsalt = EWB_SALT_MAX;
	}
	ck_assert_uint_le(ewb_user_print(line, &u), sizeof line);
}
END_TEST

START_TEST(names_that_would_not_be_found_again_are_refused)
{
	static const char *const bad[] = { "",    "#u",  "@u",   "a b",
		                           "a\t", "a\n", "\x7f", " " };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_ptr_nonnull(ewb_user_name_wrong(bad[i]));
	ck_assert_ptr_null(ewb_user_name_wrong("a,b=c"));
	ck_assert_ptr_null(ewb_user_name_wrong("\xc3\xa4"));
}
END_TEST

START_TEST(who_is_not_there_has_the_same_salt_always_and_no_password)
{
	struct ewb_verifier a, b, c;

	for (unsigned i = 0; i < EWB_NDIGESTS; i++) {
		enum ewb_digest d = (enum ewb_digest)i;

		ck_assert_int_eq(ewb_verifier_invent(&a, d, "x", "k", 1, 4096),
		                 0);
		ck_assert_int_eq(ewb_verifier_invent(&b, d, "x", "k", 1, 4096),
		                 0);
		ck_assert_mem_eq(&a, &b, sizeof a);
		ck_assert_uint_eq(a.nsalt, EWB_SALT);
		ck_assert_int_eq(ewb_verifier_invent(&c, d, "y", "k", 1, 4096),
		                 0);
		ck_assert_mem_ne(a.salt, c.salt, EWB_SALT);
		ck_assert_int_eq(ewb_verifier_invent(&c, d, "x", "l", 1, 4096),
		                 0);
		ck_assert_mem_ne(a.salt, c.salt, EWB_SALT);
		ck_assert_int_eq(ewb_verifier_invent(&c, (i + 1) % EWB_NDIGESTS,
		                                     "x", "k", 1, 4096),
		                 0);
		ck_assert_mem_ne(a.salt, c.salt, EWB_SALT);
		ck_assert_int_eq(ewb_verifier_try(&a, d, "", 0), 0);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("protocol_scram");
	TCase *t = tcase_create("exchange");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, the_examples_of_the_standards_come_out, 0, 2);
	tcase_add_loop_test(t, both_sides_agree_in_each_mechanism, 0,
	                    EWB_NDIGESTS);
	tcase_add_loop_test(t, another_password_proves_nothing, 0, EWB_NDIGESTS);
	tcase_add_loop_test(
		t, a_last_message_that_is_cut_or_changed_anywhere_is_refused, 0,
		EWB_NDIGESTS);
	tcase_add_test(t, a_first_message_that_is_cut_is_refused_or_another_nonce);
	tcase_add_test(t, an_exchange_cannot_be_said_again);
	tcase_add_loop_test(t, a_first_message_is_taken_apart, 0,
	                    sizeof firsts / sizeof *firsts);
	tcase_add_test(t, names_and_nonces_have_their_lengths);
	tcase_add_loop_test(t, a_client_takes_a_good_answer_alone, 0,
	                    sizeof answers / sizeof *answers);
	tcase_add_loop_test(t, plain_is_taken_apart, 0,
	                    sizeof plains / sizeof *plains);
	suite_add_tcase(s, t);

	t = tcase_create("verifier");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_line_says_all_of_a_user);
	tcase_add_test(t, a_mechanism_stands_in_a_line_once);
	tcase_add_test(t, the_longest_line_fits);
	tcase_add_test(t, names_that_would_not_be_found_again_are_refused);
	tcase_add_test(t,
	               who_is_not_there_has_the_same_salt_always_and_no_password);
	suite_add_tcase(s, t);
	return unit_run(s);
}
