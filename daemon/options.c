/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cookie/stream.h"
#include "daemon/options.h"

#define EXIT_USAGE 2
#define NO_PORT 65536 /* none was given */

enum {
	O_VBUCKETS = 256,
	O_POOL,
	O_PORT_FILE,
	O_ENGINES,
	O_FILTER,
	O_FILTERS,
	O_DEADLINE,
	O_HIGH,
	O_LOW,
	O_BUFFER_MEMORY,
	O_MAX_COOKIES,
	O_IN_FLIGHT,
	O_MAX_UNREAD,
	O_NO_PROGRESS,
	O_IDLE_TIMEOUT,
	O_MAX_SCANS,
	O_SCAN_LIFETIME,
	O_SCAN_IDLE,
	O_STOP_GRACE,
	O_USERS,
	O_AUTH_TIMEOUT,
	O_RUN,
	O_BUCKET,
	O_COLLECTIONS
};

static const char short_options[] = ":U:p:l:s:a:b:t:c:I:m:MR:dP:u:AvVh";
static const struct option long_options[] = {
	{ "port", 1, NULL, 'p' },
	{ "listen", 1, NULL, 'l' },
	{ "unix", 1, NULL, 's' },
	{ "unix-mask", 1, NULL, 'a' },
	{ "listen-backlog", 1, NULL, 'b' },
	{ "threads", 1, NULL, 't' },
	{ "max-connections", 1, NULL, 'c' },
	{ "max-item-size", 1, NULL, 'I' },
	{ "memory-limit", 1, NULL, 'm' },
	{ "disable-evictions", 0, NULL, 'M' },
	{ "requests-per-turn", 1, NULL, 'R' },
	{ "daemon", 0, NULL, 'd' },
	{ "pidfile", 1, NULL, 'P' },
	{ "user", 1, NULL, 'u' },
	{ "enable-shutdown", 0, NULL, 'A' },
	{ "verbose", 0, NULL, 'v' },
	{ "version", 0, NULL, 'V' },
	{ "help", 0, NULL, 'h' },
	{ "pool", 1, NULL, O_POOL },
	{ "vbuckets", 1, NULL, O_VBUCKETS },
	{ "port-file", 1, NULL, O_PORT_FILE },
	{ "engines", 1, NULL, O_ENGINES },
	{ "filter", 1, NULL, O_FILTER },
	{ "filters", 1, NULL, O_FILTERS },
	{ "deadline", 1, NULL, O_DEADLINE },
	{ "high", 1, NULL, O_HIGH },
	{ "low", 1, NULL, O_LOW },
	{ "buffer-memory", 1, NULL, O_BUFFER_MEMORY },
	{ "max-cookies", 1, NULL, O_MAX_COOKIES },
	{ "in-flight", 1, NULL, O_IN_FLIGHT },
	{ "max-unread", 1, NULL, O_MAX_UNREAD },
	{ "no-progress", 1, NULL, O_NO_PROGRESS },
	{ "idle-timeout", 1, NULL, O_IDLE_TIMEOUT },
	{ "max-scans", 1, NULL, O_MAX_SCANS },
	{ "scan-lifetime", 1, NULL, O_SCAN_LIFETIME },
	{ "scan-idle", 1, NULL, O_SCAN_IDLE },
	{ "stop-grace", 1, NULL, O_STOP_GRACE },
	{ "users", 1, NULL, O_USERS },
	{ "auth-timeout", 1, NULL, O_AUTH_TIMEOUT },
	{ "run", 1, NULL, O_RUN },
	{ "bucket", 1, NULL, O_BUCKET },
	{ "collections", 1, NULL, O_COLLECTIONS },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"usage: ewbd [options] ENGINE [key=value...]\n"
	"\n"
	"Serves the storage engine ENGINE (memory, slow, slow-blocking, or the path\n"
	"of a plugin, with a slash) to memcached clients, with range scans.\n"
	"\n"
	"  -p, --port N               TCP port; 0 takes a free one (11211)\n"
	"  -l, --listen ADDR          addresses, with a port or without, and commas\n"
	"                             between them; repeatable (127.0.0.1)\n"
	"  -s, --unix PATH            a Unix socket too; repeatable\n"
	"  -a, --unix-mask MODE       who may use it, in octal (700)\n"
	"  -b, --listen-backlog N     connections that may wait to be accepted (1024)\n"
	"  -t, --threads N            front-end threads (one a CPU, at most 4)\n"
	"  -c, --max-connections N    then accepting pauses (1024)\n"
	"  -I, --max-item-size SIZE   largest value (1M)\n"
	"  -m, --memory-limit SIZE    of an engine in memory, megabytes without a unit;\n"
	"                             it evicts what was not used for longest\n"
	"  -M, --disable-evictions    it refuses stores instead\n"
	"  -R, --requests-per-turn N  of one connection (256)\n"
	"  -d, --daemon               detach when ready\n"
	"  -P, --pidfile FILE         write the process id there\n"
	"  -u, --user NAME            become that user (when started as root)\n"
	"  -A, --enable-shutdown      clients may end the server: text, \"shutdown\"\n"
	"  -v, --verbose              say more; twice: still more\n"
	"  -V, --version\n"
	"  -h, --help\n"
	"      --pool CLASS=N         background threads of reader, writer or aux (2 1 1)\n"
	"      --vbuckets N           hash partitions, 1 to 1024 (64)\n"
	"      --port-file FILE       write the TCP port taken there\n"
	"      --engines DIR          where engines are that have no slash in their name\n"
	"                             (" ENGINE_DIR ")\n"
	"      --filter NAME          wrap the engine; repeatable, outermost first; its\n"
	"                             parameters: NAME-key=value\n"
	"      --filters DIR          where filters are that have no slash in their name\n"
	"                             (" FILTER_DIR ")\n"
	"      --deadline MS          of a blocked command; 0: none (2500)\n"
	"      --high SIZE            a stream's buffer, at most (1M)\n"
	"      --low SIZE             it goes on filling at (a quarter of that)\n"
	"      --buffer-memory SIZE   of streams; of blocked requests; unread (256M)\n"
	"      --max-cookies N        blocked commands in all (100000)\n"
	"      --in-flight N          commands of one connection at once (128)\n"
	"      --max-unread SIZE      of a client: unread replies, held input (4M)\n"
	"      --no-progress S        then it is cut off (60)\n"
	"      --idle-timeout S       close silent connections; 0: never (0)\n"
	"      --max-scans N          open range scans (4096)\n"
	"      --scan-lifetime S      of a range scan (180)\n"
	"      --scan-idle S          without a continue (60)\n"
	"      --users FILE           clients have to log in; ewbctl passwd makes FILE\n"
	"      --auth-timeout S       who does not is closed; 0: never (30)\n"
	"      --stop-grace S         for blocked commands at the end (10)\n"
	"      --bucket NAME          what Couchbase's clients call the data (default)\n"
	"      --collections FILE     its scopes and collections: lines ID SCOPE.COLLECTION\n"
	"      --run COMMAND          run it in the shell with EWB_ADDR=host:port, then stop\n"
	"                             and exit with its status; takes a free port without -p\n"
	"\n"
	"Sizes: 64k, 1M, 2G, or bytes.  A parameter that ENGINE does not know is refused\n"
	"with the list of those it knows.  See ewbd(1).\n";

static void die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("ewbd: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(EXIT_USAGE);
}

/* The name of an option as the user knows it. */
static const char *
name_of(int opt)
{
	static char name[32];
	const struct option *o;

	for (o = long_options; o->name; o++)
		if (o->val == opt)
			snprintf(name, sizeof name, "--%s", o->name);
	return name;
}

static uint64_t
number(int opt, const char *text, uint64_t least, uint64_t most)
{
	uint64_t n;

	if (ewb_parse_number(text, &n) || n < least || n > most)
		die("%s %s: not a number from %llu to %llu", name_of(opt), text,
		    (unsigned long long)least, (unsigned long long)most);
	return n;
}

static uint64_t
size(int opt, const char *text, uint64_t least, uint64_t most)
{
	uint64_t n;

	if (ewb_parse_size(text, &n) || n < least || n > most)
		die("%s %s: not a size from %llu to %llu bytes (64k, 1M)",
		    name_of(opt), text, (unsigned long long)least,
		    (unsigned long long)most);
	return n;
}

/* As memcached's: a bare number is of megabytes. */
static void
memory(struct options *o, const char *text)
{
	const uint64_t most = UINT64_MAX >> 21;
	uint64_t n;

	if (ewb_parse_number(text, &n) == 0)
		n = n <= most ? n << 20 : 0;
	else if (ewb_parse_size(text, &n))
		n = 0;
	if (n == 0 || n >> 20 > most)
		die("--memory-limit %s: not a size (64, 64M, 1G; megabytes "
		    "without a unit)",
		    text);
	o->memory = text;
	snprintf(o->limit, sizeof o->limit, "%llu", (unsigned long long)n);
}

static void
pool(struct options *o, const char *text)
{
	static const char *const names[] = { "reader", "writer", "aux" };
	const char *eq = strchr(text, '=');
	uint64_t n;

	for (unsigned i = 0; eq && i < 3; i++) {
		if (strncmp(text, names[i], (size_t)(eq - text)) ||
		    names[i][eq - text])
			continue;
		if (ewb_parse_number(eq + 1, &n) || n < 1 || n > 256)
			break;
		o->server.pool[i].threads = (unsigned)n;
		o->has_aux |= i == EWB_AUX;
		return;
	}
	die("--pool %s: not reader=N, writer=N or aux=N with 1 to 256 threads",
	    text);
}

static void
add(const char **list, unsigned *n, int opt, const char *text)
{
	if (*n == MAX_LISTEN)
		die("%s %s: %d of them at most", name_of(opt), text, MAX_LISTEN);
	list[(*n)++] = text;
}

static void
add_one_listen(struct options *o, const char *address)
{
	if (*address == '\0')
		die("--listen: an address is empty");
	add(o->listen, &o->nlisten, 'l', address);
}

/* "delay" of delay, or of ./delay.so */
static void
add_filter(struct options *o, const char *what)
{
	struct filter *f = &o->filters[o->nfilters];
	const char *base = strrchr(what, '/');
	size_t n;

	base = base ? base + 1 : what;
	n = strlen(base);
	if (n > 3 && strcmp(base + n - 3, ".so") == 0)
		n -= 3;
	if (n == 0 || n >= sizeof f->name)
		die("--filter %s: not a name of 1 to %zu characters, nor a path "
		    "that ends in one", what, sizeof f->name - 1);
	if (o->nfilters == MAX_FILTERS)
		die("--filter %s: %d of them at most", what, MAX_FILTERS);
	snprintf(f->name, sizeof f->name, "%.*s", (int)n, base);
	for (unsigned i = 0; i < o->nfilters; i++)
		if (strcmp(o->filters[i].name, f->name) == 0)
			die("--filter %s: given twice", what);
	f->what = what;
	o->nfilters++;
}

/* One or several, with commas between them, which end here. */
static void
add_listen(struct options *o, char *text)
{
	char *comma;

	o->listens = 1;
	while ((comma = strchr(text, ',')) != NULL) {
		*comma = '\0';
		add_one_listen(o, text);
		text = comma + 1;
	}
	add_one_listen(o, text);
}

/* In octal, as chmod(1) has it. */
static uint32_t
mode(int opt, const char *text)
{
	size_t n = strspn(text, "01234567");
	unsigned long is = n ? strtoul(text, NULL, 8) : 0;

	if (n > 4 || text[n] || is < 1 || is > 0777)
		die("%s %s: not permissions in octal, 1 to 777", name_of(opt),
		    text);
	return (uint32_t)is;
}

static void
set_limit(struct options *o, int opt, const char *text)
{
	struct ewb_server_options *s = &o->server;
	const uint64_t big = 1ull << 50;

	switch (opt) {
	case O_VBUCKETS: s->vbuckets = (uint32_t)number(opt, text, 1, 1024); break;
	case O_DEADLINE:
		s->deadline_ms = (uint32_t)number(opt, text, 0, 86400000);
		break;
	case O_HIGH: s->high = size(opt, text, 16384, 1u << 30); break;
	case O_LOW:
		s->low = size(opt, text, 0, 1u << 29);
		o->has_low = 1;
		break;
	case O_BUFFER_MEMORY: s->buffer_memory = size(opt, text, 16384, big); break;
	case O_MAX_COOKIES: s->max_cookies = number(opt, text, 1, 100000000); break;
	case O_IN_FLIGHT:
		s->in_flight = (uint32_t)number(opt, text, 1, 65536);
		break;
	case O_MAX_UNREAD: s->max_unread = size(opt, text, 4096, big); break;
	case O_NO_PROGRESS:
		s->no_progress_s = (uint32_t)number(opt, text, 0, 86400);
		break;
	case O_IDLE_TIMEOUT:
		s->idle_timeout_s = (uint32_t)number(opt, text, 0, 864000);
		break;
	case O_AUTH_TIMEOUT:
		s->auth_timeout_s = (uint32_t)number(opt, text, 0, 86400);
		break;
	case O_MAX_SCANS:
		o->scans.max_scans = (uint32_t)number(opt, text, 1, 1000000);
		break;
	case O_SCAN_LIFETIME:
		o->scans.lifetime_s = (uint32_t)number(opt, text, 0, 864000);
		break;
	case O_SCAN_IDLE:
		o->scans.idle_s = (uint32_t)number(opt, text, 0, 864000);
		break;
	case O_STOP_GRACE:
		o->stop_grace_s = (uint32_t)number(opt, text, 0, 3600);
		break;
	}
}

static void
set(struct options *o, int opt, char *text)
{
	struct ewb_server_options *s = &o->server;

	switch (opt) {
	case 'U': /* start scripts of memcached say it */
		if (strcmp(text, "0"))
			die("-U %s: there is no UDP: leave it out, or say 0", text);
		break;
	case 'p':
		o->port = (unsigned)number(opt, text, 0, 65535);
		o->listens = 1;
		break;
	case 'l': add_listen(o, text); break;
	case 's': add(o->unix_path, &o->nunix, opt, text); break;
	case 'a': s->unix_mode = mode(opt, text); break;
	case 'b': s->backlog = (uint32_t)number(opt, text, 1, 65535); break;
	case 't': o->threads = (unsigned)number(opt, text, 1, 64); break;
	case 'c':
		s->max_connections = (uint32_t)number(opt, text, 1, 10000000);
		o->has_connections = 1;
		break;
	case 'I': s->max_item = size(opt, text, 1024, 1u << 30); break;
	case 'm': memory(o, text); break;
	case 'M': o->refuses = 1; break;
	case 'R':
		s->requests_per_turn = (uint32_t)number(opt, text, 1, 1000000);
		break;
	case 'd': o->daemonize = 1; break;
	case 'P': o->pidfile = text; break;
	case 'u': o->user = text; break;
	case 'A': o->shutdown = 1; break;
	case 'v': s->verbose++; break;
	case 'V': printf("ewbd " PACKAGE_VERSION "\n"); exit(0);
	case 'h': fputs(help, stdout); exit(0);
	case O_POOL: pool(o, text); break;
	case O_PORT_FILE: o->portfile = text; break;
	case O_ENGINES: o->engines = text; break;
	case O_FILTER: add_filter(o, text); break;
	case O_FILTERS: o->filters_dir = text; break;
	case O_RUN: o->run = text; break;
	case O_USERS: o->users = text; break;
	case O_BUCKET: s->bucket = text; break;
	case O_COLLECTIONS: o->collections = text; break;
	default: set_limit(o, opt, text);
	}
}

/* An option that there is not, or that lacks its value. */
static void __attribute__((noreturn))
refuse(int opt, char **argv)
{
	const char *word = argv[optind - 1];
	char letter[3] = { '-', (char)optopt, '\0' };

	/* of letters in one word it is one of them */
	if (strncmp(word, "--", 2) && optopt > 0 && optopt < 256)
		word = letter;
	if (opt == ':')
		die("%s: wants a value; see ewbd --help", word);
	if (optopt >= 256 || (optopt && word != letter))
		die("%s: takes no value", word);
	die("unknown option %s; see ewbd --help", word);
}

/* The filter whose parameter it is: the one with the longest name that the
 * parameter's begins with; null: the engine's. */
static struct filter *
filter_of(struct options *o, const char *text)
{
	struct filter *best = NULL;
	size_t most = 0;

	for (unsigned i = 0; i < o->nfilters; i++) {
		size_t n = strlen(o->filters[i].name);

		if (n > most && strncmp(text, o->filters[i].name, n) == 0 &&
		    text[n] == '-') {
			best = &o->filters[i];
			most = n;
		}
	}
	return best;
}

static void
add_setting(struct ewb_setting *s, unsigned *n, const char *whole,
            const char *name, const char *value)
{
	if (*n == MAX_SETTINGS)
		die("%s: %d parameters at most", whole, MAX_SETTINGS);
	for (unsigned i = 0; i < *n; i++)
		if (strcmp(s[i].name, name) == 0)
			die("%s: given twice", whole);
	s[(*n)++] = (struct ewb_setting){ .name = name, .value = value };
}

static void
setting(struct options *o, char *text)
{
	char *eq = strchr(text, '=');
	struct filter *f;

	if (eq == NULL || eq == text)
		die("%s: not key=value, a parameter of the engine", text);
	*eq = '\0';
	f = filter_of(o, text);
	if (f)
		add_setting(f->settings, &f->nsettings, text,
		            text + strlen(f->name) + 1, eq + 1);
	else
		add_setting(o->settings, &o->nsettings, text, text, eq + 1);
}

static int
has_setting(const struct options *o, const char *name)
{
	for (unsigned i = 0; i < o->nsettings; i++)
		if (strcmp(o->settings[i].name, name) == 0)
			return 1;
	return 0;
}

/* -m and -M are parameters of the engine, by memcached's names. */
static void
set_memory(struct options *o)
{
	const char *option = o->refuses ? "-M" : "-m";

	if (o->memory && has_setting(o, "limit"))
		die("-m %s and limit=: one or the other", o->memory);
	if ((o->memory || o->refuses) && has_setting(o, "full"))
		die("%s and full=: one or the other", option);
	if (o->memory)
		add_setting(o->settings, &o->nsettings, "-m", "limit",
		            o->limit);
	if (o->memory || o->refuses)
		add_setting(o->settings, &o->nsettings, option, "full",
		            o->refuses ? "refuse" : "evict");
}

static void
set_defaults(struct options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(o, 0, sizeof *o);
	ewb_server_defaults(&o->server);
	ewb_scan_defaults(&o->scans);
	o->server.unix_mode = 0700;
	o->port = NO_PORT;
	o->engines = ENGINE_DIR;
	o->filters_dir = FILTER_DIR;
	o->threads = cpus < 1 ? 1 : cpus > 4 ? 4 : (unsigned)cpus;
	o->stop_grace_s = 10;
}

/* What does not go together. */
static void
check(const struct options *o)
{
	const struct ewb_server_options *s = &o->server;

	if (o->run && o->daemonize)
		die("--run and --daemon: one or the other");
	if (s->low > s->high / 2)
		die("--low %llu: more than half of --high %llu",
		    (unsigned long long)s->low, (unsigned long long)s->high);
	if (s->buffer_memory < s->high)
		die("--buffer-memory %llu: less than --high %llu",
		    (unsigned long long)s->buffer_memory,
		    (unsigned long long)s->high);
	if (s->buffer_memory < ewb_stream_needs(s->max_item))
		die("--buffer-memory %llu: less than the %zu that one item of "
		    "--max-item-size %llu needs",
		    (unsigned long long)s->buffer_memory,
		    ewb_stream_needs(s->max_item),
		    (unsigned long long)s->max_item);
}

void
options_parse(struct options *o, int argc, char **argv)
{
	int opt;

	set_defaults(o);
	opterr = 0; /* one line is enough */
	while ((opt = getopt_long(argc, argv, short_options, long_options,
	                          NULL)) != -1) {
		if (opt == '?' || opt == ':')
			refuse(opt, argv);
		set(o, opt, optarg);
	}
	if (!o->has_low)
		o->server.low = o->server.high / 4;
	/* passwords, which anybody may have tried, are to leave one to scans */
	if (o->users && !o->has_aux)
		o->server.pool[EWB_AUX].threads = 2;
	if (o->port == NO_PORT)
		o->port = o->run ? 0 : 11211;
	check(o);
	if (optind == argc)
		die("no engine: try \"ewbd memory\", or see ewbd --help");
	o->engine = argv[optind++];
	for (; optind < argc; optind++)
		setting(o, argv[optind]);
	set_memory(o);
	if (o->nlisten == 0)
		o->listen[o->nlisten++] = "127.0.0.1";
}
