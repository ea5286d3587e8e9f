/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/net.h"
#include "bench/outside.h"

/* MiB of that line of its status. */
double
outside_memory(int pid, const char *line)
{
	char path[64], text[256];
	size_t n = strlen(line);
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "r");
	if (f == NULL)
		net_die(path);
	while (fgets(text, sizeof text, f))
		if (strncmp(text, line, n) == 0)
			kib = strtod(text + n, NULL);
	fclose(f);
	return kib / 1024;
}

void
outside_forget_peak(int pid)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/clear_refs", pid);
	f = fopen(path, "w");
	if (f) {
		fputs("5", f);
		fclose(f);
	}
}

double
outside_cpu(int pid)
{
	char path[64], text[1024];
	unsigned long user = 0, system = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		net_die(path);
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	if (strrchr(text, ')'))
		sscanf(strrchr(text, ')') + 2,
		       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &user, &system);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

char *
outside_stats(int fd)
{
	size_t len = 0, cap = 65536;
	char *text = malloc(cap);
	ssize_t n;

	if (text == NULL || net_send(fd, "stats\r\n", 7))
		net_fail("stats: the server is gone");
	do {
		n = recv(fd, text + len, cap - 1 - len, 0);
		if (n <= 0)
			net_fail("stats: no answer");
		len += (size_t)n;
		text[len] = '\0';
	} while (len < 5 || strcmp(text + len - 5, "END\r\n"));
	return text;
}

long
outside_stat(const char *all, const char *name)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof line, "STAT %s ", name);
	at = strstr(all, line);
	return at ? strtol(at + strlen(line), NULL, 10) : -1;
}

static double
mib_of_pages(unsigned long pages)
{
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

double
outside_tcp(void)
{
	FILE *f = fopen("/proc/net/sockstat", "r");
	unsigned long pages = 0;
	char line[256];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f))
		sscanf(line,
		       "TCP: inuse %*u orphan %*u tw %*u alloc %*u mem %lu",
		       &pages);
	fclose(f);
	return mib_of_pages(pages);
}

double
outside_tcp_pressure(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_mem", "r");
	unsigned long pages = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return mib_of_pages(pages);
}
