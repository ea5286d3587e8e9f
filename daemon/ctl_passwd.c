/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl passwd: a user's line in the file that the server is told of. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_password.h"
#include "daemon/ctl_say.h"
#include "lib/secret.h"
#include "protocol/base64.h"

#define USAGE "passwd [--rounds N] FILE USER"
#define SECRET 32

enum { OPT_ROUNDS };

static const struct ewb_ctl_option table[] = {
	[OPT_ROUNDS] = { "rounds", 0, true },
	{ 0 },
};

static int
failed(const char *path, int err)
{
	return ewb_ctl_say("%s: %s", path, ewb_ctl_strerror(err));
}

/* Is it that user's? */
static int
is_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 && line[n] == ' ';
}

/* What a new file begins with. */
static int
put_head(FILE *to)
{
	char text[EWB_BASE64_LEN(SECRET) + 1] = { 0 };
	uint8_t bytes[SECRET];

	if (ewb_secret_make(bytes, sizeof(bytes)))
		return -EIO;
	ewb_base64_encode(text, bytes, sizeof(bytes));
	fprintf(to, "# Users of ewbd --users; ewbctl passwd makes a line of each.  Salts\n"
	            "# of those that there are not are made of this:\n"
	            "@salts %s\n", text);
	return 0;
}

/* Null: a server would take it. */
static const char *
wrong_line(const char *text, size_t n)
{
	static struct ewb_user u;

	while (n && strchr("\r\n ", text[n - 1]))
		n--;
	return n == 0 || *text == '#' || strncmp(text, "@salts ", 7) == 0 ? NULL :
	                                               ewb_user_parse(&u, text, n);
}

/* All of from, with the user's line in the place of the one that was there, or at
 * the end.  0; -1: that is no users' file, and it was said why. */
static int
copy(const char *path, FILE *from, FILE *to, const char *name, const char *line)
{
	char text[4096];
	const char *wrong;
	unsigned number = 0;
	int put = 0;

	while (fgets(text, sizeof(text), from)) {
		size_t n = strlen(text);

		number++;
		wrong = n ? wrong_line(text, n) : "it begins with a NUL byte";
		if (wrong)
			return ewb_ctl_say("%s: line %u: %s: it is no file of "
			                   "users, and is left as it is",
			                   path, number, wrong);
		if (!is_of(text, name))
			fprintf(to, "%s%s", text,
			        text[n - 1] == '\n' ? "" : "\n");
		else if (!put++)
			fprintf(to, "%s\n", line);
	}
	if (!put)
		fprintf(to, "%s\n", line);
	return ferror(from) ? failed(path, errno) : 0;
}

/* Whose it is, and who may read it, if we may say so: it may be the server's. */
static int
keep_owner(const char *path, FILE *from, FILE *to)
{
	struct stat st, now;
	mode_t mode;

	if (fstat(fileno(from), &st) || fstat(fileno(to), &now))
		return failed(path, errno);
	mode = st.st_mode & 0777;
	if ((st.st_uid != now.st_uid || st.st_gid != now.st_gid) &&
	    fchown(fileno(to), st.st_uid, st.st_gid))
		mode &= 0700; /* its group is another one here */
	return fchmod(fileno(to), mode) ? failed(path, errno) : 0;
}

/* 0, or -1 when it was said why. */
static int
write_all(const char *path, FILE *from, FILE *to, const char *name,
          const char *line)
{
	if (from) {
		if (keep_owner(path, from, to) ||
		    copy(path, from, to, name, line))
			return -1;
	} else {
		if (put_head(to))
			return failed(path, EIO);
		fprintf(to, "%s\n", line);
	}
	if (fflush(to) || ferror(to) || fsync(fileno(to)))
		return failed(path, errno ? errno : EIO);
	return 0;
}

/* The new one is there, so nobody else changes the old one. */
static int
make_new(const char *path, FILE *to, const char *name, const char *line)
{
	FILE *from = fopen(path, "re");
	int err;

	if (from == NULL && errno != ENOENT)
		return failed(path, errno);
	err = write_all(path, from, to, name, line);
	if (from)
		(void)fclose(from);
	return err;
}

/* A new file takes the old one's place, whole or not at all.  Nobody else does so
 * at the same time: the new one must not be there. */
static int
replace(const char *path, const char *name, const char *line)
{
	char temp[4096];
	FILE *to;
	int fd, err;

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return failed(path, ENAMETOOLONG);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	          0600);
	if (fd < 0 && errno == EEXIST)
		return ewb_ctl_say("%s is there: another passwd is at work; if "
		                   "none is, remove it",
		                   temp);
	if (fd < 0)
		return failed(temp, errno);
	to = fdopen(fd, "w");
	if (to == NULL) {
		close(fd);
		unlink(temp);
		return failed(temp, ENOMEM);
	}
	err = make_new(path, to, name, line);
	if (fclose(to) && !err)
		err = failed(path, errno);
	if (!err && rename(temp, path))
		err = failed(path, errno);
	if (err)
		unlink(temp);
	return err;
}

/* Where path is a link, what it leads to. */
static int
set_line(const char *path, const char *name, const char *line)
{
	char *target = realpath(path, NULL);
	int err = replace(target ? target : path, name, line);

	free(target);
	return err;
}

static int
set(const char *path, const char *name, uint32_t rounds)
{
	char password[EWB_CTL_PASSWORD], line[EWB_USER_LINE_MAX + 1];
	struct ewb_user u;
	int err = ewb_ctl_password_new(name, password);

	if (err)
		return err;
	err = ewb_user_make(&u, name, password, rounds);
	ewb_secret_wipe(password, sizeof(password));
	if (err)
		return failed("passwd", err);
	line[ewb_user_print(line, &u)] = '\0';
	return set_line(path, name, line);
}

int
ewb_ctl_passwd(const struct ewb_ctl_addr *where, char **argv)
{
	uint64_t rounds = EWB_ROUNDS;
	const char *value, *wrong;
	int i;

	(void)where;
	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0)
		if (ewb_ctl_number("--rounds", value, EWB_ROUNDS_MIN,
		                   EWB_ROUNDS_MAX, &rounds))
			return EWB_CTL_USAGE;
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (!argv[0] || !argv[1] || argv[2])
		return ewb_ctl_usage(USAGE);
	wrong = ewb_user_name_wrong(argv[1]);
	if (wrong) {
		ewb_ctl_say("passwd: %s", wrong);
		return EWB_CTL_USAGE;
	}
	return set(argv[0], argv[1], (uint32_t)rounds) ? EWB_CTL_FAILED :
	                                                 EWB_CTL_DONE_WELL;
}
