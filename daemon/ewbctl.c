/* SPDX-License-Identifier: BSD-2-Clause */
/* The client: options, and the commands that ask one thing. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/ctl_interrupt.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_password.h"
#include "daemon/ctl_say.h"
#include "daemon/standard.h"
#include "protocol/binary.h"
#include "protocol/frame.h"
#include "protocol/status.h"

#define OP_CHECKPOINT 0xd8 /* of the engines that have it */
#define OP_ENGINE_RELOAD 0xde
#define PINGS 100
#define PINGS_MAX 1000000

struct command {
	const char *name, *args, *help;
	int least, most; /* arguments; -1: it looks for itself */
	int (*run)(const struct ewb_ctl_addr *where, char **argv);
};

static int stats(const struct ewb_ctl_addr *where, char **argv);
static int ping(const struct ewb_ctl_addr *where, char **argv);
static int checkpoint(const struct ewb_ctl_addr *where, char **argv);
static int engine(const struct ewb_ctl_addr *where, char **argv);
static int help(const struct ewb_ctl_addr *where, char **argv);

static const struct command commands[] = {
	{ "get", "KEY", "print the value as it is", -1, -1, ewb_ctl_get },
	{ "set", "KEY VALUE", "store; VALUE - reads it from standard input", -1,
	  -1, ewb_ctl_set },
	{ "delete", "KEY", "remove", -1, -1, ewb_ctl_delete },
	{ "load", "[FILE]", "store lines of key TAB value; - is stdin", -1, -1,
	  ewb_ctl_load },
	{ "scan", "[OPTION...]", "print lines of key TAB value in key order",
	  -1, -1, ewb_ctl_scan },
	{ "export", "[FILE]", "all of it as JSON lines; - is stdout", -1, -1,
	  ewb_ctl_export },
	{ "import", "[FILE]", "store what export wrote; - is stdin", -1, -1,
	  ewb_ctl_import },
	{ "stats", "[GROUP]", "print the server's statistics", 0, 1, stats },
	{ "ping", "[N]", "time N empty requests, one after another", 0, 1,
	  ping },
	{ "passwd", "FILE USER",
	  "set a user's password in a file for ewbd --users", -1, -1,
	  ewb_ctl_passwd },
	{ "checkpoint", "PATH",
	  "copy the database, as it is now, to a new directory", 1, 1,
	  checkpoint },
	{ "engine", "reload [MS]",
	  "load its engine anew; what is blocked has MS, to 60000", 1, 2,
	  engine },
	{ "help", "", "print this", 0, 1, help },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

int
ewb_ctl_usage(const char *text)
{
	ewb_ctl_tell("usage: ewbctl %s", text);
	return EWB_CTL_USAGE;
}

/* Commands that ask one thing. */

int
ewb_ctl_stats(struct ewb_ctl_conn *c, const char *command, const char *group,
              ewb_ctl_stat_fn fn, void *arg)
{
	struct ewb_ctl_request q = { .opcode = EWB_CTL_OP_STAT,
		                     .key = group,
		                     .nkey = group ? strlen(group) : 0 };
	struct ewb_ctl_reply r;
	char why[EWB_CTL_WHY_MAX];

	if (ewb_ctl_conn_send(c, &q))
		return -1;
	for (;;) {
		if (ewb_ctl_conn_wait(c, &r))
			return -1;
		if (r.status == EWB_WIRE_NOT_FOUND && group)
			return ewb_ctl_say("%s: no group '%s'", command, group);
		if (r.status != EWB_WIRE_OK)
			return ewb_ctl_say("%s: %s", command,
			                   ewb_ctl_reply_why(&r, why));
		if (!r.nkey)
			return 0;
		fn(arg, (const char *)r.key, r.nkey, (const char *)r.value,
		   r.nvalue);
	}
}

static void
print_stat(void *arg, const char *name, size_t nname, const char *value,
           size_t nvalue)
{
	int *width = arg;

	printf("%-*.*s %.*s\n", *width, (int)nname, name, (int)nvalue, value);
}

static int
stats(const struct ewb_ctl_addr *where, char **argv)
{
	struct ewb_ctl_conn c;
	int width = isatty(STDOUT_FILENO) == 1 ? 32 : 0;
	int err = argv[0] && strlen(argv[0]) > EWB_KEY_MAX
	                  ? ewb_ctl_say("stats: no group '%s'", argv[0])
	                  : ewb_ctl_conn_open(&c, where);

	if (err)
		return EWB_CTL_FAILED;
	err = ewb_ctl_stats(&c, "stats", argv[0], print_stat, &width);
	ewb_ctl_conn_close(&c);
	if (fflush(stdout))
		err = ewb_ctl_out_status(-errno);
	return err ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}

static int
by_size(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int
ping_all(struct ewb_ctl_conn *c, uint64_t *us, size_t n)
{
	struct ewb_ctl_request q = { .opcode = EWB_CTL_OP_NOOP };
	struct ewb_ctl_reply r;
	char why[EWB_CTL_WHY_MAX];
	size_t i;

	for (i = 0; i < n; i++) {
		us[i] = ewb_ctl_now();
		if (ewb_ctl_conn_ask(c, &q, &r))
			return -1;
		if (r.status != EWB_WIRE_OK)
			return ewb_ctl_say("ping: %s",
			                   ewb_ctl_reply_why(&r, why));
		us[i] = ewb_ctl_now() - us[i];
	}
	qsort(us, n, sizeof(*us), by_size);
	printf("%zu requests, microseconds: min %" PRIu64 ", median %" PRIu64
	       ", max %" PRIu64 "\n",
	       n, us[0], us[n / 2], us[n - 1]);
	return fflush(stdout) ? ewb_ctl_out_status(-errno) : 0;
}

static int
ping(const struct ewb_ctl_addr *where, char **argv)
{
	struct ewb_ctl_conn c;
	uint64_t n = PINGS, *us;
	int err;

	if (argv[0] && ewb_ctl_number("ping", argv[0], 1, PINGS_MAX, &n))
		return EWB_CTL_USAGE;
	us = calloc(n, sizeof(*us));
	if (!us) {
		ewb_ctl_say("ping: out of memory here");
		return EWB_CTL_FAILED;
	}
	err = ewb_ctl_conn_open(&c, where);
	if (!err)
		err = ping_all(&c, us, (size_t)n);
	ewb_ctl_conn_close(&c);
	free(us);
	return err ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}

/* How long blocked commands have before they are cancelled. */
#define GRACE_MS 1000

static int
reload(const struct ewb_ctl_addr *where, uint32_t ms)
{
	uint8_t grace[4];
	struct ewb_ctl_request q = { .opcode = OP_ENGINE_RELOAD,
		                     .extras = grace,
		                     .nextras = sizeof(grace) };
	struct ewb_ctl_reply r;
	struct ewb_ctl_conn c;
	char why[EWB_CTL_WHY_MAX];
	int err = ewb_ctl_conn_open(&c, where);

	if (err)
		return err;
	ewb_put32(grace, ms);
	/* what it cancels and closes has its time, too */
	c.timeout_ms += (int)ms;
	err = ewb_ctl_conn_ask(&c, &q, &r);
	if (!err && r.status == EWB_WIRE_OK)
		printf("%.*s\n", (int)r.nvalue, (const char *)r.value);
	else if (!err)
		err = ewb_ctl_say("engine reload: %s",
		                  ewb_ctl_reply_why(&r, why));
	ewb_ctl_conn_close(&c);
	if (!err && fflush(stdout))
		return ewb_ctl_out_status(-errno);
	return err;
}

static int
engine(const struct ewb_ctl_addr *where, char **argv)
{
	uint64_t ms = GRACE_MS;

	if (strcmp(argv[0], "reload"))
		return ewb_ctl_usage("engine reload [MS]");
	if (argv[1] &&
	    ewb_ctl_number("engine reload", argv[1], 0, EWB_RELOAD_MAX_MS, &ms))
		return EWB_CTL_USAGE;
	return reload(where, (uint32_t)ms) ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}

/* A copy of a large database takes its time. */
#define COPY_MS (24 * 3600 * 1000)

/* The path as the server sees it, which may stand somewhere else. */
static int
whole_path(const char *path, char *to, size_t n)
{
	char here[EWB_KEY_MAX + 1];
	int len;

	if (*path == '/')
		len = snprintf(to, n, "%s", path);
	else if (getcwd(here, sizeof(here)))
		len = snprintf(to, n, "%s/%s", here, path);
	else
		len = (int)n;
	return (size_t)len < n ? 0 : ewb_ctl_say("checkpoint %s: longer than %d "
	                                         "bytes", path, EWB_KEY_MAX);
}

static int
checkpoint_said(const char *path, const struct ewb_ctl_reply *r)
{
	char why[EWB_CTL_WHY_MAX];

	switch (r->status) {
	case EWB_WIRE_OK: return 0;
	case EWB_WIRE_EXISTS:
		return ewb_ctl_say("checkpoint %s: it is there; name a new "
		                   "directory", path);
	case EWB_WIRE_NO_ACCESS:
		return ewb_ctl_say("checkpoint: only clients on the server's "
		                   "machine may ask for it");
	case EWB_WIRE_UNKNOWN_COMMAND:
		return ewb_ctl_say("checkpoint: the server's engine makes none");
	case EWB_WIRE_NOT_STORED:
		return ewb_ctl_say("checkpoint %s: it failed; the server's log "
		                   "says why", path);
	default:
		return ewb_ctl_say("checkpoint %s: %s", path,
		                   ewb_ctl_reply_why(r, why));
	}
}

static int
checkpoint(const struct ewb_ctl_addr *where, char **argv)
{
	char path[EWB_KEY_MAX + 1];
	struct ewb_ctl_request q = { .opcode = OP_CHECKPOINT, .key = path };
	struct ewb_ctl_conn c = { .fd = -1 };
	struct ewb_ctl_reply r;
	int err = whole_path(argv[0], path, sizeof(path)) ||
	          ewb_ctl_conn_open(&c, where);

	q.nkey = err ? 0 : strlen(path);
	if (!err) {
		c.timeout_ms = COPY_MS;
		err = ewb_ctl_conn_ask(&c, &q, &r) ||
		      checkpoint_said(argv[0], &r);
	}
	ewb_ctl_conn_close(&c);
	return err ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}

/* The program. */

enum { OPT_HOST, OPT_USER, OPT_HELP, OPT_VERSION };

static const struct ewb_ctl_option table[] = {
	[OPT_HOST] = { "host", 'H', true },
	[OPT_USER] = { "user", 'U', true },
	[OPT_HELP] = { "help", 'h', false },
	[OPT_VERSION] = { "version", 'V', false },
	{ 0 },
};

static void
print_own(void *arg, const char *name, size_t nname, const char *value,
          size_t nvalue)
{
	int *any = arg;

	if ((*any)++ == 0)
		printf("\nOf the server's engine, for memcached clients:\n");
	printf("  %-16.*s %.*s\n", (int)nname, name, (int)nvalue, value);
}

/* What the engine of that server can beside. */
static int
help_own(const struct ewb_ctl_addr *where)
{
	struct ewb_ctl_conn c;
	int any = 0, err = ewb_ctl_conn_open(&c, where);

	if (err)
		return err;
	err = ewb_ctl_stats(&c, "help", "commands", print_own, &any);
	ewb_ctl_conn_close(&c);
	return err;
}

/* where null: no server was named. */
static int
help(const struct ewb_ctl_addr *where, char **argv)
{
	size_t i;
	int err;

	(void)argv;
	printf("usage: ewbctl [-H WHERE] COMMAND\n\n"
	       "  -H, --host WHERE     host:port, [v6]:port or the path of a "
	       "Unix socket;\n"
	       "                       else $EWB_ADDR, else 127.0.0.1:%s\n"
	       "  -U, --user NAME      log in, with the password in the file "
	       "that\n"
	       "                       $EWB_PASSWORD_FILE names, else in "
	       "$EWB_PASSWORD,\n"
	       "                       else asked for\n"
	       "      --version        print the version\n\n",
	       EWB_CTL_PORT);
	for (i = 0; i < NCOMMANDS; i++)
		printf("  %-11s%-12s%s\n", commands[i].name, commands[i].args,
		       commands[i].help);
	printf("\nOf passwd, whose password is asked for, or a line of stdin:\n"
	       "  --rounds N           how long it takes to try one (%u)\n",
	       EWB_ROUNDS);
	printf("\nOf scan:\n"
	       "  --prefix P           keys that begin with P\n"
	       "  --start A --end B    keys from A to B, both included\n"
	       "  --exclusive-end      B itself not\n"
	       "  --keys               no values\n"
	       "  --reverse            from the last one to the first\n"
	       "  --limit N            the first N\n"
	       "  --sample N           N taken at random; --seed S: always "
	       "the same ones\n"
	       "  --vbucket N          of one vbucket alone\n"
	       "  --retry S            when the server is lost, try for S s to "
	       "go on (60); of\n"
	       "                       export, too\n"
	       "  --progress           tell on stderr how far it is\n"
	       "  --json               one JSON object a line\n\n"
	       "Of get, set, delete, load, import, export and scan:\n"
	       "  --collection SCOPE.NAME\n"
	       "                       in that collection; else the default one, "
	       "but\n"
	       "                       export has all\n\n"
	       "Keys and values are written with \\\\ \\t \\n \\r \\xNN; so "
	       "are "
	       "P, A and B.\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage.\n");
	err = where ? help_own(where) : 0;
	if (fflush(stdout))
		return ewb_ctl_out_status(-errno);
	return err ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
}

static const struct command *
find(const char *name)
{
	const char *near;
	size_t i;

	for (i = 0; i < NCOMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	near = ewb_ctl_nearest(name, commands, NCOMMANDS, sizeof(commands[0]));
	if (near)
		ewb_ctl_say("unknown command '%s'; did you mean %s?", name,
		            near);
	else
		ewb_ctl_say("unknown command '%s'; try: ewbctl help", name);
	return NULL;
}

static int
run(const struct command *cmd, const struct ewb_ctl_addr *where, char **argv)
{
	char text[64];
	int n = 0;

	if (cmd->least < 0) {
		n = cmd->run(where, argv);
		ewb_ctl_interrupt_end();
		return n;
	}
	if (argv[0] && !strcmp(argv[0], "--"))
		argv++;
	while (argv[n])
		n++;
	if (n >= cmd->least && n <= cmd->most)
		return cmd->run(where, argv);
	snprintf(text, sizeof(text), "%s %s", cmd->name, cmd->args);
	return ewb_ctl_usage(text);
}

/* Where the server is: -H, else EWB_ADDR, else here. */
static int
find_server(struct ewb_ctl_addr *where, const char *host)
{
	const char *name = "-H", *text = host;

	if (!text) {
		name = "EWB_ADDR";
		text = getenv(name);
	}
	if (!text || !*text)
		text = "127.0.0.1:" EWB_CTL_PORT;
	if (!ewb_ctl_addr_parse(where, text))
		return 0;
	return ewb_ctl_say("%s wants host:port, [v6]:port or the path of a "
	                   "socket, not '%s'",
	                   name, text);
}

/* All that is connected to is connected to as that user. */
static int
log_in(struct ewb_ctl_addr *where, const char *user, char *password)
{
	const char *wrong = ewb_user_name_wrong(user);

	if (wrong)
		return ewb_ctl_say("-U: %s", wrong);
	if (ewb_ctl_password_find(user, password))
		return -1;
	where->user = user;
	where->password = password;
	return 0;
}

int
main(int argc, char **argv)
{
	const struct command *cmd;
	struct ewb_ctl_addr where;
	const char *host = NULL, *value = NULL, *user = NULL;
	static char password[EWB_CTL_PASSWORD];
	int i;

	standard_hold();
	if (argc)
		argv++;
	/* A reader who has read enough is told by EPIPE. */
	signal(SIGPIPE, SIG_IGN);
	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0) {
		if (i == OPT_HELP)
			return help(NULL, argv);
		if (i == OPT_VERSION)
			return printf("ewbctl %s\n", PACKAGE_VERSION) < 0;
		if (i == OPT_USER)
			user = value;
		else
			host = value;
	}
	if (i == EWB_CTL_BAD_OPTION || find_server(&where, host))
		return EWB_CTL_USAGE;
	if (!*argv)
		return ewb_ctl_usage("[-H WHERE] COMMAND (try: ewbctl help)");
	cmd = find(*argv);
	if (cmd && user && log_in(&where, user, password))
		return EWB_CTL_FAILED;
	if (cmd && cmd->run == help && !host && !getenv("EWB_ADDR"))
		return run(cmd, NULL, argv + 1);
	return cmd ? run(cmd, &where, argv + 1) : EWB_CTL_USAGE;
}
