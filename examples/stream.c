/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine with a command of its own, which streams a file of any size:
 *
 *      file NAME       in text; in binary 0xf0, with the name as the key
 *
 * Reading a disk may wait, so the front end only opens the stream, and a task in
 * the background does the rest.  It reads straight into the memory that will be
 * sent: a piece, and another one, as long as there is room.  When the reader is
 * slower than the disk there is none.  Then the task parks, and holds nothing but
 * its open file and what the stream may hold (ewbd --high), until it is woken:
 *
 *      callback ──offloads──▶ task: reserve, read, commit ──▶ the stream ──▶ client
 *                               ▲ ▼                               │
 *                              parks ◀───────── woken ────────────┘
 *
 * When the client goes, the server stops or somebody cancels, the task is woken
 * too: it looks for that before each piece, closes its file and is over.
 */
#define _GNU_SOURCE /* O_DIRECTORY, O_NOFOLLOW */
#include <ewb/engine.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 4000          /* bytes of a read; small: it finds room anywhere */
#define TURN (1024u * 1024) /* bytes after which other streams have theirs */

struct stream {
	struct ewb_host *host;
	int dir; /* what is served */
};

/* One file on its way.  The task's, until the command is over. */
struct transfer {
	struct stream *engine;
	int fd;        /* -1: not open */
	uint64_t left; /* bytes that are still to be sent */
};

/* May a client say that?  Not a name with a '/' in it, so that it is one of this
 * very directory, and neither "." nor "..", which are of it too, but lead out of
 * it; nor any other that is hidden, for who hides a file does not serve it.  A
 * key may hold a 0, behind which open() would not look.  So there is no path for
 * the kernel to follow, and openat2() with RESOLVE_BENEATH, which not every
 * system has, is not needed. */
static int
is_name(const struct ewb_request *r)
{
	return memchr(r->key, '/', r->nkey) == NULL &&
	       memchr(r->key, '\0', r->nkey) == NULL &&
	       *(const char *)r->key != '.';
}

static enum ewb_status
not_opened(const struct stream *s)
{
	switch (errno) {
	case ENOENT: return EWB_NOT_FOUND;
	case ELOOP: /* a link, which may lead anywhere */
	case EACCES:
	case ENXIO: return EWB_NO_ACCESS;
	default:
		ewb_host_notice(s->host, "open: %s", strerror(errno));
		return EWB_TEMPORARY;
	}
}

/* pool */
static enum ewb_status
open_file(struct transfer *t, const struct ewb_request *r)
{
	char name[256]; /* a key has 250 bytes at most */
	struct stat st;

	memcpy(name, r->key, r->nkey);
	name[r->nkey] = '\0';
	/* not blocking: a FIFO would wait for who writes into it */
	t->fd = openat(t->engine->dir, name,
	               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return not_opened(t->engine);
	if (fstat(t->fd, &st) || !S_ISREG(st.st_mode))
		return EWB_NO_ACCESS;
	t->left = (uint64_t)st.st_size; /* what is added later is not sent */
	return EWB_OK;
}

/* A piece; false: the file cannot be read, or has become shorter. */
static int
send_piece(struct transfer *t, struct ewb_cookie *c, void *room, size_t n)
{
	ssize_t got = read(t->fd, room, n);

	if (got < 0 && errno == EINTR)
		return 1;
	if (got <= 0) {
		ewb_host_notice(t->engine->host,
		                "%llu bytes before a file's end: %s",
		                (unsigned long long)t->left,
		                got ? strerror(errno) : "it was cut short");
		return 0;
	}
	ewb_stream_commit(c, (size_t)got);
	t->left -= (uint64_t)got;
	return 1;
}

/* pool: until all is sent, or there is no room. */
static enum ewb_status
send_file(struct ewb_task *task, struct ewb_cookie *c, struct transfer *t)
{
	uint64_t until = t->left > TURN ? t->left - TURN : 0;

	while (t->left > until) {
		size_t n = t->left < PIECE ? (size_t)t->left : PIECE;
		void *room;

		if (ewb_cancelled(ewb_task_ticket(task)))
			return EWB_TEMPORARY;
		room = ewb_stream_reserve(c, n);
		if (room == NULL) {
			ewb_task_park(task);
			return EWB_WOULDBLOCK;
		}
		/* an error ends what was begun: see EWB_OWN_TERMINAL_ERROR */
		if (!send_piece(t, c, room, n))
			return EWB_INTERNAL;
	}
	if (t->left == 0)
		return EWB_OK;
	ewb_task_again(task);
	return EWB_WOULDBLOCK;
}

/* pool: once, and again each time that it said it would block. */
static enum ewb_status
in_background(struct ewb_task *task, struct ewb_cookie *c, void *arg)
{
	struct transfer *t = arg;
	enum ewb_status status = EWB_OK;

	if (ewb_task_runs(task) == 0)
		status = open_file(t, ewb_cookie_request(c));
	if (status == EWB_OK)
		status = send_file(task, c, t);
	if (status != EWB_WOULDBLOCK && t->fd >= 0)
		close(t->fd);
	return status;
}

/* The command. */
static enum ewb_status
file(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct transfer *t;
	enum ewb_status status;

	/* after the last piece: with what is said now the stream ends */
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return EWB_OK;
	if (!is_name(r) || r->nextras)
		return EWB_INVALID;
	t = malloc(sizeof *t);
	if (t == NULL)
		return EWB_NO_MEMORY;
	*t = (struct transfer){ .engine = self, .fd = -1 };
	ewb_cookie_set_state(c, t, free);
	status = ewb_stream_open(c, NULL, NULL);
	if (status != EWB_OK)
		return status;
	return ewb_offload_to(c, EWB_AUX, in_background, t);
}

/* It has no records. */
static enum ewb_status
refuse(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)self, (void)c, (void)r, EWB_NOT_SUPPORTED;
}

static enum ewb_status
open_engine(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            void **self)
{
	const char *dir = n ? s->value : ""; /* it has this parameter alone */
	struct stream *e = malloc(sizeof *e);

	if (e == NULL)
		return EWB_NO_MEMORY;
	e->host = host;
	e->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir >= 0) {
		*self = e;
		return EWB_OK;
	}
	ewb_host_error(host, "dir=%s: %s (say what is to be served: dir=PATH)",
	               dir, strerror(errno));
	free(e);
	return EWB_INVALID;
}

static void
close_engine(void *self)
{
	struct stream *e = self;

	close(e->dir);
	free(e);
}

static const struct ewb_param params[] = {
	{ "dir", NULL, "the directory whose files are served" },
	{ NULL, NULL, NULL },
};

static const struct ewb_own own[] = {
	{ .name = "file",
	  .help = "file NAME: streams a file of the directory that is served",
	  .opcode = 0xf0,
	  .is = EWB_OWN_KEY | EWB_OWN_STREAMS | EWB_OWN_TERMINAL_ERROR,
	  .run = file },
	{ .name = NULL },
};

EWB_ENGINE(.name = "stream", .help = "streams the files of a directory",
           .model = EWB_NONBLOCKING, .params = params, .open = open_engine,
           .close = close_engine, .get = refuse, .store = refuse,
           .remove = refuse, .own = own)
