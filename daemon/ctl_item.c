/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl get, set and delete. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/ctl_keyspace.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_say.h"
#include "protocol/frame.h"
#include "protocol/status.h"

#define OP_GET 0x00
#define OP_SET 0x01
#define OP_DELETE 0x04

enum { OPT_COLLECTION, OPT_HELP };

static const struct ewb_ctl_option table[] = {
	[OPT_COLLECTION] = { "collection", 0, true },
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

/* What the command line said. */
struct item {
	const char *collection; /* null: none */
	const char *key, *value;
};

/* The options and n words.  Keys may begin with a dash, so nothing else is an
 * option; -- ends them.  EWB_CTL_FAILED: go on; else the exit status. */
static int
take(struct item *it, const char *usage, int n, char **argv)
{
	const char *value;
	int i;

	while (*argv && (!strncmp(*argv, "--collection", 12) ||
	                 !strcmp(*argv, "--help"))) {
		i = ewb_ctl_option_take(table, &argv, &value);
		if (i == OPT_HELP)
			return printf("usage: ewbctl %s\n", usage) < 0;
		if (i < 0 || ewb_ctl_collection_check(value))
			return EWB_CTL_USAGE;
		it->collection = value;
	}
	if (*argv && !strcmp(*argv, "--"))
		argv++;
	for (i = 0; argv[i];)
		i++;
	if (i != n)
		return ewb_ctl_usage(usage);
	it->key = argv[0];
	it->value = argv[n - 1];
	return EWB_CTL_FAILED;
}

static int
key_fits(const char *key)
{
	size_t n = strlen(key);

	if (n && n <= EWB_KEY_MAX)
		return 0;
	return ewb_ctl_say("a key has 1 to %d bytes, this one has %zu",
	                   EWB_KEY_MAX, n);
}

static int
print_value(const struct ewb_ctl_reply *r)
{
	struct ewb_ctl_out out = { 0 };
	int err = ewb_ctl_buf_add(&out.buf, r->value, r->nvalue);

	/* For people a line; for programs the very bytes. */
	if (!err && isatty(STDOUT_FILENO) == 1 &&
	    (!r->nvalue || r->value[r->nvalue - 1] != '\n'))
		err = ewb_ctl_buf_add(&out.buf, "\n", 1);
	if (!err)
		err = ewb_ctl_out_flush(&out);
	ewb_ctl_out_fini(&out);
	return ewb_ctl_out_status(err);
}

/* Asks q of the key, and says what is wrong if the answer is not good; then:
 * what to do with it, or null.  The exit status. */
static int
ask(const struct ewb_ctl_addr *where, const struct item *it,
    struct ewb_ctl_request *q, int (*then)(const struct ewb_ctl_reply *r))
{
	struct ewb_ctl_conn c = { .fd = -1 };
	struct ewb_ctl_keyspace in;
	struct ewb_ctl_reply r;
	char why[EWB_CTL_WHY_MAX];
	int err;

	q->key = it->key;
	q->nkey = strlen(it->key);
	err = key_fits(it->key) || ewb_ctl_conn_open(&c, where) ||
	      ewb_ctl_keyspace_open(&in, &c, it->collection, 0);
	if (!err) {
		ewb_ctl_keyspace_place(&in, q);
		err = ewb_ctl_conn_ask(&c, q, &r);
	}
	if (!err && r.status != EWB_WIRE_OK)
		err = ewb_ctl_say("%s: %s", it->key,
		                  ewb_ctl_reply_why(&r, why));
	if (!err && then)
		err = then(&r);
	ewb_ctl_conn_close(&c);
	return err ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}

int
ewb_ctl_get(const struct ewb_ctl_addr *where, char **argv)
{
	struct ewb_ctl_request q = { .opcode = OP_GET };
	struct item it = { 0 };
	int status = take(&it, "get [--collection SCOPE.NAME] KEY", 1, argv);

	return status == EWB_CTL_FAILED ? ask(where, &it, &q, print_value)
	                                : status;
}

int
ewb_ctl_delete(const struct ewb_ctl_addr *where, char **argv)
{
	struct ewb_ctl_request q = { .opcode = OP_DELETE };
	struct item it = { 0 };
	int status = take(&it, "delete [--collection SCOPE.NAME] KEY", 1, argv);

	return status == EWB_CTL_FAILED ? ask(where, &it, &q, NULL) : status;
}

/* All of standard input. */
static int
read_all(struct ewb_ctl_buf *b)
{
	for (;;) {
		ssize_t n;

		if (ewb_ctl_buf_reserve(b, 65536))
			return ewb_ctl_say("stdin: out of memory here");
		n = read(STDIN_FILENO, b->at + b->len, b->cap - b->len);
		if (n < 0 && errno != EINTR)
			return ewb_ctl_say("stdin: %s",
			                   ewb_ctl_strerror(errno));
		if (n == 0)
			return 0;
		if (n > 0)
			b->len += (size_t)n;
	}
}

int
ewb_ctl_set(const struct ewb_ctl_addr *where, char **argv)
{
	static const uint8_t no_flags[8];
	struct ewb_ctl_buf value = { 0 };
	struct ewb_ctl_request q = { .opcode = OP_SET,
		                     .extras = no_flags,
		                     .nextras = sizeof(no_flags) };
	struct item it = { 0 };
	int status = take(&it, "set [--collection SCOPE.NAME] KEY VALUE", 2,
	                  argv);

	if (status != EWB_CTL_FAILED)
		return status;
	q.value = it.value;
	q.nvalue = strlen(it.value);
	if (!strcmp(it.value, "-")) {
		if (key_fits(it.key) || read_all(&value))
			goto out;
		q.value = value.at;
		q.nvalue = value.len;
	}
	status = ask(where, &it, &q, NULL);
out:
	ewb_ctl_buf_fini(&value);
	return status;
}
