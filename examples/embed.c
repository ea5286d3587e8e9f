/* SPDX-License-Identifier: BSD-2-Clause */
/* An application that serves memcached clients out of its own process:
 *
 *      embed loop      in its own libev loop, beside its own watchers
 *      embed thread    in a thread, beside whatever else it does
 *
 * A number behind that is a socket that listens already, as another program may
 * hand it over.
 *
 * Its engine is part of the program, and answers a get of "ticks" with how often
 * the application's own timer has run.  It says its port on stdout, and ends when
 * its stdin does. */
#include <ewb/embed.h>

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE_MS 1000

struct app {
	struct ewb_server *server;
	struct ewb_front *front;
	pthread_mutex_t lock; /* for the wait until the front end is there */
	pthread_cond_t changed;
	int up; /* under lock; 1: it serves, -1: it cannot */
};

/* The application's data.  Here it is a number; whoever reads it is on the front
 * end, and in "thread" that is another thread than the timer's. */
static _Atomic unsigned long ticks;

/* The engine. */

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	char text[32];

	(void)self;
	if (r->nkey != 5 || memcmp(r->key, "ticks", 5) != 0)
		return EWB_NOT_FOUND;
	return ewb_reply_value(
		c, text, (size_t)sprintf(text, "%lu", atomic_load(&ticks)));
}

static enum ewb_status
refuse(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)self, (void)c, (void)r, EWB_NOT_SUPPORTED;
}

static const struct ewb_engine engine = {
	.abi = EWB_ABI,
	.size = sizeof engine,
	.api = EWB_API,
	.name = "embedded",
	.model = EWB_NONBLOCKING,
	.get = get,
	.store = refuse,
	.remove = refuse,
};

/* The application. */

static void
tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)w, (void)events;
	atomic_fetch_add(&ticks, 1);
}

/* Something on stdin, or its end. */
static void
heard(struct ev_loop *loop, ev_io *w, int events)
{
	struct app *a = w->data;
	char buf[256];

	(void)events;
	if (read(STDIN_FILENO, buf, sizeof buf) > 0)
		return;
	ev_io_stop(loop, w);
	/* not ewb_server_stop(), which waits: in "loop" for this very loop.  When
	 * all is over, the front end's watchers leave its loop. */
	ewb_server_stop_begin(a->server, GRACE_MS);
	ev_break(loop, EVBREAK_ONE);
}

static int
fail(const char *why)
{
	fprintf(stderr, "embed: %s\n", why);
	return 1;
}

static void
say_port(const struct app *a)
{
	printf("%u\n", ewb_server_port(a->server));
	fflush(stdout);
}

/* The timer and stdin, until that has ended. */
static void
run_application(struct app *a, struct ev_loop *loop)
{
	ev_timer timer;
	ev_io input;

	ev_timer_init(&timer, tick, 0., .001);
	ev_timer_start(loop, &timer);
	ev_io_init(&input, heard, STDIN_FILENO, EV_READ);
	input.data = a;
	ev_io_start(loop, &input);
	say_port(a);
	ev_run(loop, 0);
	ev_timer_stop(loop, &timer);
}

/* One thread does it all. */
static int
in_loop(struct app *a)
{
	struct ev_loop *loop = ev_default_loop(0);

	a->front = ewb_front_new(a->server, loop);
	if (a->front == NULL)
		return fail("no front end");
	run_application(a, loop);
	ev_run(loop, 0); /* only the front end is left: until it is gone, too */
	ewb_front_free(a->front);
	return ewb_server_stopped(a->server) == EWB_OK ? 0 : 1;
}

static void
say_up(struct app *a, int up)
{
	pthread_mutex_lock(&a->lock);
	a->up = up;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

/* The front end's thread: it makes it, runs it and frees it. */
static void *
serve(void *arg)
{
	struct app *a = arg;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	a->front = loop ? ewb_front_new(a->server, loop) : NULL;
	say_up(a, a->front ? 1 : -1);
	if (a->front) {
		ev_run(loop, 0);
		ewb_front_free(a->front);
	}
	if (loop)
		ev_loop_destroy(loop);
	return NULL;
}

static int
in_thread(struct app *a)
{
	enum ewb_status status;
	pthread_t thread;

	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (pthread_create(&thread, NULL, serve, a) != 0)
		return fail("no thread");
	pthread_mutex_lock(&a->lock);
	while (a->up == 0)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	if (a->up > 0)
		run_application(a, ev_default_loop(0));
	status = ewb_server_stop(a->server, GRACE_MS);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	return a->up > 0 && status == EWB_OK ? 0 : fail("it did not serve");
}

/* Where it was told to, or on a port of its own. */
static int
listen_at(struct app *a, const char *fd, char *why, size_t n)
{
	if (fd)
		return ewb_server_listen_fd(a->server, (int)strtol(fd, NULL, 10),
		                            why, n);
	return ewb_server_listen(a->server, "127.0.0.1:0", why, n);
}

int
main(int argc, char **argv)
{
	struct ewb_server_options o;
	struct app a = { 0 };
	char why[1200] = "";
	int status;

	if (argc < 2 || argc > 3 ||
	    (strcmp(argv[1], "loop") && strcmp(argv[1], "thread"))) {
		fprintf(stderr, "usage: embed loop|thread [fd]\n");
		return 2;
	}
	ewb_server_defaults(&o);
	a.server = ewb_server_new(&o, why, sizeof why);
	if (a.server == NULL)
		return fail(why);
	if (ewb_server_engine_here(a.server, &engine, NULL, 0, why,
	                           sizeof why) ||
	    listen_at(&a, argv[2], why, sizeof why)) {
		ewb_server_free(a.server);
		return fail(why);
	}
	status = strcmp(argv[1], "loop") ? in_thread(&a) : in_loop(&a);
	if (status == 0)
		ewb_server_free(a.server);
	return status;
}
