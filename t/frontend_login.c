/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that have to log in. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "frontend/login.h"
#include "frontend/users.h"
#include "lib/chunks.h"
#include "protocol/binary.h"
#include "protocol/scram.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define DENIED "CLIENT_ERROR unauthenticated\r\n"
#define WRONG "CLIENT_ERROR authentication failure\r\n"
#define LATE_MS (EWB_LOGIN_LATE_US / 1000)
#define ALICE "set x 0 0 12\r\nalice secret\r\n"
#define BOB "set x 0 0 10\r\nbob hunter\r\n"

static struct play p;
static struct client *c;
static struct frames ask, answer;
static const char path[] = "frontend_login.users";

/* The file. */

static void
write_users(const char *before, unsigned n)
{
	static struct ewb_user users[2];
	char line[EWB_USER_LINE_MAX + 1];
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	if (users[0].name[0] == '\0') {
		ck_assert_int_eq(ewb_user_make(&users[0], "alice", "secret", 4096),
		                 0);
		ck_assert_int_eq(ewb_user_make(&users[1], "bob", "hunter", 4096),
		                 0);
	}
	fputs(before, f);
	for (unsigned i = 0; i < n; i++) {
		line[ewb_user_print(line, &users[i])] = '\0';
		fprintf(f, "%s\n", line);
	}
	ck_assert_int_eq(fclose(f), 0);
}

static int
read_users(char why[256])
{
	int err = ewb_server_users(p.server, path, why, 256);

	unlink(path);
	return err;
}

static void
begin_with(const struct ewb_server_options *o)
{
	char why[256] = "";

	play_server(&p, &tiny_engine, o);
	write_users("# two\n\n@salts abc\n", 2);
	ck_assert_msg(read_users(why) == 0, "%s", why);
	play_fronts(&p, 1);
	c = client_open(&p, 0);
}

static void
begin(void)
{
	begin_with(NULL);
}

/* Until all is answered, also what is answered late. */
static void
run_late(void)
{
	play_run(&p);
	play_pass(&p, LATE_MS);
	play_run(&p);
}

static void
log_in(struct client *who, const char *text)
{
	say(who, text);
	play_run(&p);
	hear(who, "STORED\r\n");
}

/* In the input of the front end, which others use after it. */
static bool
is_left(const char *what)
{
	const struct ewb_chunk *a = p.front[0]->arena;

	return a && memmem(a->data, a->len, what, strlen(what)) != NULL;
}

/* Text. */

static const struct talk {
	const char *say, *hear;
} talks[] = {
	{ "get a b c\r\nversion\r\nmn\r\n", DENIED DENIED DENIED },
	{ "\r\nbogus\r\nget\r\nset k 0 0 x\r\n", DENIED DENIED DENIED DENIED },
	{ "ms k 2\r\nhi\r\ncas k 0 0 2 1\r\nhi\r\nadd k 0 0 2\r\nhi\r\nmn\r\n",
	  DENIED DENIED DENIED DENIED },
	{ "set k 0 0 4\r\nabcd\r\n",
	  "CLIENT_ERROR bad authentication token format\r\n" },
	{ "set k 0 0 1\r\n \r\nset k 0 0 2\r\na \r\nset k 0 0 0\r\n\r\n",
	  "CLIENT_ERROR bad authentication token format\r\n"
	  "CLIENT_ERROR bad authentication token format\r\n"
	  "CLIENT_ERROR bad authentication token format\r\n" },
	{ ALICE "set k 0 0 1\r\nV\r\nget k\r\n",
	  "STORED\r\nSTORED\r\nVALUE k 0 1\r\nV\r\nEND\r\n" },
	{ "set x 0 0 12 noreply\r\nalice secret\r\nget k\r\n",
	  "STORED\r\nEND\r\n" },
	{ "set x 0 0 12\r\nalice secretget k\r\n" ALICE,
	  "CLIENT_ERROR bad data chunk\r\nSTORED\r\n" },
	{ "set x 0 0 12\r\nalice Secret\r\nget k\r\n", WRONG DENIED },
	{ "set x 0 0 12\r\nalicE secret\r\nget k\r\n", WRONG DENIED },
	{ "flush_all\r\nshutdown\r\nstats\r\nscan\r\nquit\r\n",
	  DENIED DENIED DENIED DENIED },
};

static void
converse(const struct talk *t, size_t piece)
{
	size_t n = strlen(t->say), part;

	begin();
	for (size_t i = 0; i < n && client_served(c); i += part) {
		part = n - i < piece ? n - i : piece;
		say_bytes(c, t->say + i, part);
		play_run(&p);
	}
	run_late();
	hear(c, t->hear);
	play_close(&p);
}

START_TEST(a_conversation_is_the_same_in_pieces_of_every_size)
{
	for (size_t piece = 1; piece <= strlen(talks[_i].say); piece++)
		converse(&talks[_i], piece);
}
END_TEST

START_TEST(where_nobody_has_to_log_in_a_set_is_a_set)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	log_in(c, ALICE);
	say(c, "get x\r\n");
	play_run(&p);
	hear(c, "VALUE x 0 12\r\nalice secret\r\nEND\r\n");
	play_close(&p);
}
END_TEST

/* Binary. */

static void
ask_plain(uint8_t opcode, const char *mechanism, const void *value, size_t n)
{
	frames_ask(&ask, &(struct frame){ .opcode = opcode,
	                                  .key = mechanism,
	                                  .value = value,
	                                  .nvalue = n });
}

static void
exchange(void)
{
	frames_say(c, &ask);
	run_late();
	frames_hear(c, &answer);
	ask.n = answer.n = 0;
}

static int
may_be_said(unsigned op)
{
	return op == BIN_QUIT || op == 0x17 || op == BIN_HELLO || op == 0x20 ||
	       op == 0x21 || op == 0x22 || op == 0xfe;
}

START_TEST(no_other_opcode_is_answered_before_a_login)
{
	static const char mechanisms[] =
		"SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN";

	begin();
	ask.n = answer.n = 0;
	for (unsigned op = 0; op < 256; op++) {
		if (may_be_said(op))
			continue;
		/* right for some, and wrong for others */
		frames_ask(&ask, &(struct frame){ .opcode = (uint8_t)op,
		                                  .opaque = op,
		                                  .key = "k",
		                                  .value = "v",
		                                  .nvalue = op % 2 });
		frames_error(&answer, (uint8_t)op, op, EWB_NO_ACCESS,
		             "nobody has logged in");
	}
	frames_ask(&ask, &(struct frame){ .opcode = 0x20 });
	frames_answer(&answer, &(struct frame){ .opcode = 0x20,
	                                        .value = mechanisms,
	                                        .nvalue = strlen(mechanisms) });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_HELLO });
	frames_answer(&answer, &(struct frame){ .opcode = BIN_HELLO });
	exchange();
	ck_assert_uint_eq(play_count(&p, auth_refused), 256 - 7);
	ck_assert_uint_eq(play_count(&p, frames_malformed), 0);
	ck_assert_uint_eq(tiny.runs, 0);
	play_close(&p);
}
END_TEST

START_TEST(where_nobody_has_to_log_in_there_is_no_sasl)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	ask.n = answer.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = 0x20 });
	frames_error(&answer, 0x20, 0, EWB_UNKNOWN_COMMAND, "unknown command");
	ask_plain(0x21, "PLAIN", "\0alice\0secret", 13);
	frames_error(&answer, 0x21, 0, EWB_UNKNOWN_COMMAND, "unknown command");
	exchange();
	play_close(&p);
}
END_TEST

START_TEST(plain_logs_in)
{
	begin();
	ask.n = answer.n = 0;
	ask_plain(0x21, "PLAIN", "\0alice\0secret", 13);
	frames_answer(&answer, &(struct frame){ .opcode = 0x21 });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP });
	frames_answer(&answer, &(struct frame){ .opcode = BIN_NOOP });
	exchange();
	ck_assert_str_eq(c->conn->session.user, "alice");
	ck_assert_uint_eq(play_count(&p, auth_cmds), 1);
	ck_assert_uint_eq(play_count(&p, auth_errors), 0);
	play_close(&p);
}
END_TEST

static const struct {
	const char *mechanism, *value;
	size_t n;
} wrong[] = {
	{ "PLAIN", "\0alice\0Secret", 13 }, { "PLAIN", "\0carol\0secret", 13 },
	{ "PLAIN", "\0alice\0", 7 },        { "PLAIN", "bob\0alice\0secret", 16 },
	{ "PLAIN", "alice", 5 },            { "plain", "\0alice\0secret", 13 },
	{ "CRAM-MD5", "", 0 },              { "SCRAM-SHA512", "n,,n=alice", 10 },
	{ "SCRAM-SHA1", "p=x,,n=alice,r=a", 16 },
};

START_TEST(what_is_wrong_with_a_login_is_not_told)
{
	begin();
	ask.n = answer.n = 0;
	ask_plain(0x21, wrong[_i].mechanism, wrong[_i].value, wrong[_i].n);
	frames_error(&answer, 0x21, 0, 0x20, NULL);
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP });
	frames_error(&answer, BIN_NOOP, 0, EWB_NO_ACCESS, "nobody has logged in");
	exchange();
	ck_assert_ptr_null(c->conn->session.user);
	ck_assert_uint_eq(play_count(&p, auth_cmds), 1);
	ck_assert_uint_eq(play_count(&p, auth_errors), 1);
	play_close(&p);
}
END_TEST

/* SCRAM. */

static struct ewb_scram_client scram;
static char text[EWB_SASL_MAX];
static size_t ntext;
static uint8_t got[4096];

/* Says what is in text, and hears one reply: its status; its value is in got. */
static unsigned
scram_say(uint8_t opcode, const char *mechanism, size_t *nvalue)
{
	size_t n;

	ask.n = 0;
	ask_plain(opcode, mechanism, text, ntext);
	frames_say(c, &ask);
	ask.n = 0;
	run_late();
	n = hear_some(c, got, sizeof got);
	ck_assert_uint_ge(n, EWB_BIN_HEAD);
	ck_assert_uint_eq(n, EWB_BIN_HEAD + ewb_be32(got + 8));
	*nvalue = n - EWB_BIN_HEAD;
	return ewb_be16(got + 6);
}

/* Up to the client's last message, which is then in text. */
static void
scram_begin(enum ewb_digest d, const char *user, const char *password)
{
	size_t n;

	memset(&scram, 0, sizeof scram);
	scram.digest = d;
	ntext = ewb_scram_ask(&scram, user, "a nonce", text);
	ck_assert_uint_eq(scram_say(0x21, ewb_verifier_mechanism(d), &n), 0x21);
	ck_assert_ptr_null(ewb_scram_prove(&scram, password, got + EWB_BIN_HEAD,
	                                   n, text, &ntext));
}

static unsigned
scram_end(enum ewb_digest d)
{
	size_t n;
	unsigned status = scram_say(0x22, ewb_verifier_mechanism(d), &n);

	if (status == 0)
		ck_assert(ewb_scram_proved(&scram, got + EWB_BIN_HEAD, n));
	return status;
}

START_TEST(scram_logs_in_by_each_hash)
{
	enum ewb_digest d = (enum ewb_digest)_i;

	begin();
	scram_begin(d, "alice", "secret");
	ck_assert_uint_eq(scram_end(d), 0);
	ck_assert_str_eq(c->conn->session.user, "alice");
	ck_assert_uint_eq(play_count(&p, auth_rounds), 0);
	play_close(&p);
}
END_TEST

START_TEST(scram_refuses_another_password_and_another_user)
{
	enum ewb_digest d = (enum ewb_digest)_i;

	begin();
	scram_begin(d, "alice", "Secret");
	ck_assert_uint_eq(scram_end(d), 0x20);
	scram_begin(d, "carol", "secret");
	ck_assert_uint_eq(scram_end(d), 0x20);
	ck_assert_ptr_null(c->conn->session.user);
	play_close(&p);
}
END_TEST

START_TEST(an_exchange_has_one_step_whatever_comes_of_it)
{
	begin();
	/* none has begun */
	ntext = 4;
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0x20);
	/* it is over when it failed: the right message comes too late */
	scram_begin(EWB_SHA512, "alice", "secret");
	ntext--;
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0x20);
	ntext++;
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0x20);
	/* of another mechanism */
	scram_begin(EWB_SHA512, "alice", "secret");
	ck_assert_uint_eq(scram_end(EWB_SHA256), 0x20);
	ck_assert_ptr_null(c->conn->exchange);
	play_close(&p);
}
END_TEST

START_TEST(what_was_said_is_of_no_use_on_another_connection)
{
	char said[EWB_SASL_MAX];
	size_t n;

	begin();
	scram_begin(EWB_SHA512, "alice", "secret");
	n = ntext;
	memcpy(said, text, n);
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0);
	/* nor on the same one once more */
	memcpy(text, said, n);
	ntext = n;
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0x20);
	c = client_open(&p, 0);
	scram_begin(EWB_SHA512, "alice", "secret");
	memcpy(text, said, n);
	ntext = n;
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0x20);
	play_close(&p);
}
END_TEST

START_TEST(a_user_that_there_is_not_has_the_same_salt_each_time)
{
	char first[256];
	size_t n;

	begin();
	scram.digest = EWB_SHA256;
	for (int i = 0; i < 2; i++) {
		const char *salt;

		ntext = ewb_scram_ask(&scram, "carol", "n", text);
		ck_assert_uint_eq(scram_say(0x21, "SCRAM-SHA256", &n), 0x21);
		got[EWB_BIN_HEAD + n] = '\0';
		salt = strstr((char *)got + EWB_BIN_HEAD, ",s=");
		ck_assert_ptr_nonnull(salt);
		ck_assert_ptr_nonnull(strstr(salt, "==,i=4096"));
		if (i == 0)
			snprintf(first, sizeof first, "%s", salt);
		else
			ck_assert_str_eq(salt, first);
	}
	play_close(&p);
}
END_TEST

/* Work. */

/* What a login takes: jobs that run, rounds, and time. */
struct work {
	unsigned jobs;
	uint64_t rounds, ms;
};

/* From what was just said to its answer. */
static struct work
work(void)
{
	struct work w = { 0 };
	uint64_t before = play_count(&p, auth_rounds);

	for (;;) {
		play_run_fronts(&p);
		while (play_job(&p))
			w.jobs++;
		play_run_fronts(&p);
		if (hear_some(c, got, sizeof got))
			break;
		play_pass(&p, 10);
		w.ms += 10;
		ck_assert_uint_lt(w.ms, 2000);
	}
	w.rounds = play_count(&p, auth_rounds) - before;
	client_close(c);
	play_run(&p);
	return w;
}

static struct work
work_of(const char *login)
{
	struct work w;

	c = client_open(&p, 0);
	say(c, login);
	w = work();
	ck_assert_int_eq(memcmp(got, WRONG, strlen(WRONG)), 0);
	return w;
}

static struct work
work_of_scram(const char *user)
{
	struct work w;

	c = client_open(&p, 0);
	scram_begin(EWB_SHA512, user, "Secret");
	ask.n = 0;
	ask_plain(0x22, "SCRAM-SHA512", text, ntext);
	frames_say(c, &ask);
	w = work();
	ck_assert_uint_eq(ewb_be16(got + 6), 0x20);
	return w;
}

START_TEST(a_wrong_password_and_an_unknown_user_are_the_same_work)
{
	struct work wrong_one, unknown;

	begin();
	wrong_one = work_of("set x 0 0 12\r\nalice Secret\r\n");
	unknown = work_of("set x 0 0 12\r\ncarol Secret\r\n");
	ck_assert_uint_eq(wrong_one.jobs, 2);
	ck_assert_uint_eq(wrong_one.rounds, 4096);
	ck_assert_uint_eq(wrong_one.ms, LATE_MS);
	ck_assert_uint_eq(unknown.jobs, wrong_one.jobs);
	ck_assert_uint_eq(unknown.rounds, wrong_one.rounds);
	ck_assert_uint_eq(unknown.ms, wrong_one.ms);
	play_close(&p);
}
END_TEST

START_TEST(so_they_are_where_the_client_does_the_work)
{
	struct work wrong_one, unknown;

	begin();
	wrong_one = work_of_scram("alice");
	unknown = work_of_scram("carol");
	ck_assert_uint_eq(wrong_one.jobs, 2);
	ck_assert_uint_eq(unknown.jobs, 2);
	ck_assert_uint_eq(wrong_one.rounds + unknown.rounds, 0);
	ck_assert_uint_eq(wrong_one.ms, LATE_MS);
	ck_assert_uint_eq(unknown.ms, LATE_MS);
	play_close(&p);
}
END_TEST

START_TEST(a_failed_login_sleeps_and_holds_no_thread)
{
	struct ewb_class_stats s;

	begin();
	say(c, "set x 0 0 12\r\nalice Secret\r\n");
	play_run(&p);
	ewb_pool_stats(p.core->pool, EWB_AUX, &s);
	ck_assert_uint_eq(s.sleeping, 1);
	ck_assert_uint_eq(s.running + s.queued, 0);
	play_pass(&p, LATE_MS - 1);
	play_run(&p);
	hear_nothing(c);
	play_pass(&p, 1);
	play_run(&p);
	hear(c, WRONG);
	play_close(&p);
}
END_TEST

START_TEST(passwords_are_tried_one_at_a_time)
{
	struct ewb_class_stats s;
	unsigned jobs = 0;

	begin();
	for (unsigned i = 0; i < 20; i++)
		say(client_open(&p, 0), ALICE);
	play_run_fronts(&p);
	ewb_pool_stats(p.core->pool, EWB_AUX, &s);
	/* the others wait in the strand, before what else is to be done here */
	ck_assert_ptr_nonnull(p.server->users->strand.waiting.first);
	while (play_job(&p))
		jobs++;
	ck_assert_uint_eq(jobs, 20);
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, auth_cmds), 20);
	ck_assert_uint_eq(play_count(&p, auth_errors), 0);
	play_close(&p);
}
END_TEST

START_TEST(a_login_has_no_deadline_of_a_command)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.deadline_ms = 50;
	begin_with(&o);
	say(c, "set x 0 0 12\r\nalice Secret\r\n");
	for (unsigned i = 0; i < 5; i++) {
		play_run(&p);
		play_pass(&p, LATE_MS / 5);
	}
	play_run(&p);
	hear(c, WRONG);
	ck_assert_uint_eq(play_count(&p, deadlines_passed), 0);
	play_close(&p);
}
END_TEST

/* What comes behind. */

START_TEST(what_follows_a_login_waits_for_it)
{
	begin();
	say(c, ALICE "get k\r\n");
	play_run_fronts(&p);
	hear_nothing(c);
	ck_assert_uint_eq(tiny.runs, 0);
	ck_assert_uint_eq(c->conn->nflight, 1);
	play_run(&p);
	hear(c, "STORED\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(a_login_waits_for_what_was_said_before_it)
{
	begin();
	log_in(c, ALICE);
	client_close(c);
	c = client_open(&p, 0);
	ask.n = answer.n = 0;
	ask_plain(0x21, "PLAIN", "\0alice\0secret", 13);
	frames_answer(&answer, &(struct frame){ .opcode = 0x21 });
	exchange();
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .key = "h1" });
	ask_plain(0x21, "PLAIN", "\0bob\0Hunter", 11);
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .key = "k" });
	frames_say(c, &ask);
	run_late();
	/* who asked for it is who he was */
	ck_assert_str_eq(c->conn->session.user, "alice");
	ck_assert_uint_eq(tiny.runs, 1);
	tiny_put("h1", "v", 1);
	tiny_let("h1", EWB_OK);
	run_late();
	frames_answer(&answer, &(struct frame){ .opcode = BIN_GET,
	                                        .cas = 1,
	                                        .extras = "\0\0\0\0",
	                                        .nextras = 4,
	                                        .value = "v",
	                                        .nvalue = 1 });
	frames_error(&answer, 0x21, 0, 0x20, NULL);
	/* and what follows is of nobody */
	frames_error(&answer, BIN_GET, 0, EWB_NO_ACCESS, "nobody has logged in");
	frames_hear(c, &answer);
	ck_assert_ptr_null(c->conn->session.user);
	ck_assert_uint_eq(tiny.runs, 1);
	play_close(&p);
}
END_TEST

/* Somebody else's waits behind a get that blocks. */
static void
wait_with_a_login(void)
{
	begin();
	ask.n = answer.n = 0;
	ask_plain(0x21, "PLAIN", "\0alice\0secret", 13);
	frames_answer(&answer, &(struct frame){ .opcode = 0x21 });
	exchange();
	ask.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .key = "h1" });
	ask_plain(0x21, "PLAIN", "\0bob\0hunter", 11);
	frames_say(c, &ask);
	play_run(&p);
	ck_assert(is_left("hunter"));
}

START_TEST(no_password_is_left_of_a_login_that_never_begins)
{
	wait_with_a_login();
	client_close(c);
	play_run_fronts(&p);
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	ck_assert(!is_left("hunter"));
	tiny_let("h1", EWB_OK);
	play_run(&p);
	play_close(&p);
}
END_TEST

START_TEST(nor_of_one_that_is_refused_its_turn)
{
	wait_with_a_login();
	ewb_now_on_front(p.front[0]->d.thread);
	ewb_order_refuse(c->conn); /* as a reload does, and a stop */
	ck_assert(!is_left("hunter"));
	tiny_let("h1", EWB_NOT_FOUND);
	play_run(&p);
	ck_assert_uint_ge(hear_some(c, got, sizeof got), 2 * EWB_BIN_HEAD);
	ck_assert_uint_ne(ewb_be16(got + EWB_BIN_HEAD + 6), 0);
	ck_assert_str_eq(c->conn->session.user, "alice");
	play_close(&p);
}
END_TEST

START_TEST(a_large_value_is_not_kept_before_a_login)
{
	static char zeros[65536];

	begin();
	say(c, "set k 0 0 1000000\r\n");
	for (unsigned i = 0; i < 15; i++) {
		say_bytes(c, zeros, sizeof zeros);
		play_run(&p);
		ck_assert_ptr_null(c->conn->body);
		ck_assert_ptr_null(c->conn->part);
		ck_assert_uint_eq(atomic_load(&p.server->receiving), 0);
	}
	say_bytes(c, zeros, 1000000 - 15 * sizeof zeros);
	say(c, "\r\n" ALICE);
	play_run(&p);
	hear(c, DENIED "STORED\r\n");
	play_close(&p);
}
END_TEST

START_TEST(no_password_is_left_where_it_was_received)
{
	static const char login[] = ALICE;
	static const char plain[] = "\0alice\0secret";

	begin();
	for (size_t i = 0; i < sizeof login - 1; i++) {
		say_bytes(c, login + i, 1);
		play_run(&p);
		ck_assert(!is_left("secre"));
	}
	hear(c, "STORED\r\n");
	c = client_open(&p, 0);
	for (int again = 0; again < 2; again++) {
		ask.n = answer.n = 0;
		ask_plain(0x21, "PLAIN", plain, sizeof plain - 1);
		for (size_t i = 0; i < ask.n; i++) {
			say_bytes(c, ask.at + i, 1);
			play_run(&p);
			ck_assert(!is_left("secre"));
		}
		frames_answer(&answer, &(struct frame){ .opcode = 0x21 });
		frames_hear(c, &answer);
	}
	play_close(&p);
}
END_TEST

START_TEST(nor_of_one_that_was_said_wrongly)
{
	static const char *const said[] = {
		"set x 0 0 12\r\nalice secret!!\r\n", /* longer than was said */
		"set x 0 0 1200\r\nalice secret\r\n", /* much shorter */
		"set x alice secret\r\n",
		"auth alice secret\r\n",
	};

	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		begin();
		say(c, said[i]);
		play_run(&p);
		hear_all(c);
		ck_assert(!is_left("secret"));
		ck_assert_ptr_null(c->conn->session.user);
		play_close(&p);
	}
}
END_TEST

/* Ends. */

START_TEST(after_five_failures_the_connection_is_closed)
{
	begin();
	for (unsigned i = 0; i < EWB_LOGIN_FAILURES; i++) {
		say(c, "set x 0 0 12\r\nalice Secret\r\nget k\r\n");
		run_late();
		hear(c, i + 1 < EWB_LOGIN_FAILURES ? WRONG DENIED : WRONG);
	}
	hear_end(c);
	play_close(&p);
}
END_TEST

/* What is said last: another password, a message cut short, an old one. */
static void
end_wrongly(unsigned how)
{
	static char old[EWB_SASL_MAX];
	static size_t nold;

	scram_begin(EWB_SHA512, "alice", how == 0 ? "Secret" : "secret");
	if (how == 1)
		ntext -= 1;
	if (how == 2 && nold) {
		memcpy(text, old, nold);
		ntext = nold;
	} else {
		memcpy(old, text, ntext);
		nold = ntext;
	}
	ck_assert_uint_eq(scram_end(EWB_SHA512), 0x20);
}

START_TEST(after_five_exchanges_that_failed_too)
{
	uint64_t before;

	begin();
	for (unsigned i = 0; i < EWB_LOGIN_FAILURES; i++) {
		before = play_count(&p, auth_errors);
		end_wrongly(i % 3);
		ck_assert_uint_eq(play_count(&p, auth_errors), before + 1);
	}
	hear_end(c);
	ck_assert_uint_eq(play_count(&p, auth_cmds), EWB_LOGIN_FAILURES);
	play_close(&p);
}
END_TEST

START_TEST(an_exchange_that_is_given_up_counts_as_failed)
{
	size_t n;

	begin();
	for (unsigned i = 0; i < EWB_LOGIN_FAILURES; i++) {
		ck_assert_uint_eq(play_count(&p, auth_errors), i ? i - 1 : 0);
		scram_begin(EWB_SHA512, "alice", "secret");
	}
	/* the fifth is the last, whatever would take its place */
	memcpy(text, "\0alice\0secret", 13);
	ntext = 13;
	ck_assert_uint_eq(scram_say(0x21, "PLAIN", &n), 0x20);
	ck_assert_uint_eq(play_count(&p, auth_errors), EWB_LOGIN_FAILURES);
	hear_end(c);
	play_close(&p);
}
END_TEST

START_TEST(a_failed_login_that_cannot_be_late_is_not_told)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_cookies = 0;
	begin_with(&o);
	scram_begin(EWB_SHA512, "alice", "Secret");
	ck_assert_uint_eq(scram_end(EWB_SHA512), EWB_BUSY);
	ck_assert_uint_eq(play_count(&p, auth_errors), 1);
	play_close(&p);
}
END_TEST

START_TEST(a_good_login_begins_the_count_anew)
{
	begin();
	for (unsigned i = 0; i < 3 * EWB_LOGIN_FAILURES; i++) {
		int good = i % EWB_LOGIN_FAILURES == EWB_LOGIN_FAILURES - 1;

		ask.n = answer.n = 0;
		ask_plain(0x21, "PLAIN",
		          good ? "\0alice\0secret" : "\0alice\0Secret", 13);
		if (good)
			frames_answer(&answer, &(struct frame){ .opcode = 0x21 });
		else
			frames_error(&answer, 0x21, 0, 0x20, NULL);
		exchange();
	}
	play_close(&p);
}
END_TEST

START_TEST(who_does_not_log_in_in_time_is_closed)
{
	struct client *late, *good;

	begin();
	good = c;
	log_in(good, ALICE);
	late = client_open(&p, 0);
	for (unsigned i = 0; i < 29; i++) {
		say(late, "get k\r\n");
		play_run(&p);
		hear(late, DENIED);
		play_pass(&p, 1000);
	}
	ck_assert(client_served(late));
	play_pass(&p, 1000);
	play_run(&p);
	hear_end(late);
	ck_assert(client_served(good));
	ck_assert_uint_eq(play_count(&p, closed_unknown), 1);
	play_close(&p);
}
END_TEST

START_TEST(a_login_that_waits_for_the_pool_is_in_time)
{
	begin();
	say(c, ALICE);
	play_run_fronts(&p); /* the pool has others to do */
	for (unsigned i = 0; i < 40; i++)
		play_pass(&p, 1000);
	ck_assert(client_served(c));
	play_run(&p);
	hear(c, "STORED\r\n");
	ck_assert_uint_eq(play_count(&p, closed_unknown), 0);
	play_close(&p);
}
END_TEST

START_TEST(a_client_may_go_at_any_time)
{
	for (unsigned steps = 0; steps < 4; steps++) {
		begin();
		say(c, _i ? ALICE : "set x 0 0 12\r\nalice Secret\r\n");
		if (steps > 0)
			play_run_fronts(&p);
		if (steps > 1)
			(void)play_job(&p);
		if (steps > 2)
			play_run_fronts(&p);
		client_close(c);
		play_run_fronts(&p);
		play_pass(&p, 1000); /* it is not read, so it is looked for */
		ck_assert(!client_served(c));
		play_close(&p);
	}
}
END_TEST

START_TEST(the_server_may_stop_at_any_time)
{
	for (unsigned steps = 0; steps < 3; steps++) {
		begin();
		say(c, "set x 0 0 12\r\nalice Secret\r\n");
		if (steps > 0)
			play_run_fronts(&p);
		if (steps > 1)
			(void)play_job(&p);
		ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
		play_run_fronts(&p);
		play_grace_over(&p);
		play_run(&p);
		play_fronts_free(&p);
		play_free(&p);
	}
}
END_TEST

/* Users. */

START_TEST(a_user_is_one_pointer_on_all_connections)
{
	struct client *other;
	char why[256];
	const char *alice;

	begin();
	log_in(c, ALICE);
	alice = c->conn->session.user;
	other = client_open(&p, 0);
	log_in(other, ALICE);
	ck_assert_ptr_eq(other->conn->session.user, alice);
	other = client_open(&p, 0);
	log_in(other, BOB);
	ck_assert_ptr_ne(other->conn->session.user, alice);
	/* also when she was away in between */
	write_users("", 0);
	ck_assert_int_eq(read_users(why), 0);
	ck_assert_str_eq(alice, "alice");
	write_users("", 2);
	ck_assert_int_eq(read_users(why), 0);
	other = client_open(&p, 0);
	log_in(other, ALICE);
	ck_assert_ptr_eq(other->conn->session.user, alice);
	play_close(&p);
}
END_TEST

START_TEST(the_file_may_be_read_again)
{
	char why[256];

	begin();
	write_users("", 1);
	ck_assert_int_eq(read_users(why), 0);
	say(c, BOB);
	run_late();
	hear(c, WRONG);
	log_in(c, ALICE);
	play_close(&p);
}
END_TEST

static const struct {
	const char *before, *why;
} files[] = {
	{ "bob\n", "users frontend_login.users: line 1: it lacks one of "
	           "SCRAM-SHA-512, SCRAM-SHA-256 and SCRAM-SHA-1" },
	{ "# x\n\x01\n", "users frontend_login.users: line 2: no name at its "
	                 "beginning" },
	{ "alice SCRAM-SHA-512$1:c2FsdHNhbHQ=$a:b\n",
	  "users frontend_login.users: line 1: what follows SCRAM-... is not "
	  "$ROUNDS:SALT$STORED:SERVER" },
	{ "/dev/zero", "users /dev/zero: line 1: it begins with a NUL byte" },
	{ NULL, "users frontend_login.users: no such file or directory" },
};

START_TEST(a_file_that_is_wrong_changes_nothing)
{
	char why[256] = "";

	begin();
	if (files[_i].before && files[_i].before[0] == '/') {
		ck_assert_int_ne(ewb_server_users(p.server, files[_i].before,
		                                  why, sizeof why),
		                 0);
	} else {
		if (files[_i].before)
			write_users(files[_i].before, 2);
		ck_assert_int_ne(read_users(why), 0);
	}
	ck_assert_str_eq(why, files[_i].why);
	log_in(c, ALICE);
	play_close(&p);
}
END_TEST

START_TEST(nobody_is_there_twice)
{
	char line[EWB_USER_LINE_MAX + 2], why[256];
	struct ewb_user u;
	size_t n;

	begin();
	ck_assert_int_eq(ewb_user_make(&u, "bob", "x", 4096), 0);
	n = ewb_user_print(line, &u);
	memcpy(line + n, "\n", 2);
	write_users(line, 2);
	ck_assert_int_ne(read_users(why), 0);
	ck_assert_str_eq(why,
	                 "users frontend_login.users: bob is there twice");
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend_login");
	TCase *t = tcase_create("said");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t,
	                    a_conversation_is_the_same_in_pieces_of_every_size,
	                    0, sizeof talks / sizeof *talks);
	tcase_add_test(t, where_nobody_has_to_log_in_a_set_is_a_set);
	tcase_add_test(t, no_other_opcode_is_answered_before_a_login);
	tcase_add_test(t, where_nobody_has_to_log_in_there_is_no_sasl);
	tcase_add_test(t, plain_logs_in);
	tcase_add_loop_test(t, what_is_wrong_with_a_login_is_not_told, 0,
	                    sizeof wrong / sizeof *wrong);
	tcase_add_loop_test(t, scram_logs_in_by_each_hash, 0, EWB_NDIGESTS);
	tcase_add_loop_test(t, scram_refuses_another_password_and_another_user,
	                    0, EWB_NDIGESTS);
	tcase_add_test(t, an_exchange_has_one_step_whatever_comes_of_it);
	tcase_add_test(t, what_was_said_is_of_no_use_on_another_connection);
	tcase_add_test(t, a_user_that_there_is_not_has_the_same_salt_each_time);
	suite_add_tcase(s, t);

	t = tcase_create("done");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t,
	               a_wrong_password_and_an_unknown_user_are_the_same_work);
	tcase_add_test(t, so_they_are_where_the_client_does_the_work);
	tcase_add_test(t, a_failed_login_sleeps_and_holds_no_thread);
	tcase_add_test(t, passwords_are_tried_one_at_a_time);
	tcase_add_test(t, a_login_has_no_deadline_of_a_command);
	tcase_add_test(t, what_follows_a_login_waits_for_it);
	tcase_add_test(t, a_login_waits_for_what_was_said_before_it);
	tcase_add_test(t, no_password_is_left_of_a_login_that_never_begins);
	tcase_add_test(t, nor_of_one_that_is_refused_its_turn);
	tcase_add_test(t, a_large_value_is_not_kept_before_a_login);
	tcase_add_test(t, no_password_is_left_where_it_was_received);
	tcase_add_test(t, nor_of_one_that_was_said_wrongly);
	tcase_add_test(t, after_five_failures_the_connection_is_closed);
	tcase_add_test(t, after_five_exchanges_that_failed_too);
	tcase_add_test(t, an_exchange_that_is_given_up_counts_as_failed);
	tcase_add_test(t, a_failed_login_that_cannot_be_late_is_not_told);
	tcase_add_test(t, a_good_login_begins_the_count_anew);
	tcase_add_test(t, who_does_not_log_in_in_time_is_closed);
	tcase_add_test(t, a_login_that_waits_for_the_pool_is_in_time);
	tcase_add_loop_test(t, a_client_may_go_at_any_time, 0, 2);
	tcase_add_test(t, the_server_may_stop_at_any_time);
	suite_add_tcase(s, t);

	t = tcase_create("users");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_user_is_one_pointer_on_all_connections);
	tcase_add_test(t, the_file_may_be_read_again);
	tcase_add_loop_test(t, a_file_that_is_wrong_changes_nothing, 0,
	                    sizeof files / sizeof *files);
	tcase_add_test(t, nobody_is_there_twice);
	suite_add_tcase(s, t);
	return unit_run(s);
}
