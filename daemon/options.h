/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ewbd. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <ewb/embed.h>

#ifndef ENGINE_DIR
#define ENGINE_DIR "/usr/local/lib/ewb/engines"
#endif

#ifndef FILTER_DIR
#define FILTER_DIR "/usr/local/lib/ewb/filters"
#endif

#define MAX_LISTEN 15
#define MAX_FILTERS 15
#define MAX_SETTINGS 64

/* A filter, and those of the settings that are its own. */
struct filter {
	const char *what; /* a name, or a path */
	char name[32];
	struct ewb_setting settings[MAX_SETTINGS];
	unsigned nsettings;
};

struct options {
	struct ewb_server_options server;
	int has_low; /* else a quarter of the high mark */
	int has_aux; /* else one thread, or two if somebody has to log in */
	struct ewb_scan_options scans;
	int has_connections;
	int listens; /* a port or an address was given */
	unsigned port;
	const char *listen[MAX_LISTEN]; /* some have a port of their own */
	unsigned nlisten;
	const char *unix_path[MAX_LISTEN];
	unsigned nunix;
	unsigned threads;
	int daemonize, shutdown;
	const char *collections; /* a file */
	const char *pidfile, *portfile, *user;
	const char *users; /* the file of those who may log in; null: all may */
	uint32_t stop_grace_s;
	const char *run; /* a command that has the server to itself */
	const char *memory; /* -m; then the engine evicts, unless refuses */
	int refuses;        /* -M */
	char limit[24];     /* in bytes; of them are settings: */
	const char *engine;
	const char *engines; /* the directory where it is */
	const char *filters_dir;
	struct filter filters[MAX_FILTERS]; /* outermost first */
	unsigned nfilters;
	struct ewb_setting settings[MAX_SETTINGS];
	unsigned nsettings;
};

/* Fills o.  Ends the program for --help, --version and what is wrong. */
void options_parse(struct options *o, int argc, char **argv);

#endif
