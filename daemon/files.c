/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/files.h"

/* 0, or -errno of what failed first. */
static int
write_and_close(const char *path, unsigned long n)
{
	FILE *f = fopen(path, "we");
	int err = 0;

	if (f == NULL)
		return -errno;
	errno = 0;
	if (fprintf(f, "%lu\n", n) < 0 || fflush(f) || fsync(fileno(f)))
		err = errno == EINVAL || errno == EROFS ? 0 : -errno;
	if (fclose(f) && err == 0)
		err = -errno;
	return err;
}

int
file_write_number(const char *path, unsigned long n)
{
	char temp[4096];
	struct stat st;
	int err;

	/* a device or a pipe is written as it is */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_and_close(path, n);
	if (snprintf(temp, sizeof temp, "%s.new", path) >= (int)sizeof temp)
		return -ENAMETOOLONG;
	err = write_and_close(temp, n);
	if (err == 0 && rename(temp, path))
		err = -errno;
	if (err)
		unlink(temp);
	return err;
}

/* Null: err is why, as -errno. */
static char *
read_open(FILE *f, size_t max, int *err)
{
	char *text = malloc(max + 2);
	size_t n = text ? fread(text, 1, max + 1, f) : 0;

	*err = text == NULL ? -ENOMEM : ferror(f) ? -errno : n > max ? -EFBIG : 0;
	if (*err) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

char *
file_read(const char *path, size_t max, int *err)
{
	FILE *f = fopen(path, "re");
	char *text;

	if (f == NULL) {
		*err = -errno;
		return NULL;
	}
	text = read_open(f, max, err);
	fclose(f);
	return text;
}

void
file_remove_number(const char *path, unsigned long n)
{
	struct stat st;
	char *text;
	int err;

	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		return;
	text = file_read(path, 30, &err);
	if (text && strtoul(text, NULL, 10) == n)
		unlink(path);
	free(text);
}

int
detach(void)
{
	int fds[2], status;
	char ready;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(fds[0]);
		setsid();
		return fds[1];
	}
	close(fds[1]);
	if (read(fds[0], &ready, 1) == 1)
		_exit(0);
	/* it has said why */
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

void
detach_ready(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (null > 2)
			close(null);
	}
	if (write(fd, "", 1) < 0)
		return; /* nobody waits */
	close(fd);
}
