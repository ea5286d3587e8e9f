/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/ctl_password.h"
#include "daemon/ctl_say.h"
#include "lib/secret.h"

#define INTERRUPT 3 /* a byte, where the terminal makes no signal of it */

/* A line, without its end; 0 or -errno. */
static int
read_line(int fd, char out[EWB_CTL_PASSWORD])
{
	size_t n = 0;
	ssize_t got;
	char c;

	for (;;) {
		got = read(fd, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0 || c == '\n')
			break;
		if (c == INTERRUPT)
			return -EINTR;
		if (c == '\0') /* what comes behind it would not be known */
			return -EILSEQ;
		if (n == EWB_CTL_PASSWORD - 1)
			return -E2BIG;
		out[n++] = c;
	}
	if (n && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return 0;
}

static int
take_line(int fd, const char *what, char out[EWB_CTL_PASSWORD])
{
	int err = read_line(fd, out);
	const char *wrong = NULL;

	if (err == 0 || err == -E2BIG)
		wrong = ewb_user_password_wrong(err ? "" : out);
	else if (err == -EILSEQ)
		wrong = "a password has no NUL byte";
	if (wrong)
		return ewb_ctl_say("%s: %s", what, wrong);
	return err ? ewb_ctl_say("%s: %s", what, ewb_ctl_strerror(err)) : 0;
}

/* Neither is it shown what is typed, nor does a signal leave it that way. */
static int
ask(const char *prompt, const char *user, char out[EWB_CTL_PASSWORD])
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), err;
	struct termios was, quiet;

	if (fd < 0 || tcgetattr(fd, &was)) {
		if (fd >= 0)
			close(fd);
		return ewb_ctl_say("there is no terminal to ask for the "
		                   "password of %s: set EWB_PASSWORD_FILE",
		                   user);
	}
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_cc[VEOL] = INTERRUPT; /* so that it comes at once */
	dprintf(fd, "%s %s: ", prompt, user);
	tcsetattr(fd, TCSAFLUSH, &quiet);
	err = take_line(fd, "password", out);
	tcsetattr(fd, TCSAFLUSH, &was);
	dprintf(fd, "\n");
	close(fd);
	return err;
}

static int
from_file(const char *path, char out[EWB_CTL_PASSWORD])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return ewb_ctl_say("EWB_PASSWORD_FILE %s: %s", path,
		                   ewb_ctl_strerror(errno));
	err = take_line(fd, path, out);
	close(fd);
	return err;
}

static int
from_environment(char *text, char out[EWB_CTL_PASSWORD])
{
	const char *wrong = ewb_user_password_wrong(text);

	if (wrong)
		return ewb_ctl_say("EWB_PASSWORD: %s", wrong);
	memcpy(out, text, strlen(text) + 1);
	ewb_secret_wipe(text, strlen(text));
	return 0;
}

int
ewb_ctl_password_find(const char *user, char out[EWB_CTL_PASSWORD])
{
	const char *path = getenv("EWB_PASSWORD_FILE");
	char *text = getenv("EWB_PASSWORD");

	if (path && *path)
		return from_file(path, out);
	if (text && *text)
		return from_environment(text, out);
	return ask("Password of", user, out);
}

int
ewb_ctl_password_new(const char *user, char out[EWB_CTL_PASSWORD])
{
	char again[EWB_CTL_PASSWORD];
	int err;

	if (isatty(STDIN_FILENO) != 1)
		return take_line(STDIN_FILENO, "stdin", out);
	err = ask("New password of", user, out) ||
	      ask("The same again, of", user, again);
	if (!err && strcmp(out, again))
		err = ewb_ctl_say("the two are not the same");
	ewb_secret_wipe(again, sizeof(again));
	return err ? -1 : 0;
}
