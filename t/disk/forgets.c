/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk itself: what is left of what a program wrote, after it was killed and
 * the unsynced was taken back.  Each program is this one, started again with the
 * disk before libc, and the name of what it is to do. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/disk/control.h"
#include "t/disk/undo.h"

#define PAGE 4096
#define NPAGES 4

static char dir[] = "/tmp/ewb-forgets-XXXXXX", data[64], side[64], control[64];
static char self[4096], preload[4096];
static int bad;

/* What the programs do, in data. */

static int
opened(const char *name, int flags)
{
	int fd = open(name, O_RDWR | O_CREAT | flags, 0600);

	if (fd < 0)
		_exit(1);
	return fd;
}

static void
put(int fd, char with, size_t n, off_t at)
{
	char bytes[NPAGES * PAGE];

	memset(bytes, with, n);
	if (pwrite(fd, bytes, n, at) != (ssize_t)n)
		_exit(1);
}

/* Four pages of a, on the disk. */
static int
begun(void)
{
	int fd = opened("f", 0);

	put(fd, 'a', NPAGES * PAGE, 0);
	if (fsync(fd))
		_exit(1);
	return fd;
}

static void
grows(void)
{
	put(begun(), 'b', PAGE, NPAGES * PAGE);
}
static void
changes(void)
{
	put(begun(), 'b', 100, PAGE - 50);
}
static void
changes_and_syncs(void)
{
	int fd = begun();

	put(fd, 'b', 100, PAGE - 50);
	fdatasync(fd);
	put(fd, 'c', 10, PAGE);
}
static void
changes_and_closes(void)
{
	int fd = begun();

	put(fd, 'b', 100, 0);
	close(fd);
	put(opened("f", 0), 'b', 100, PAGE);
}
static void
cuts(void)
{
	int fd = begun();

	if (ftruncate(fd, PAGE))
		_exit(1);
	put(fd, 'b', PAGE, PAGE);
}
static void
empties(void)
{
	begun();
	put(opened("f", O_TRUNC), 'b', 10, 0);
}
static void
by_the_way(void)
{
	int fd = begun(), at_once = open("f", O_WRONLY | O_DSYNC);

	put(fd, 'b', PAGE, PAGE);
	put(at_once, 'c', 10, PAGE + 10);
	put(at_once, 'd', 10, NPAGES * PAGE + 100);
}
static void
renames(void)
{
	int fd = opened("g", 0);

	begun();
	put(fd, 'b', PAGE, 0);
	fsync(fd);
	put(fd, 'c', 10, 0);
	rename("g", "f");
}
static void
fails_to_sync(void)
{
	int fd = begun();
	struct disk_control *c = disk_control_open(control);

	put(fd, 'b', PAGE, 0);
	put(fd, 'b', PAGE, NPAGES * PAGE);
	disk_control_set(c, "sync:1:EIO");
	if (fsync(fd) == 0 || errno != EIO)
		_exit(1);
	put(fd, 'c', PAGE, PAGE);
	if (fsync(fd)) /* of the page that was written since */
		_exit(1);
}
static void
fails_once(void)
{
	int fd = begun();
	struct disk_control *c = disk_control_open(control);

	disk_control_set(c, "write:2:ENOSPC");
	put(fd, 'b', 1, 0);
	if (pwrite(fd, "c", 1, 1) != -1 || errno != ENOSPC)
		_exit(1);
	put(fd, 'd', 1, 2);
	fsync(fd);
}
static void
lies(void)
{
	int fd = begun();

	disk_control_open(control)->lie = 1;
	put(fd, 'b', 1, 0);
	fsync(fd);
}

/* What has to be left: runs of a byte, each so many bytes long. */
static const struct fact {
	const char *name, *text, *left;
	void (*run)(void);
} facts[] = {
	{ "grows", "what was appended is gone", "a16384", grows },
	{ "changes", "what was written over is there again", "a16384",
	  changes },
	{ "changes_and_syncs", "what was synced stays, what came later is gone",
	  "a4046 b100 a12238", changes_and_syncs },
	{ "changes_and_closes", "closed and opened again it is the same file",
	  "a16384", changes_and_closes },
	{ "cuts", "what was cut off is there again", "a16384", cuts },
	{ "empties", "also by an open", "a16384", empties },
	{ "by_the_way", "what a write syncs itself stays, and only that",
	  "a4106 c10 a12268 0100 d10", by_the_way },
	{ "renames",
	  "a name is another file's at once, with what it had synced", "b4096",
	  renames },
	{ "fails_to_sync",
	  "what a sync failed to write no later one has written",
	  "a4096 c4096 a8192 04096", fails_to_sync },
	{ "fails_once", "one write fails, and those around it do not",
	  "b1 a1 d1 a16381", fails_once },
	{ "lies", "if it lies, what was synced is gone", "a16384", lies },
};
#define NFACTS (sizeof facts / sizeof *facts)

/* Of the file f. */
static void
describe(char *to, size_t n)
{
	char bytes[8 * PAGE], name[128];
	size_t got, i, run;
	FILE *f;

	snprintf(name, sizeof name, "%s/f", data);
	f = fopen(name, "re");
	got = f ? fread(bytes, 1, sizeof bytes, f) : 0;
	if (f)
		fclose(f);
	*to = 0;
	for (i = 0; i < got; i += run) {
		size_t len = strlen(to);

		for (run = 1; i + run < got && bytes[i + run] == bytes[i];)
			run++;
		snprintf(to + len, n - len, "%s%c%zu", len ? " " : "",
		         bytes[i] ? bytes[i] : '0', run);
	}
}

/* Runs it on the disk until it is killed. */
static void
run(const struct fact *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setenv("EWB_DISK", data, 1);
		setenv("EWB_DISK_SIDE", side, 1);
		setenv("EWB_DISK_CONTROL", control, 1);
		setenv("EWB_DISK_QUICK", "1", 1);
		setenv("LD_PRELOAD", preload, 1);
		execl(self, self, f->name, control, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		printf("FAILED: %s: it did not do that\n", f->name);
		bad = 1;
	}
}

static void
see(const struct fact *f)
{
	struct disk_undone u;
	char left[200], name[128];

	mkdir(data, 0700);
	disk_control_clear(disk_control_open(control));
	disk_control_open(control)->lie = 0;
	run(f);
	if (disk_undo(data, side, DISK_ALL, 0, &u))
		bad = 1;
	describe(left, sizeof left);
	if (strcmp(left, f->left) == 0) {
		printf("ok: %s\n", f->text);
	} else {
		printf("FAILED: %s: %s is left, not %s\n", f->text, left,
		       f->left);
		bad = 1;
	}
	snprintf(name, sizeof name, "%s/f", data);
	unlink(name);
}

static int
be_program(const char *name)
{
	if (chdir(getenv("EWB_DISK")))
		return 1;
	for (size_t i = 0; i < NFACTS; i++)
		if (strcmp(facts[i].name, name) == 0) {
			facts[i].run();
			raise(SIGKILL);
		}
	return 1;
}

int
main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc > 2) {
		snprintf(control, sizeof control, "%s", argv[2]);
		return be_program(argv[1]);
	}
	/* beside this program */
	if (n < 0 || mkdtemp(dir) == NULL)
		return 99;
	snprintf(preload, sizeof preload, "%.*s/.libs/disk.so",
	         (int)(strrchr(self, '/') - self), self);
	snprintf(data, sizeof data, "%s/data", dir);
	snprintf(side, sizeof side, "%s/undo", dir);
	snprintf(control, sizeof control, "%s/control", dir);
	for (size_t i = 0; i < NFACTS; i++)
		see(&facts[i]);
	rmdir(data);
	rmdir(side);
	unlink(control);
	rmdir(dir);
	return bad;
}
