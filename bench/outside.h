/* SPDX-License-Identifier: BSD-2-Clause */
/* What is seen of a server from outside. */
#ifndef BENCH_OUTSIDE_H
#define BENCH_OUTSIDE_H

/* MiB of that line of its status, "VmRSS:". */
double outside_memory(int pid, const char *line);
/* "VmHWM:" begins anew. */
void outside_forget_peak(int pid);
/* Seconds of CPU that it has had. */
double outside_cpu(int pid);
/* All of stats, to be freed; and one of them, -1 without it. */
char *outside_stats(int fd);
long outside_stat(const char *all, const char *name);
/* MiB that all of the machine's TCP has in the kernel, and those from which on it
 * is short of it (tcp_mem); 0: that is not told. */
double outside_tcp(void);
double outside_tcp_pressure(void);

#endif
