/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "frontend/answer.h"
#include "lib/hot.h"

int
ewb_each_stat(struct ewb_conn *n, struct ewb_cookie *c,
          int (*put)(struct ewb_conn *n, struct ewb_cookie *c, const char *name,
                     const char *text))
{
	const char *p = (const char *)ewb_reply_data(&c->reply), *name;
	const char *end = p + c->reply.len;

	while (p < end) {
		name = p;
		p += strlen(p) + 1;
		if (put(n, c, name, p))
			return -1;
		p += strlen(p) + 1;
	}
	return 0;
}

int
ewb_own_rest(struct ewb_conn *n, struct ewb_cookie *c)
{
	struct ewb_chunk *ch = ewb_stream_last(c->stream, EWB_OK);

	if (ch == NULL)
		return 0;
	if (!ewb_is_error(c->status) || c->command->terminal_error)
		return ewb_out_stream(n->front, &n->out, c, ch);
	ewb_stream_give(c->stream, ch);
	return 0;
}

static int
write_answer(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->stream && !c->command->terminal_error &&
	    (c->answered || ewb_is_error(c->status)) &&
	    (c->front_bits & EWB_FRONT_STARTED))
		return -1; /* nothing can say that the rest is missing */
	if (c->frame.is & EWB_IS_BINARY)
		return ewb_answer_binary(n, c);
	return ewb_answer_text(n, c);
}

EWB_HOT int
ewb_answer(struct ewb_conn *n, struct ewb_cookie *c)
{
	/* as a rule it is one of these; of a set without a cas nothing is counted */
	if (c->op == EWB_OP_GET && c->status == EWB_OK)
		EWB_COUNT(&n->front->d.counters, get_hits);
	else if (c->op != EWB_OP_SET || c->status != EWB_OK ||
	         c->request.expect != EWB_EXPECT_ANY)
		ewb_tally_outcome(n->front, c);
	return write_answer(n, c);
}

EWB_HOT int
ewb_answer_end(struct ewb_conn *n)
{
	int failed = n->get_failed;

	n->get_failed = 0;
	return failed ? 0 : ewb_say(n, "END\r\n", 5);
}
