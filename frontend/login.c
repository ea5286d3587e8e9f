/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/login.h"
#include "frontend/users.h"
#include "lib/check.h"
#include "lib/secret.h"
#include "protocol/base64.h"
#include "protocol/binary.h"
#include "protocol/scram.h"
#include "protocol/status.h"

#define PLAIN "PLAIN"
#define AUTH_ERROR ((enum ewb_status)EWB_WIRE_AUTH_ERROR)
#define AUTH_CONTINUE ((enum ewb_status)EWB_WIRE_AUTH_CONTINUE)
#define TEXT_MAX (EWB_USER_MAX + 1 + EWB_PASSWORD_MAX)

/* SCRAM, between the client's two messages. */
struct ewb_exchange {
	const char *user; /* null: there is no such one */
	struct ewb_scram scram;
};

/* A login that waits for the pool: for a password to be tried, or for its time. */
struct attempt {
	const char *user; /* likewise */
	struct ewb_verifier verifier;
	int good;
	uint32_t rounds; /* that it took */
	size_t npassword; /* 0: there is none to try */
	char password[EWB_PASSWORD_MAX];
};

static struct ewb_server *
server_of(const struct ewb_conn *n)
{
	return n->front->server;
}

/* Locked or not. */

static void
drop_exchange(struct ewb_conn *n) EWB_ON_FRONT
{
	if (n->exchange)
		ewb_secret_wipe(n->exchange, sizeof *n->exchange);
	free(n->exchange);
	n->exchange = NULL;
}

void
ewb_login_await(struct ewb_conn *n)
{
	n->locked = server_of(n)->users != NULL;
	n->locked_at = n->front->d.now;
}

void
ewb_login_fini(struct ewb_conn *n)
{
	drop_exchange(n);
}

/* Another begins: whoever it was, it is nobody now. */
static void
lock(struct ewb_conn *n) EWB_ON_FRONT
{
	drop_exchange(n);
	n->session.user = NULL;
	if (!n->locked)
		ewb_login_await(n);
}

/* What may be said while it is locked. */

static void
refuse(struct ewb_frame *f, const char *why)
{
	struct ewb_frame r = ewb_frame_zero;

	r.op = EWB_OP_ERROR;
	r.is = f->is & (EWB_IS_BINARY | EWB_IS_SKIP | EWB_IS_LAST);
	if (f->nvalue + f->tail)
		r.is |= EWB_IS_SKIP;
	r.head = f->head;
	r.nvalue = f->nvalue;
	r.tail = f->tail;
	r.opcode = f->opcode;
	r.opaque = f->opaque;
	r.status = EWB_NO_ACCESS;
	r.reason = why;
	*f = r;
}

/* Whatever is wrong with one of these, it is told. */
static void
gate_binary(struct ewb_frame *f)
{
	switch (f->opcode) {
	case EWB_BIN_HELLO:
	case EWB_BIN_SASL_LIST:
	case EWB_BIN_SASL_AUTH:
	case EWB_BIN_SASL_STEP:
	case EWB_BIN_ERROR_MAP:
	case EWB_BIN_QUIT:
	case EWB_BIN_QUITQ: return;
	default: refuse(f, "nobody has logged in");
	}
}

/* As in memcached: a set, of whatever key. */
static void
gate_text(struct ewb_conn *n, struct ewb_frame *f) EWB_ON_FRONT
{
	if (f->op == EWB_OP_QUIT ||
	    (f->op == EWB_OP_ERROR && f->is & EWB_IS_NOREPLY))
		return; /* the rest of a line */
	if (f->op == EWB_OP_SET && !(f->is & (EWB_IS_META | EWB_IS_CAS)) &&
	    f->nvalue <= TEXT_MAX) {
		f->op = EWB_OP_LOGIN;
		f->is = 0;
		return;
	}
	refuse(f, "CLIENT_ERROR unauthenticated");
	if (n->text.in_get) {
		n->text.in_get = 0; /* one answer for all of its keys */
		n->text.in_skip = 1;
	}
}

void
ewb_login_gate(struct ewb_conn *n, struct ewb_frame *f)
{
	if (n->proto == EWB_PROTO_BINARY)
		gate_binary(f);
	else
		gate_text(n, f);
}

/* Its end. */

static enum ewb_status
succeed(struct ewb_cookie *c, const char *user) EWB_ON_FRONT
{
	struct ewb_conn *n = ewb_conn_of(c->session);

	EWB_COUNT(&n->front->d.counters, auth_cmds);
	n->session.user = user;
	n->locked = 0;
	n->nfailed = 0;
	ewb_log(&server_of(n)->core.log, EWB_LOG_DEBUG,
	        "connection %s: %s has logged in", n->session.name, user);
	return EWB_OK;
}

/* Who it was to be is not told: some type their password there. */
static enum ewb_status
fail(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_conn *n = ewb_conn_of(c->session);

	EWB_COUNT(&n->front->d.counters, auth_cmds);
	EWB_COUNT(&n->front->d.counters, auth_errors);
	ewb_log(&server_of(n)->core.log, EWB_LOG_INFO,
	        "connection %s: a login failed", n->session.name);
	if (++n->nfailed >= EWB_LOGIN_FAILURES)
		c->frame.is |= EWB_IS_LAST;
	return AUTH_ERROR;
}

/* Attempts. */

static void
drop_attempt(void *p)
{
	ewb_secret_wipe(p, sizeof(struct attempt));
	free(p);
}

/* task: once to try the password, and once more when it has slept. */
static enum ewb_status
try_password(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct attempt *a = arg;

	(void)c;
	if (a->npassword) {
		a->good = ewb_verifier_try(&a->verifier, EWB_SHA512, a->password,
		                           a->npassword) == 1 && a->user;
		a->rounds = a->verifier.rounds;
		ewb_secret_wipe(a->password, a->npassword);
		a->npassword = 0;
	}
	if (!a->good && ewb_task_runs(t) == 0) {
		ewb_task_sleep(t, EWB_LOGIN_LATE_US);
		return EWB_WOULDBLOCK;
	}
	t->rerun = 1;
	return EWB_OK;
}

/* What becomes of it is known when the command is run again. */
static enum ewb_status
attempt(struct ewb_cookie *c, struct attempt *a) EWB_ON_FRONT
{
	enum ewb_status status;

	ewb_cookie_set_state(c, a, drop_attempt);
	status = ewb_task_offload(c, EWB_AUX, try_password, a);
	/* the engine has no part in it */
	c->task.job.strand =
		&server_of(ewb_conn_of(c->session))->users->strand;
	return status;
}

static enum ewb_status
fail_late(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct attempt *a = calloc(1, sizeof *a);

	if (a && attempt(c, a) == EWB_WOULDBLOCK)
		return EWB_WOULDBLOCK;
	fail(c);
	return EWB_BUSY; /* it cannot be late: what was wrong is not told */
}

static enum ewb_status
attempt_password(struct ewb_cookie *c, const struct ewb_plain *p) EWB_ON_FRONT
{
	struct ewb_users *u = server_of(ewb_conn_of(c->session))->users;
	struct attempt *a = calloc(1, sizeof *a);

	if (a == NULL)
		return EWB_NO_MEMORY;
	a->user = ewb_users_find(u, p->user, EWB_SHA512, &a->verifier);
	a->npassword = p->npassword;
	memcpy(a->password, p->password, p->npassword);
	return attempt(c, a);
}

static enum ewb_status
resumed(struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct attempt *a = c->state;

	EWB_COUNT_N(&c->dispatch->counters, auth_rounds, a->rounds);
	return a->good ? succeed(c, a->user) : fail(c);
}

/* What all have in common: it is locked, it has its own end, and what it said is
 * wiped when it was understood. */
static enum ewb_status
run(struct ewb_cookie *c,
    enum ewb_status (*begin)(struct ewb_cookie *c, struct ewb_conn *n))
{
	struct ewb_conn *n = ewb_conn_of(c->session);
	enum ewb_status status;

	ewb_now_on_front(c->dispatch->thread);
	if (server_of(n)->users == NULL) {
		ewb_reply_context(c, "unknown command");
		return EWB_UNKNOWN_COMMAND;
	}
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return resumed(c);
	c->deadline_left = UINT64_MAX;
	status = begin(c, n);
	if (c->request.nvalue)
		ewb_secret_wipe((void *)(uintptr_t)c->request.value,
		                c->request.nvalue);
	return status;
}

/* SCRAM and PLAIN. */

static int
is_mechanism(const struct ewb_request *r, const char *name)
{
	return r->nkey == strlen(name) && memcmp(r->key, name, r->nkey) == 0;
}

/* EWB_NDIGESTS: none of SCRAM's. */
static unsigned
digest_of(const struct ewb_request *r)
{
	unsigned d;

	for (d = 0; d < EWB_NDIGESTS; d++)
		if (is_mechanism(r, ewb_verifier_mechanism((enum ewb_digest)d)))
			break;
	return d;
}

static enum ewb_status
run_list(struct ewb_cookie *c)
{
	static const char all[] = "SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 " PLAIN;

	if (server_of(ewb_conn_of(c->session))->users)
		return ewb_reply_value(c, all, sizeof all - 1);
	ewb_reply_context(c, "unknown command");
	return EWB_UNKNOWN_COMMAND;
}

static enum ewb_status
begin_plain(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_plain p;

	if (ewb_plain_take(&p, c->request.value, c->request.nvalue))
		return fail_late(c);
	return attempt_password(c, &p);
}

/* 0, -1: it asks for what there is not, 1: no memory. */
static int
begin_exchange(struct ewb_conn *n, const struct ewb_request *r,
               enum ewb_digest d) EWB_ON_FRONT
{
	char nonce[EWB_BASE64_LEN(EWB_SCRAM_NONCE) + 1] = { 0 };
	uint8_t bytes[EWB_SCRAM_NONCE];
	struct ewb_scram_first f;
	struct ewb_exchange *x;

	if (ewb_scram_first(&f, r->value, r->nvalue))
		return -1;
	if (ewb_secret_make(bytes, sizeof bytes))
		return 1;
	ewb_base64_encode(nonce, bytes, sizeof bytes);
	n->exchange = x = calloc(1, sizeof *x);
	if (x == NULL)
		return 1;
	x->scram.digest = d;
	x->user = ewb_users_find(server_of(n)->users, f.user, d,
	                         &x->scram.verifier);
	return ewb_scram_begin(&x->scram, &f, nonce);
}

static enum ewb_status
begin_scram(struct ewb_cookie *c, struct ewb_conn *n, enum ewb_digest d)
	EWB_ON_FRONT
{
	const struct ewb_scram *s;
	int err = begin_exchange(n, &c->request, d);

	if (err == 0) {
		s = &n->exchange->scram;
		if (ewb_reply_value(c, s->text + s->reply,
		                    s->ntext - s->reply) == EWB_OK)
			return AUTH_CONTINUE;
		err = 1;
	}
	drop_exchange(n);
	return err > 0 ? EWB_NO_MEMORY : fail_late(c);
}

static enum ewb_status
begin_auth(struct ewb_cookie *c, struct ewb_conn *n) EWB_ON_FRONT
{
	unsigned d = digest_of(&c->request);
	/* that one has failed: its client will not go on with it */
	enum ewb_status status = n->exchange ? fail(c) : EWB_OK;

	lock(n);
	if (n->nfailed >= EWB_LOGIN_FAILURES)
		return status;
	if (d < EWB_NDIGESTS)
		return begin_scram(c, n, (enum ewb_digest)d);
	return is_mechanism(&c->request, PLAIN) ? begin_plain(c) : fail_late(c);
}

static enum ewb_status
run_auth(struct ewb_cookie *c)
{
	return run(c, begin_auth);
}

/* Whatever comes of it, it was the exchange's end. */
static enum ewb_status
begin_step(struct ewb_cookie *c, struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_exchange *x = n->exchange;
	const char *user = x ? x->user : NULL;
	char last[EWB_SCRAM_LAST];
	size_t len = 0;
	int good = x && digest_of(&c->request) == x->scram.digest &&
	           ewb_scram_end(&x->scram, c->request.value, c->request.nvalue,
	                         last, &len) == 0;

	lock(n);
	if (!good || user == NULL)
		return fail_late(c);
	if (ewb_reply_value(c, last, len) != EWB_OK)
		return EWB_NO_MEMORY;
	return succeed(c, user);
}

static enum ewb_status
run_step(struct ewb_cookie *c)
{
	return run(c, begin_step);
}

/* The text protocol's: "user password". */

static int
take_text(struct ewb_plain *p, const char *in, size_t n)
{
	const char *blank = n ? memchr(in, ' ', n) : NULL;
	size_t nuser = blank ? (size_t)(blank - in) : 0;

	if (nuser == 0 || nuser > EWB_USER_MAX || memchr(in, '\0', n))
		return -1;
	memcpy(p->user, in, nuser);
	p->user[nuser] = '\0';
	p->password = blank + 1;
	p->npassword = n - nuser - 1;
	return p->npassword && p->npassword <= EWB_PASSWORD_MAX ? 0 : -1;
}

static enum ewb_status
begin_text(struct ewb_cookie *c, struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_plain p;

	lock(n);
	if (take_text(&p, (const char *)c->request.value, c->request.nvalue))
		return EWB_INVALID;
	return attempt_password(c, &p);
}

static enum ewb_status
run_text(struct ewb_cookie *c)
{
	return run(c, begin_text);
}

void
ewb_login_commands(struct ewb_server *s)
{
	struct ewb_command *all = s->core.commands;

	all[EWB_OP_SASL_LIST] = (struct ewb_command){ .run = run_list };
	all[EWB_OP_SASL_AUTH] = (struct ewb_command){
		.run = run_auth, .barrier = EWB_BARRIER, .stops = 1
	};
	all[EWB_OP_SASL_STEP] = (struct ewb_command){
		.run = run_step, .barrier = EWB_BARRIER, .stops = 1
	};
	all[EWB_OP_LOGIN] = (struct ewb_command){
		.run = run_text, .barrier = EWB_BARRIER, .stops = 1
	};
}
