/* SPDX-License-Identifier: BSD-2-Clause */
/* One of the many that a storm is made of: a connection that means no good. */
#ifndef BENCH_GUST_H
#define BENCH_GUST_H

#include <stddef.h>
#include <stdint.h>

#define GUST_VALUE 1000000u  /* of the large record */
#define GUST_OVER ((1u << 20) + 1) /* more than a value may have */

enum gust_kind {
	GUST_IDLE,       /* says nothing */
	GUST_SLOW,       /* a set, a byte at a time */
	GUST_SLOW_LARGE, /* nine tenths of a large set, then a byte at a time */
	GUST_DEAF,       /* asks for much in small values, and reads nothing */
	GUST_DEAF_LARGE, /* likewise for large values */
	GUST_HALF,       /* says half of something, then that it has said all */
	GUST_RESET,      /* asks, and resets */
	GUST_TOO_LARGE,  /* a value over the limit */
	GUST_LONG_KEY,
	GUST_LONG_LINE,  /* that does not end */
	GUST_LONG_BODY,  /* a binary one */
	GUST_KINDS
};

enum gust_state {
	GUST_AWAY,       /* to be opened again, when it is its turn */
	GUST_CONNECTING,
	GUST_SENDING,    /* what it says at once */
	GUST_DRIPPING,   /* then a byte at a time */
	GUST_WAITING     /* for the server to answer or to close; or for nothing */
};

struct gust {
	enum gust_kind kind;
	enum gust_state state;
	int fd;
	size_t at;        /* of what it says */
	size_t seen;      /* deaf: at, when it was looked at last */
	uint64_t acts;    /* times that it has done its worst, or bytes dripped, or
	                   * that no more was taken of a deaf one */
};

extern const char *const gust_names[GUST_KINDS];

/* Before the others.  Ends the program without memory. */
void gust_init(void);
/* Connects to the port of this machine; in epoll ep as g. */
void gust_open(struct gust *g, int port, int ep);
void gust_close(struct gust *g);
/* What epoll says of it. */
void gust_event(struct gust *g, int ep, uint32_t events);
/* A byte more, if it drips; looks whether more was taken, if it is deaf. */
void gust_drip(struct gust *g);

#endif
