/* SPDX-License-Identifier: BSD-2-Clause */
/* Each allocation fails once: the command is refused, and nothing is left
 * behind.  malloc fails when the test says so. */
#include "config.h"

#include <stdlib.h>

#include "t/cookie_reader.h"

static unsigned countdown; /* 0: none fails */
static bool has_failed;

static bool
fails(void)
{
	if (countdown == 0 || --countdown)
		return false;
	has_failed = true;
	return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static struct reader r;

static void
append(void)
{
	struct ewb_frame f = play_frame(EWB_OP_APPEND, "long", "more");

	play_frame_call(0, &f, "more");
}

/* So many that a block of slots is used up by them, by the parent of a
 * command's halves, or by its first half; then more than there are timers at
 * first; a value that is joined in a chunk, a lent one, a counter, a stream. */
static void
do_everything(unsigned blocked)
{
	for (unsigned i = 0; i < blocked; i++)
		play_get(0, "blocked");
	append();
	for (unsigned i = 0; i < 10; i++)
		play_get(0, "blocked");
	play_call(0, EWB_OP_GAT, "lent", NULL);
	play_call(0, EWB_OP_INCR, "long", NULL);
	play_turn(0);
	memset(&r, 0, sizeof r);
	reader_begin(&r, 1, script_for("stream"));
	play_turn(1);
}

static void
undo_everything(void)
{
	struct script *s = script_for("blocked");
	unsigned moved;

	for (unsigned i = 0; i < s->ntickets; i++)
		script_notify_nth(s, i, EWB_OK);
	do {
		moved = r.stream ? reader_drain(&r) : 0;
		while (play_task() || play_letter(0) || play_letter(1))
			moved++;
	} while (moved);
	if (r.stream)
		reader_end(&r);
	play.keep = false;
	play_settle();
}

static void
begin(void)
{
	static char text[201];

	play_begin();
	memset(text, 'x', 200);
	script_put("long", text);
	script_put("lent", text);
	script_for("blocked")->block_for = 1;
	script_for("lent")->lend = true;
	script_for("stream")->records = 100;
	script_for("stream")->record_size = 1000;
}

static void
check(void)
{
	for (unsigned i = 0; i < play.ncalls; i++) {
		const struct call *k = &play_calls[i];

		ck_assert_uint_eq(k->done, 1);
		ck_assert_int_eq(k->released, true);
		ck_assert(k->status == EWB_OK || k->status == EWB_NO_MEMORY ||
		          k->status == EWB_BUSY || k->status == EWB_NOT_FOUND ||
		          k->status == EWB_NOT_NUMBER);
	}
	ck_assert_msg(r.wrong == NULL, "%s", r.wrong);
}

/* One in each process: memory of slots is never given back. */
#define ALLOCATIONS 30

START_TEST(each_allocation_may_fail_and_all_come_home)
{
	begin();
	has_failed = false;
	countdown = (unsigned)_i / 3 + 1;
	do_everything(62 + (unsigned)_i % 3);
	undo_everything();
	countdown = 0;
	check();
	play_end();
	if (_i / 3 == ALLOCATIONS - 1)
		ck_assert_int_eq(has_failed, false); /* there are no more */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: no memory");
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, each_allocation_may_fail_and_all_come_home, 0,
	                    3 * ALLOCATIONS);
	suite_add_tcase(s, t);
	return unit_run(s);
}
