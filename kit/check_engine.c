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
	"It stores, removes, flushes and says the engine's own commands: give "
	"it a place\nof its own.\n"
	"\n"
	"      --list           names the checks, and does nothing else\n"
	"      --only PATTERN   those checks alone: a name, a group, or with * "
	"and ?;\n"
	"                       repeatable\n"
	"      --filter NAME    wraps the engine, which is checked through it; "
	"repeatable,\n"
	"                       outermost first; its parameters: "
	"NAME-key=value\n"
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
	"ENGINE.so is a path, or the name of an installed engine, NAME of a "
	"filter\n"
	"likewise.  Exit status: 0, all checks hold; 1, one does not, or a "
	"plugin cannot\n"
	"be loaded; 2, usage.\n";

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

/* "delay" of delay, or of ./delay.so */
static void
add_filter(const char *what)
{
	struct kit_filter *f = &kit.filters[kit.nfilters];
	const char *base = strrchr(what, '/');
	size_t n;

	base = base ? base + 1 : what;
	n = strlen(base);
	if (n > 3 && strcmp(base + n - 3, ".so") == 0)
		n -= 3;
	if (n == 0 || n >= sizeof f->name)
		refuse("--filter", "not a name of 1 to 31 characters, nor a "
		                   "path that ends in one");
	if (kit.nfilters == KIT_FILTERS)
		refuse("--filter", "15 times at most");
	snprintf(f->name, sizeof f->name, "%.*s", (int)n, base);
	for (unsigned i = 0; i < kit.nfilters; i++)
		if (strcmp(kit.filters[i].name, f->name) == 0)
			refuse(what, "a filter that is given twice");
	f->given = what;
	kit.nfilters++;
}

static int
parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "filter", required_argument, NULL, 'f' },
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
		case 'f': add_filter(optarg); break;
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
find(char path[sizeof kit.path], const char *kind, const char *what,
     const char *dir)
{
	if (strchr(what, '/'))
		snprintf(path, sizeof kit.path, "%s", what);
	else if (access(what, R_OK) == 0)
		snprintf(path, sizeof kit.path, "./%s", what);
	else
		snprintf(path, sizeof kit.path, "%s/%s.so", dir, what);
	if (access(path, R_OK)) {
		fprintf(stderr, "%s %s: %s: no such file\n", kind, what, path);
		exit(1);
	}
}

/* The filter whose parameter it is: the one with the longest name that the
 * parameter's begins with; null: the engine's. */
static struct kit_filter *
filter_of(const char *text)
{
	struct kit_filter *best = NULL;
	size_t most = 0;

	for (unsigned i = 0; i < kit.nfilters; i++) {
		size_t n = strlen(kit.filters[i].name);

		if (n > most && strncmp(text, kit.filters[i].name, n) == 0 &&
		    text[n] == '-') {
			best = &kit.filters[i];
			most = n;
		}
	}
	return best;
}

static void
add_setting(char *text)
{
	char *value = strchr(text, '=');
	struct kit_filter *f = filter_of(text);
	size_t *n = f ? &f->nsettings : &kit.nsettings;

	if (value == NULL || value == text)
		refuse(text, "a parameter is key=value");
	if (*n == KIT_SETTINGS)
		refuse(text, "64 parameters at most");
	*value++ = '\0';
	if (f)
		text += strlen(f->name) + 1;
	(f ? f->settings : kit.settings)[(*n)++] =
		(struct ewb_setting){ text, value };
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
	printf("  # again: ewb-check-engine --seed %llu --seconds %u --only %s",
	       (unsigned long long)kit.seed, kit.seconds, k->name);
	for (unsigned i = 0; i < kit.nfilters; i++)
		printf(" --filter %s", kit.filters[i].given);
	printf(" %s", kit.given);
	for (size_t i = 0; i < kit.nsettings; i++)
		printf(" %s=%s", kit.settings[i].name, kit.settings[i].value);
	for (unsigned f = 0; f < kit.nfilters; f++)
		for (size_t i = 0; i < kit.filters[f].nsettings; i++)
			printf(" %s-%s=%s", kit.filters[f].name,
			       kit.filters[f].settings[i].name,
			       kit.filters[f].settings[i].value);
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
	find(kit.path, "engine", argv[at], ENGINE_DIR);
	for (unsigned i = 0; i < kit.nfilters; i++)
		find(kit.filters[i].path, "filter", kit.filters[i].given,
		     FILTER_DIR);
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
