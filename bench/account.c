/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/account.h"
#include "bench/net.h"

static double
clock_seconds(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t))
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
switches_of_thread(const char *dir, const char *thread)
{
	char path[400], line[256];
	unsigned long long n;
	uint64_t sum = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s/status", dir, thread);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

static uint64_t
switches(pid_t server)
{
	char dir[64];
	struct dirent *e;
	uint64_t sum = 0;
	DIR *d;

	snprintf(dir, sizeof dir, "/proc/%d/task", (int)server);
	if ((d = opendir(dir)) == NULL)
		return 0;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			sum += switches_of_thread(dir, e->d_name);
	closedir(d);
	return sum;
}

/* The nanosecond clock of the process; its user and system parts are told in
 * ticks only. */
static void
take_server(struct account *a, pid_t server)
{
	double tick = (double)sysconf(_SC_CLK_TCK);
	unsigned long long user = 0, sys = 0;
	char path[64], line[1024], *end;
	clockid_t clock;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)server);
	if ((f = fopen(path, "r"))) {
		if (fgets(line, sizeof line, f) && (end = strrchr(line, ')')))
			sscanf(end + 2,
			       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			       "%llu %llu",
			       &user, &sys);
		fclose(f);
	}
	a->user = (double)user / tick;
	a->system = (double)sys / tick;
	a->switches = switches(server);
	if (clock_getcpuclockid(server, &clock) == 0)
		a->server = clock_seconds(clock);
	else
		a->server = a->user + a->system;
}

static void
take_machine(struct account *a)
{
	double tick = (double)sysconf(_SC_CLK_TCK);
	unsigned long long user, nice, sys, idle, wait, irq, soft, steal;
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL)
		return;
	if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user,
	           &nice, &sys, &idle, &wait, &irq, &soft, &steal) == 8) {
		a->busy = (double)(user + nice + sys + irq + soft) / tick;
		a->steal = (double)steal / tick;
	}
	fclose(f);
}

void
account_take(struct account *a, pid_t server)
{
	memset(a, 0, sizeof *a);
	take_machine(a);
	if (server)
		take_server(a, server);
	a->self = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	a->wall_ns = net_now();
}

void
account_span(struct account_span *out, const struct account *from,
             const struct account *to)
{
	double user = to->user - from->user, sys = to->system - from->system;
	double machine;

	out->seconds = (double)(to->wall_ns - from->wall_ns) / 1e9;
	out->server = to->server - from->server;
	out->self = to->self - from->self;
	out->system_part = user + sys > 0 ? sys / (user + sys) : 0;
	out->switches = (double)(to->switches - from->switches);
	machine = (double)sysconf(_SC_NPROCESSORS_ONLN) * out->seconds;
	out->other = to->busy - from->busy - out->server - out->self;
	out->other = out->other > 0 ? out->other / machine : 0;
	out->steal = (to->steal - from->steal) / machine;
}

double
account_settled(pid_t server)
{
	struct account a;
	double last;
	int still = 0;

	account_take(&a, server);
	while (still < 5) {
		last = a.server;
		net_sleep(0.02);
		account_take(&a, server);
		still = a.server - last < 0.0002 ? still + 1 : 0;
	}
	return a.server;
}

static double
resident_now(pid_t server)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)server);
	if ((f = fopen(path, "r")) == NULL)
		net_die(path);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return (double)kib * 1024;
}

double
account_resident(pid_t server)
{
	double last = 0, now = resident_now(server);
	uint64_t since = net_now();

	while (net_now() - since < 300000000) {
		net_sleep(0.02);
		now = resident_now(server);
		if (now - last > 65536 || last - now > 65536) {
			last = now;
			since = net_now();
		}
	}
	return now;
}
