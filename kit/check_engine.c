/* SPDX-License-Identifier: BSD-2-Clause */
/* ewb-check-engine: runs each check in a process of its own, and says in TAP
 * what came of it. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/same.h"
#include "protocol/frame.h"

#define ONLY_MAX 32

static struct {
	const char *only[ONLY_MAX];
	unsigned nonly;
	unsigned limit; /* seconds for one check */
	bool list;
} o = { .limit = 60 };

static const char usage[] =
	"usage: ewb-check-engine [options] ENGINE.so [key=value...]\n"
	"\n"
	"Checks that a storage engine keeps the rules of ewb-engine(3), and "
	"prints TAP.\n"
	"It stores, removes and flushes: give the engine a place of its own.\n"
	"\n"
	"      --list           names the checks, and does nothing else\n"
	"      --only PATTERN   those checks alone: a name, a group, or with * "
	"and ?;\n"
	"                       repeatable\n"
	"      --seed N         for what is done at random; else drawn, and "
	"printed\n"
	"      --seconds N      for each check that is done at random; default "
	"1\n"
	"      --limit N        seconds after which a check that hangs has "
	"failed;\n"
	"                       default 60, 0 for ever\n"
	"      --patience N     seconds that the engine's own threads may take "
	"for a step;\n"
	"                       default 10\n"
	"  -V, --version\n"
	"      --help\n"
	"\n"
	"ENGINE.so is a path, or the name of an installed engine.  Exit "
	"status: 0, all\n"
	"checks hold; 1, one does not, or the engine cannot be loaded; 2, "
	"usage.\n";

static _Noreturn void
refuse(const char *what, const char *would)
{
	fprintf(stderr, "ewb-check-engine: %s: %s\n", what, would);
	exit(2);
}

/* Options. */

static uint64_t
number(const char *name, const char *text, uint64_t most)
{
	char *end, line[100];
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || n > most) {
		snprintf(line, sizeof line, "--%s %.60s", name, text);
		refuse(line, "not a number that it can be");
	}
	return n;
}

static void
add_only(const char *pattern)
{
	if (o.nonly == ONLY_MAX)
		refuse("--only", "32 times at most");
	o.only[o.nonly++] = pattern;
}

static bool
matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	return fnmatch(pattern, name, 0) == 0 ||
	       (strncmp(pattern, name, n) == 0 && name[n] == '/');
}

static bool
wanted(const struct kit_check *k)
{
	for (unsigned i = 0; i < o.nonly; i++)
		if (matches(o.only[i], k->name))
			return true;
	return o.nonly == 0;
}

static void
check_only(void)
{
	for (unsigned i = 0; i < o.nonly; i++) {
		bool any = false;

		for (size_t k = 0; k < kit_nchecks; k++)
			any |= matches(o.only[i], kit_checks[k].name);
		if (!any)
			refuse(o.only[i],
			       "no check of that name; --list has them");
	}
}

static int
parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "limit", required_argument, NULL, 't' },
		{ "patience", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+V", options, NULL)) >= 0)
		switch (c) {
		case 'l': o.list = true; break;
		case 'o': add_only(optarg); break;
		case 's': kit.seed = number("seed", optarg, UINT32_MAX); break;
		case 'n':
			kit.seconds =
				(unsigned)number("seconds", optarg, 86400);
			break;
		case 't':
			o.limit = (unsigned)number("limit", optarg, 86400);
			break;
		case 'p':
			kit.patience =
				(unsigned)number("patience", optarg, 86400);
			break;
		case 'V': puts("ewb-check-engine " PACKAGE_VERSION); exit(0);
		case 'h': fputs(usage, stdout); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	return optind;
}

/* The engine. */

static void
find_engine(const char *what)
{
	if (strchr(what, '/'))
		snprintf(kit.path, sizeof kit.path, "%s", what);
	else if (access(what, R_OK) == 0)
		snprintf(kit.path, sizeof kit.path, "./%s", what);
	else
		snprintf(kit.path, sizeof kit.path, "%s/%s.so", ENGINE_DIR,
		         what);
	if (access(kit.path, R_OK)) {
		fprintf(stderr, "engine %s: %s: %s\n", what, kit.path,
		        "no such file");
		exit(1);
	}
}

static void
add_setting(char *text)
{
	char *value = strchr(text, '=');

	if (value == NULL || value == text)
		refuse(text, "a parameter is key=value");
	if (kit.nsettings == KIT_SETTINGS)
		refuse(text, "64 parameters at most");
	*value++ = '\0';
	kit.settings[kit.nsettings++] = (struct ewb_setting){ text, value };
}

static void
draw_seed(void)
{
	uint32_t seed = 1;

	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint32_t)time(NULL);
	kit.seed = seed;
}

/* One check. */

static _Noreturn void
be_the_check(const struct kit_check *k)
{
	const char *wrong;

	kit.salt = ewb_key_hash(k->name, strlen(k->name));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* TAP is ours */
	wrong = kit_same();
	if (wrong)
		kit_broken("%s", wrong);
	k->run();
	atomic_store(&kit_verdict->end, (int)KIT_HOLDS);
	_exit(0);
}

/* Until it has ended, or its time is over.  Its status; -1: it was killed. */
static int
await(pid_t pid)
{
	struct timespec left = { .tv_sec = (time_t)o.limit };
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (waitpid(pid, &status, o.limit ? WNOHANG : 0) == pid)
			return status;
		if (sigtimedwait(&set, NULL, &left) >= 0 || errno == EINTR)
			continue;
		kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		return -1;
	}
}

static const char *
place(void)
{
	static char text[260];

	text[0] = '\0';
	if (kit_verdict->at[0])
		snprintf(text, sizeof text, ", at: %s", kit_verdict->at);
	return text;
}

/* What the status says, for a check that said nothing itself. */
static void
judge(int status)
{
	char *to = kit_verdict->what;
	size_t n = sizeof kit_verdict->what;

	if (atomic_load(&kit_verdict->end) != KIT_RUNS && status >= 0 &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (atomic_load(&kit_verdict->end) == KIT_BROKEN)
		return;
	atomic_store(&kit_verdict->end, (int)KIT_BROKEN);
	if (status < 0)
		snprintf(to, n, "it did not end within %u s%s", o.limit,
		         place());
	else if (WIFSIGNALED(status))
		snprintf(to, n, "it crashed: signal %d, %s%s", WTERMSIG(status),
		         strsignal(WTERMSIG(status)), place());
	else
		snprintf(to, n, "the process ended with status %d%s",
		         WEXITSTATUS(status), place());
}

static void
again(const struct kit_check *k)
{
	printf("  # again: ewb-check-engine --seed %llu --seconds %u --only %s "
	       "%s",
	       (unsigned long long)kit.seed, kit.seconds, k->name, kit.given);
	for (size_t i = 0; i < kit.nsettings; i++)
		printf(" %s=%s", kit.settings[i].name, kit.settings[i].value);
	putchar('\n');
}

static bool
report(unsigned n, const struct kit_check *k)
{
	switch (atomic_load(&kit_verdict->end)) {
	case KIT_HOLDS: printf("ok %u - %s\n", n, k->name); return true;
	case KIT_SKIPPED:
		printf("ok %u - %s # SKIP %s\n", n, k->name, kit_verdict->what);
		return true;
	default: break;
	}
	printf("not ok %u - %s\n", n, k->name);
	printf("  # %s\n", kit_verdict->what);
	printf("  # rule: ewb-engine(3), %s: %s\n", k->where, k->rule);
	again(k);
	return false;
}

static bool
run(unsigned n, const struct kit_check *k)
{
	int status;
	pid_t pid;

	memset(kit_verdict, 0, sizeof *kit_verdict);
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("ewb-check-engine: fork");
		exit(1);
	}
	if (pid == 0)
		be_the_check(k);
	status = await(pid);
	judge(status);
	return report(n, k);
}

static int
run_all(void)
{
	unsigned n = 0, failed = 0;

	for (size_t i = 0; i < kit_nchecks; i++)
		n += wanted(&kit_checks[i]);
	printf("TAP version 13\n1..%u\n# seed %llu\n", n,
	       (unsigned long long)kit.seed);
	n = 0;
	for (size_t i = 0; i < kit_nchecks; i++)
		if (wanted(&kit_checks[i]) && !run(++n, &kit_checks[i]))
			failed++;
	if (failed)
		printf("# %u of %u failed\n", failed, n);
	return failed ? 1 : 0;
}

int
main(int argc, char **argv)
{
	sigset_t set;
	int at;

	kit.seconds = 1;
	kit.patience = 10;
	draw_seed();
	at = parse(argc, argv);
	check_only();
	if (o.list) {
		for (size_t i = 0; i < kit_nchecks; i++)
			if (wanted(&kit_checks[i]))
				puts(kit_checks[i].name);
		return 0;
	}
	if (at == argc)
		refuse("no engine", "ewb-check-engine [options] ENGINE.so "
		                    "[key=value...]");
	kit.given = argv[at];
	find_engine(argv[at]);
	for (int i = at + 1; i < argc; i++)
		add_setting(argv[i]);
	kit_verdict = mmap(NULL, sizeof *kit_verdict, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (kit_verdict == MAP_FAILED) {
		perror("ewb-check-engine: mmap");
		return 1;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return run_all();
}
