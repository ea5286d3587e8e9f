/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbd: puts a storage engine on the network. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <ev.h>

#include "daemon/address.h"
#include "daemon/captive.h"
#include "daemon/files.h"
#include "daemon/options.h"
#include "daemon/standard.h"
#include "daemon/systemd.h"

#define COLLECTIONS_MAX ((size_t)1 << 20) /* bytes of the file */

/* One front end's thread. */
struct front_thread {
	pthread_t thread;
	struct ewb_server *server;
	/* under lock */
	int up; /* 1: it runs; -1: it could not */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int
fail(const char *what)
{
	fprintf(stderr, "ewbd: %s\n", what);
	return 1;
}

/* "-u nobody: permission denied" */
static int
fail_at(const char *option, const char *value, int err)
{
	const char *why = strerror(err);

	fprintf(stderr, "ewbd: %s %s: %c%s\n", option, value,
	        tolower((unsigned char)why[0]), why + 1);
	return 1;
}

static void
to_syslog(void *arg, const char *line)
{
	(void)arg;
	syslog(LOG_NOTICE, "%s", line);
}

/* As SIGTERM from outside; to the process, for the main thread waits for it. */
static void
end_by_client(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

static void
say_up(struct front_thread *t, int up)
{
	pthread_mutex_lock(&lock);
	t->up = up;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void *
run_front(void *arg)
{
	struct front_thread *t = arg;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ewb_front *f = loop ? ewb_front_new(t->server, loop) : NULL;

	say_up(t, f ? 1 : -1);
	if (f) {
		ev_run(loop, 0);
		ewb_front_free(f);
	}
	if (loop)
		ev_loop_destroy(loop);
	return NULL;
}

/* Starts one and waits until it serves: the first one accepts. */
static int
start_front(struct front_thread *t, struct ewb_server *s)
{
	int err;

	t->server = s;
	t->up = 0;
	err = pthread_create(&t->thread, NULL, run_front, t);
	if (err)
		return -err;
	pthread_mutex_lock(&lock);
	while (t->up == 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return t->up > 0 ? 0 : -ENOMEM;
}

/* Of the connections, and what else is opened.  With fewer, accepting pauses
 * before it comes to the limit: who asked for so many is told. */
static void
raise_descriptors(const struct options *o)
{
	rlim_t want = (rlim_t)o->server.max_connections + 64 + 4 * o->threads;
	struct rlimit r, more;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= want)
		return;
	more = r;
	more.rlim_cur = want;
	if (r.rlim_max < want)
		more.rlim_max = want; /* it needs a privilege */
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (o->has_connections)
		fprintf(stderr,
		        "ewbd: --max-connections %u: no more than %llu files "
		        "may be open (ulimit -n, LimitNOFILE=): accepting will "
		        "pause before\n",
		        o->server.max_connections,
		        (unsigned long long)r.rlim_cur);
}

/* Null: there is none of that name, which is said. */
static const struct passwd *
user_of(const char *name)
{
	const struct passwd *p = getpwnam(name);

	if (p == NULL)
		fprintf(stderr, "ewbd: -u %s: no such user\n", name);
	return p;
}

/* What root has bound is then that user's, who could not use it otherwise. */
static int
become(const struct options *o)
{
	const char *user = o->user;
	const struct passwd *p;

	if (user == NULL || geteuid() != 0)
		return 0;
	p = user_of(user);
	if (p == NULL)
		return -1;
	for (unsigned i = 0; i < o->nunix; i++)
		if (lchown(o->unix_path[i], p->pw_uid, p->pw_gid))
			return fail_at("--unix", o->unix_path[i], errno);
	if (setgroups(1, &p->pw_gid) || setgid(p->pw_gid) || setuid(p->pw_uid))
		return fail_at("-u", user, errno);
	return 0;
}

/* Those that systemd has opened.  How many; -1: why. */
static int
listen_given(struct ewb_server *s, char *why, size_t n)
{
	int given = systemd_sockets(why, n);

	for (int i = 0; i < given; i++)
		if (ewb_server_listen_fd(s, SYSTEMD_FIRST + i, why, n))
			return -1;
	return given;
}

static int
listen_tcp(struct ewb_server *s, const struct options *o, char *why, size_t n)
{
	char where[300];

	/* those without a port of their own come first: the others of them are on
	 * the port that the first one takes */
	for (unsigned i = 0; i < 2 * o->nlisten; i++) {
		const char *a = o->listen[i % o->nlisten];
		unsigned port = o->port ? o->port : ewb_server_port(s);

		if ((address_port(a) != NULL) != (i >= o->nlisten))
			continue;
		address_whole(where, sizeof where, a, port);
		if (ewb_server_listen(s, where, why, n))
			return -1;
	}
	return 0;
}

static int
listen_all(struct ewb_server *s, const struct options *o, char *why, size_t n)
{
	int given = listen_given(s, why, n);
	char where[300];

	if (given < 0)
		return -1;
	/* sockets that were given are in the place of those by default */
	if ((given == 0 || o->listens || o->run) && listen_tcp(s, o, why, n))
		return -1;
	for (unsigned i = 0; i < o->nunix; i++) {
		const char *p = o->unix_path[i];

		snprintf(where, sizeof where, "%s%s", strchr(p, '/') ? "" : "./",
		         p);
		if (ewb_server_listen(s, where, why, n))
			return -1;
	}
	return 0;
}

static int
write_file(const char *option, const char *path, unsigned long n)
{
	int err = path ? file_write_number(path, n) : 0;

	return err ? fail_at(option, path, -err) : 0;
}

static void
block_signals(const struct options *o, sigset_t *set)
{
	sigemptyset(set);
	if (o->run) {
		sigaddset(set, SIGCHLD);
		/* for the command, as the others are */
		sigaddset(set, SIGQUIT);
		sigaddset(set, SIGUSR1);
		sigaddset(set, SIGUSR2);
	}
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The innermost first. */
static int
wrap(struct ewb_server *s, const struct options *o, char *why, size_t n)
{
	for (unsigned i = o->nfilters; i-- > 0;) {
		const struct filter *f = &o->filters[i];

		if (ewb_server_filter(s, f->what, o->filters_dir, f->settings,
		                      f->nsettings, why, n))
			return -1;
	}
	return 0;
}

/* What -m and -M ask for, an engine without such parameters was not to be asked:
 * the line says who did. */
static void
explain(const struct options *o, char *why, size_t n)
{
	const char *option = NULL;
	size_t len;

	if (o->memory && strstr(why, ": no parameter limit;"))
		option = "-m";
	else if ((o->memory || o->refuses) &&
	         strstr(why, ": no parameter full;"))
		option = o->refuses ? "-M" : "-m";
	if (option == NULL)
		return;
	len = strlen(option);
	if (len + 2 + strlen(why) >= n)
		return;
	memmove(why + len + 2, why, strlen(why) + 1);
	memcpy(why, option, len);
	memcpy(why + len, ": ", 2);
}

/* While that may be root's. */
static int
read_users(struct ewb_server *s, const struct options *o, char *why, size_t n)
{
	struct stat st;

	if (o->users == NULL)
		return 0;
	if (stat(o->users, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_mode & 077)
		ewb_server_log(s, "users %s: not its owner's alone: chmod 600",
		               o->users);
	return ewb_server_users(s, o->users, why, n);
}

/* What the file has; the server reads it, and says what is wrong with it. */
static int
read_collections(struct options *o)
{
	int err;

	if (o->collections == NULL)
		return 0;
	o->server.collections = file_read(o->collections, COLLECTIONS_MAX, &err);
	return o->server.collections ? 0 :
	                               fail_at("--collections", o->collections, -err);
}

static void
fail_server(const struct options *o, const char *why)
{
	static const char collections[] = "collections: ";
	size_t n = sizeof collections - 1;

	if (o->collections && strncmp(why, collections, n) == 0)
		fprintf(stderr, "ewbd: --collections %s: %s\n", o->collections,
		        why + n);
	else
		fail(why);
}

/* Everything up to the first front end.  Null: said why. */
static struct ewb_server *
open_server(const struct options *o, struct ewb_scans **scans)
{
	char why[1200] = "";
	struct ewb_server *s = ewb_server_new(&o->server, why, sizeof why);
	int failed;

	if (s == NULL) {
		fail_server(o, why);
		return NULL;
	}
	/* A port may need root; what the engine makes is the user's, who has to
	 * open it again. */
	failed = listen_all(s, o, why, sizeof why) ||
	         read_users(s, o, why, sizeof why);
	if (failed == 0 && become(o)) {
		ewb_server_free(s);
		return NULL;
	}
	if (failed ||
	    ewb_server_engine(s, o->engine, o->engines, o->settings,
	                      o->nsettings, why, sizeof why) ||
	    wrap(s, o, why, sizeof why)) {
		explain(o, why, sizeof why);
		fail(why);
		ewb_server_free(s);
		return NULL;
	}
	*scans = ewb_scans_new(ewb_server_core(s), &o->scans);
	if (*scans == NULL) {
		fail("scans: out of memory");
		ewb_server_free(s);
		return NULL;
	}
	return s;
}

/* What others are to find: who it is, and where. */
static int
tell_files(const struct options *o, struct ewb_server *s)
{
	if (write_file("--pidfile", o->pidfile, (unsigned long)getpid()))
		return -1;
	if (write_file("--port-file", o->portfile, ewb_server_port(s)) == 0)
		return 0;
	if (o->pidfile)
		file_remove_number(o->pidfile, (unsigned long)getpid());
	return -1;
}

/* Until the command that is to be run has ended; its status. */
static int
run_command(const struct options *o, struct ewb_server *s,
            const sigset_t *signals)
{
	char addr[300];
	pid_t pid;

	captive_addr(addr, sizeof addr, o->listen[0], ewb_server_port(s));
	pid = captive_start(o->run, addr);
	if (pid < 0)
		return fail_at("--run", o->run, -pid);
	return captive_wait(pid, signals);
}

static void
read_users_again(const struct options *o, struct ewb_server *s)
{
	char why[1200];

	if (ewb_server_users(s, o->users, why, sizeof why))
		ewb_server_log(s, "%s; those that were read before may log in", why);
	else if (o->server.verbose)
		ewb_server_log(s, "users %s: read again", o->users);
}

static int
wait_for_signal(const struct options *o, struct ewb_server *s,
                const sigset_t *signals)
{
	int signo;

	while (sigwait(signals, &signo) == 0 && signo == SIGHUP && o->users)
		read_users_again(o, s);
	if (o->server.verbose)
		ewb_server_log(s, "stopping: %s", strsignal(signo));
	return 0;
}

/* Waits for its end, then ends. */
static int
serve(const struct options *o, struct ewb_server *s, struct ewb_scans *scans,
      struct front_thread *threads, const sigset_t *signals)
{
	enum ewb_status status;
	int code = o->run ? run_command(o, s, signals) :
	                    wait_for_signal(o, s, signals);

	systemd_tell("STOPPING=1");
	status = ewb_server_stop(s, o->stop_grace_s * 1000);
	if (o->pidfile)
		file_remove_number(o->pidfile, (unsigned long)getpid());
	if (status != EWB_OK)
		_exit(code ? code : 1); /* it was named in the log */
	for (unsigned i = 0; i < o->threads; i++)
		pthread_join(threads[i].thread, NULL);
	ewb_scans_free(scans);
	ewb_server_free(s);
	return code;
}

int
main(int argc, char **argv)
{
	static struct options o;
	static struct front_thread threads[64];
	struct ewb_server *s;
	struct ewb_scans *scans = NULL;
	sigset_t signals;
	int ready = -1;

	standard_hold();
	options_parse(&o, argc, argv);
	if (read_collections(&o))
		return 1;
	if (o.shutdown)
		o.server.shutdown = end_by_client;
	if (o.daemonize) {
		if (systemd_is_here())
			return fail("--daemon: systemd wants its services in the "
			            "foreground: leave it out");
		o.server.log = to_syslog;
		ready = detach();
		if (ready < 0)
			return fail_at("cannot", "detach", -ready);
	}
	block_signals(&o, &signals);
	raise_descriptors(&o);
	s = open_server(&o, &scans);
	if (s == NULL)
		return 1;
	if (tell_files(&o, s)) {
		ewb_scans_free(scans);
		ewb_server_free(s);
		return 1;
	}
	for (unsigned i = 0; i < o.threads; i++)
		if (start_front(&threads[i], s)) {
			fail("front-end thread: out of memory or descriptors");
			if (o.pidfile)
				file_remove_number(o.pidfile, (unsigned long)getpid());
			_exit(1);
		}
	if (ready >= 0) {
		openlog("ewbd", LOG_PID, LOG_DAEMON);
		detach_ready(ready);
	} else if (o.server.verbose) {
		ewb_server_log(s, "ready: engine %s on port %u, %u front ends",
		               o.engine, ewb_server_port(s), o.threads);
	}
	systemd_tell("READY=1");
	return serve(&o, s, scans, threads, &signals);
}
