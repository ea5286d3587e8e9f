/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "protocol/binary.h"
#include "t/cookie_reader.h"

#define OPAQUE 0x01020304

void
reader_begin(struct reader *r, unsigned front, struct script *s)
{
	struct ewb_frame f = play_frame(READER_OP, s->key, NULL);

	memset(r, 0, sizeof *r);
	play.core.commands[READER_OP] = (struct ewb_command){
		.run = script_stream, .streams = 1, .terminal_error = 1
	};
	play.keep = true;
	f.is = EWB_IS_BINARY;
	f.opcode = 0xdb;
	f.opaque = OPAQUE;
	r->s = s;
	r->k = play_frame_call(front, &f, NULL);
	if (r->k)
		r->stream = r->k->cookie->stream;
}

static const char *
check_frame(struct reader *r, const struct ewb_chunk *ch, unsigned status)
{
	struct ewb_bin_reply head;

	if (ewb_bin_response(ch->data, ch->len, &head) != EWB_BIN_HEAD)
		return "a piece does not begin with a frame's head";
	if (head.opcode != 0xdb || head.opaque != OPAQUE)
		return "the frame is not the command's";
	if (head.nbody != ch->len - EWB_BIN_HEAD)
		return "the frame's length is wrong";
	if (head.status != status)
		return "the frame's status is wrong";
	if (head.nextras != r->nextras)
		return "the frame's extras are missing";
	return NULL;
}

static const char *
check_records(struct reader *r, const uint8_t *p, size_t n)
{
	size_t size = r->s->record_size;

	for (; n >= size; p += size, n -= size) {
		if (ewb_be32(p) != r->next)
			return "a record is out of order, or lost";
		if (size > 4 && (p[4] != (uint8_t)r->next ||
		                 memcmp(p + 4, p + 5, size - 5) != 0))
			return "a record's bytes are wrong";
		r->next++;
	}
	return n ? "a record is cut in two" : NULL;
}

static void
check_piece(struct reader *r, const struct ewb_chunk *ch, unsigned status)
{
	size_t at = EWB_BIN_HEAD + r->nextras;
	const char *wrong = check_frame(r, ch, status);

	r->frames++;
	if (wrong == NULL)
		wrong = check_records(r, ch->data + at, ch->len - at);
	if (wrong && r->wrong == NULL)
		r->wrong = wrong;
}

static void
hold(struct reader *r, struct ewb_chunk *ch)
{
	SCRIPT_MUST(r->taken < READER_PIECES);
	r->held[r->taken++] = ch;
}

int
reader_take(struct reader *r)
{
	struct ewb_chunk *ch;

	ewb_now_on_front(r->stream->dispatch->thread);
	ch = ewb_stream_pull(r->stream);
	if (ch == NULL)
		return 0;
	check_piece(r, ch, EWB_OK);
	hold(r, ch);
	return 1;
}

int
reader_give(struct reader *r)
{
	ewb_now_on_front(r->stream->dispatch->thread);
	if (r->given == r->taken)
		return 0;
	ewb_stream_give(r->stream, r->held[r->given++]);
	return 1;
}

unsigned
reader_drain(struct reader *r)
{
	unsigned n = 0;

	while (reader_take(r) || reader_give(r))
		n++;
	return n;
}

void
reader_end(struct reader *r)
{
	struct ewb_chunk *ch;

	ewb_now_on_front(r->stream->dispatch->thread);
	SCRIPT_MUST(r->k->done && !r->k->cookie->away);
	reader_drain(r);
	ch = ewb_stream_last(r->stream, EWB_SCAN_COMPLETE);
	if (ch) {
		check_piece(r, ch, EWB_SCAN_COMPLETE);
		hold(r, ch);
	}
	while (reader_give(r))
		;
}

size_t
reader_held(const struct reader *r)
{
	return atomic_load(&r->stream->held);
}
