/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection of a floor: fixed requests in, bytes out. */
#ifndef BENCH_FLOOR_CONN_H
#define BENCH_FLOOR_CONN_H

#include <stddef.h>

struct floor_conn {
	int fd;
	size_t nin;
	char in[65536];
	char *out;
	size_t nout, sent, cap;
};

void floor_conn_init(struct floor_conn *c, int fd);
void floor_conn_fini(struct floor_conn *c);
/* 1: something came; 0: not now; -1: the connection is over. */
int floor_conn_receive(struct floor_conn *c);
/* 1: all is sent; 0: not now; -1: the connection is over. */
int floor_conn_flush(struct floor_conn *c);
void floor_conn_add(struct floor_conn *c, const void *bytes, size_t len);
/* Forgets the first len bytes of its input. */
void floor_conn_drop(struct floor_conn *c, size_t len);
/* Answers each whole request with reply bytes. */
void floor_conn_answer(struct floor_conn *c, size_t reply);

#endif
