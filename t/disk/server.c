/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "t/disk/server.h"

#define MAX_ARGS 64

uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int
cannot(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return -1;
}

static char *
below(const struct server *s, const char *name, char to[PATH_MAX])
{
	if (snprintf(to, PATH_MAX, "%s/%s", s->dir, name) >= PATH_MAX)
		abort();
	return to;
}

int
server_setup(struct server *s)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];

	snprintf(s->dir, sizeof s->dir, "%s/ewb-disk-XXXXXX",
	         tmp && *tmp ? tmp : "/tmp");
	if (mkdtemp(s->dir) == NULL)
		return cannot(s->dir);
	if (mkdir(below(s, "data", path), 0700) ||
	    mkfifo(below(s, "port", path), 0600))
		return cannot(path);
	s->port_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->port_fd < 0)
		return cannot(path);
	s->control = disk_control_open(below(s, "control", path));
	return s->control ? 0 : cannot(path);
}

static void
remove_all(char *dir)
{
	char *const roots[] = { dir, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL, NULL);
	FTSENT *e;

	while (fts && (e = fts_read(fts)) != NULL)
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_accpath);
		else if (e->fts_info != FTS_D)
			unlink(e->fts_accpath);
	if (fts)
		fts_close(fts);
}

void
server_fini(struct server *s, bool keep)
{
	close(s->port_fd);
	if (!keep)
		remove_all(s->dir);
}

void
server_wipe(struct server *s)
{
	char path[PATH_MAX];

	remove_all(below(s, "data", path));
	if (mkdir(path, 0700))
		exit(2);
}

static _Noreturn void
be_server(const struct server *s)
{
	char path[PATH_MAX], port[PATH_MAX], vbuckets[8];
	/* a deadline of its own would hide what does not answer, and end what a
	 * busy machine has wait: patience is the tests' */
	const char *argv[MAX_ARGS] = {
		s->ewbd, "-p",          "0",      "--deadline",
		"60000", "--vbuckets", vbuckets, "--port-file"
	};
	size_t n = 9;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(vbuckets, sizeof vbuckets, "%d", SERVER_VBUCKETS);
	argv[8] = below(s, "port", port);
	for (const char **a = s->args; *a && n < MAX_ARGS - 1;)
		argv[n++] = *a++;
	fd = open(below(s, "stderr", path), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, 2) < 0)
		_exit(126);
	if (s->preload) {
		setenv("EWB_DISK", below(s, "data", path), 1);
		setenv("EWB_DISK_SIDE", below(s, "undo", path), 1);
		setenv("EWB_DISK_CONTROL", below(s, "control", path), 1);
		if (s->quick)
			setenv("EWB_DISK_QUICK", "1", 1);
		setenv("LD_PRELOAD", s->preload, 1);
	}
	execv(s->ewbd, (char *const *)argv);
	_exit(127);
}

int
server_begin(struct server *s)
{
	char left[64];

	while (read(s->port_fd, left, sizeof left) > 0)
		; /* of one that was killed just then */
	s->port = 0;
	s->pid = fork();
	if (s->pid == 0)
		be_server(s);
	return s->pid < 0 ? cannot("fork") : 0;
}

bool
server_ended(struct server *s, int *status)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT))
		return true;
	if (info.si_pid == 0)
		return false;
	*status = info.si_code == CLD_EXITED ? info.si_status << 8
	                                     : info.si_status;
	return true;
}

enum server_began
server_ready(struct server *s, double seconds)
{
	uint64_t until = now_us() + (uint64_t)(seconds * 1e6);
	struct pollfd p = { .fd = s->port_fd, .events = POLLIN };
	char text[32];
	size_t n = 0;
	int status;

	do {
		/* wakes for the port; else to see whether it has ended */
		ssize_t got = poll(&p, 1, 10) > 0 ? read(s->port_fd, text + n,
		                                         sizeof text - 1 - n)
		                                  : 0;

		n += got > 0 ? (size_t)got : 0;
		text[n] = 0;
		if (strchr(text, '\n')) {
			s->port = atoi(text);
			return SERVER_UP;
		}
		if (got <= 0 && server_ended(s, &status))
			return SERVER_ENDED;
	} while (now_us() < until);
	return SERVER_LATE;
}

void
server_kill(struct server *s)
{
	kill(s->pid, SIGKILL);
}

void
server_gone(struct server *s)
{
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

int
server_stop(struct server *s, double seconds)
{
	uint64_t until = now_us() + (uint64_t)(seconds * 1e6);
	int status = -1;

	kill(s->pid, SIGTERM);
	while (!server_ended(s, &status) && now_us() < until)
		poll(NULL, 0, 5);
	if (!server_ended(s, &status))
		server_kill(s);
	server_gone(s);
	return status;
}

const char *
server_said(struct server *s, char *to, size_t n)
{
	char path[PATH_MAX];
	FILE *f = fopen(below(s, "stderr", path), "re");
	size_t got = f ? fread(to, 1, n - 1, f) : 0;

	if (f)
		fclose(f);
	to[got] = 0;
	return to;
}

int
server_undo(struct server *s, enum disk_undo how, uint64_t seed,
            struct disk_undone *u)
{
	char data[PATH_MAX], side[PATH_MAX];

	return disk_undo(below(s, "data", data), below(s, "undo", side), how,
	                 seed, u);
}
