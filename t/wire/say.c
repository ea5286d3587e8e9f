/* SPDX-License-Identifier: BSD-2-Clause */
/* Says the text (with \r, \n and \xNN) to a server at PORT, and no more, and
 * prints what it answers. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SECONDS 120 /* for one answer; only a server that hangs takes them */

static int
die(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

/* In place; how many bytes there are. */
static size_t
unescape(char *text)
{
	char *to = text;
	unsigned byte;

	for (const char *p = text; *p;) {
		if (*p != '\\') {
			*to++ = *p++;
		} else if (p[1] == 'x' && sscanf(p + 2, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			p += 4;
		} else if (p[1] == 'r' || p[1] == 'n') {
			*to++ = p[1] == 'r' ? '\r' : '\n';
			p += 2;
		} else {
			fprintf(stderr, "say: not an escape: %.4s\n", p);
			exit(EXIT_FAILURE);
		}
	}
	return (size_t)(to - text);
}

int
main(int argc, char **argv)
{
	static char answer[65536];
	struct timeval limit = { .tv_sec = SECONDS };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	size_t len;
	ssize_t n;

	if (argc != 3) {
		fprintf(stderr, "usage: say PORT TEXT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	len = unescape(argv[2]);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(s, (struct sockaddr *)&to, sizeof to))
		return die("say: connect");
	for (const char *p = argv[2]; len; p += n, len -= (size_t)n) {
		n = send(s, p, len, MSG_NOSIGNAL);
		if (n < 0)
			return die("say: send");
	}
	shutdown(s, SHUT_WR);
	while ((n = recv(s, answer, sizeof answer, 0)) > 0)
		if (fwrite(answer, 1, (size_t)n, stdout) != (size_t)n)
			return die("say: write");
	if (n < 0)
		return die("say: recv");
	return fflush(stdout) ? die("say: write") : EXIT_SUCCESS;
}
