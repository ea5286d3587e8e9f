/* SPDX-License-Identifier: BSD-2-Clause */
/* One stream, from its task's first run until its memory may serve again, for
 * spin: cookie/stream.c, budget.c, what task.c and lib/class.c do to park and
 * wake, and the front end's side (frontend/order.c and out.c).
 *
 *   Worker    two threads of the pool, which run the offloaded task; or with
 *             -DOWN=1 a thread of the engine's, woken by s->wake()
 *   FrontEnd  letters, the connection's output, its socket
 *   Other     another stream's demands on the budget
 *
 * The task makes N records, each of which needs one unit or two and has a chunk
 * of its own; the stream's base is one unit.  With -DDEAF=1 it never looks
 * whether it was cancelled.  The client may go and the deadline pass at any
 * moment; the socket takes a chunk some time.  -DOTHERS=1: another stream has
 * much of the budget, and gives it back; =2: asks for it, or leaves the queue;
 * =3: has all of it, and keeps it.  -DNOMEM=1: a chunk cannot be had, once.
 *
 * One statement is one atomic operation of the C code, or what one thread does
 * under a lock, or with what is its own at that time.  A producer that is not
 * woken is one that waits for ever, and that is what spin reports.
 *
 * Not in here: weaker orders than sequential consistency, the sleep of the
 * front end and a task that is taken out (cookie.pml), several records in a
 * chunk, records that are larger than the budget, a second stream in full.
 * t/model/list.sh says what is planted for which BUG.
 */
#ifndef BUG
#define BUG 0
#endif
#ifndef N
#define N 3
#endif
#ifndef OWN
#define OWN 0
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef DEAF
#define DEAF 0
#endif
#ifndef OTHERS
#define OTHERS 0
#endif
#ifndef NOMEM
#define NOMEM 0
#endif

#define HIGH 3
#define LOW 1
#define RING 2
#define TOTAL 3 /* the budget */
#define OTHER_WANT 2
#if OTHERS == 1
#define LEFT (TOTAL - OTHER_WANT)
#elif OTHERS == 3
#define LEFT 0
#else
#define LEFT TOTAL
#endif

/* A chunk, by what it is of: its capacity is CAP(). */
#define BASE 0
#define SMALL 1
#define LARGE 2
#define NONE 3
#define CAP(ch) (ch == LARGE -> 2 : 1)

/* struct ewb_stream, the atomics.  The ring's length is sealed - pulled. */
chan ring = [RING] of { byte, byte };
byte held = 0;
bool posted = false;
bool base_home = true;
#define FED 0
#define STARVED_HIGH 1
#define STARVED_RING 2
#define STARVED_ANY 3
#define STARVED_MEMORY 4
byte starved = FED;

/* ... the producer's, and the consumer's when the cookie is home */
byte filling = NONE, record = 0;

/* The budget: what is under its lock, and the ask's granted, which is not. */
#define ME 0
#define OTHER 1
bool locked = false;
byte left = LEFT, want = 0;
chan asks = [2] of { bit };     /* who stands in the queue */
bool queued = false;
byte granted = 0;
bool other_granted = false;

/* The job's state; IDLE at the end. */
#define IDLE 0
#define QUEUED 1
#define RUNNING 2
#define WOKEN 3
#define PARKED 4
byte job = IDLE;
bool room = false;              /* the engine's thread was told */

/* The front end's inbox, in order. */
#define DATA 0
#define LAST 1
chan inbox = [2] of { bit };

bool armed = true, cancelled = false;
byte doom = 0;                  /* to come: a deadline, a client that goes */
bool doomed = false;            /* there were such */

/* For the assertions alone. */
byte running = 0;               /* threads within the task */
bool recycled = false;          /* the cookie */
bool left_budget = false;       /* ewb_stream_free() has been there */
bool kept = false;              /* the stream's memory serves another */
bool arg_gone = false;          /* wake_arg, with the command's state */

/* The pool: ewb_pool_wake() */
inline wake_job() {
	atomic {
		assert(!recycled);
		if
		:: job == RUNNING -> job = WOKEN
		:: job == PARKED -> job = QUEUED
		:: else
		fi
	}
}

inline post() {
	if
#if BUG == 20
	:: !posted -> posted = true;
#else
	:: atomic { !posted -> posted = true };
#endif
		atomic {
			assert(!kept && !(inbox ?? [DATA]));
			inbox ! DATA
		}
	:: atomic { posted -> assert(!kept) }
	fi
}

inline wake_producer() {
#if OWN
	post()                  /* deliver_data() calls wake() */
#else
	wake_job()
#endif
}

/* front: s->wake() or wake_producer() */
inline call_producer() {
#if OWN
	atomic { assert(!arg_gone); room = true }
#else
	wake_job()
#endif
}

/* cookie/stream.c: granted(), called by whoever gives, under the lock */
inline tell_granted() {
	if
	:: atomic { starved == STARVED_ANY -> starved = FED }; wake_producer()
	:: atomic { starved != STARVED_ANY }
	fi
}

/* cookie/budget.c: serve_all(); lets the lock go. */
inline serve_all() {
	do
	:: atomic { asks ? [ME] && want <= left ->
			asks ? ME;
			left = left - want;
			queued = false;
#if BUG != 5
			granted = want;
			want = 0;
#endif
			assert(!left_budget)
		};
		tell_granted();
#if BUG == 5
		granted = want;
		want = 0
#endif
	:: atomic { asks ? [OTHER] && OTHER_WANT <= left ->
			asks ? OTHER;
			left = left - OTHER_WANT;
			other_granted = true
		}
	:: atomic { !(asks ? [ME] && want <= left) &&
		    !(asks ? [OTHER] && OTHER_WANT <= left) -> locked = false };
		break
	od
}

inline budget_give(n) {
	atomic {
		!locked ->
		locked = true;
		left = left + n;
		assert(left <= TOTAL)
	};
	serve_all()
}

/* cookie/stream.c: give_back() */
inline give_back(ch) {
	if
	:: ch == BASE -> base_home = true
	:: else -> budget_give(CAP(ch))
	fi;
	held = held - CAP(ch)
}

/* The producer. */

inline seal() {
	atomic {
		assert(!recycled && len(ring) < RING);
		ring ! filling, record;
		record++;
		filling = NONE
	};
	post()
}

inline use(ch) {
	atomic {
		filling = ch;
		held = held + CAP(ch);
		assert(held <= HIGH + 1)
	}
}

/* cookie/stream.c: fresh(), with grow() and grant().  why is FED: there is. */
inline fresh() {
	base = need == 1 && base_home;
	why = FED;
	if
#if BUG != 11
	:: len(ring) == RING -> why = STARVED_RING
#endif
	:: len(ring) < RING && base && cap == 1 -> base_home = false; use(BASE)
#if BUG != 12
	:: len(ring) < RING && !(base && cap == 1) &&
	   held + cap > HIGH && held > LOW -> why = STARVED_HIGH
#endif
	:: else ->
		atomic { had = granted; granted = 0 };
		if
		:: had == cap -> had = 1
		:: else ->
			if
#if BUG != 15
			:: had -> budget_give(had)
#endif
			:: else
			fi;
			/* ewb_budget_take() */
			atomic {
				!locked ->
				had = len(asks) == 0 && left >= cap;
				if
				:: had -> left = left - cap
				:: !had && !queued && !granted ->
					queued = true;
					want = cap;
					asks ! ME
				:: else
				fi
			}
		fi;
		why = STARVED_ANY;
#if NOMEM
		/* ewb_chunk_take() */
		if
		:: had && !failed ->
			had = 0;
			failed = true;
			budget_give(cap);
#if BUG != 22
			why = STARVED_MEMORY
#endif
		:: true
		fi;
#endif
		if
		:: had -> use(cap); why = FED   /* SMALL or LARGE */
		:: !had && base -> base_home = false; use(BASE); why = FED
		:: else
		fi;
		had = 0
	fi;
	base = false
}

inline better() {
	if
	:: why == STARVED_HIGH -> had = held <= LOW
	:: why == STARVED_RING -> had = len(ring) < RING
	:: why == STARVED_ANY || why == STARVED_MEMORY ->
		had = granted;
		if
		:: !had -> had = need == 1 && base_home
		:: else
		fi
	fi
}

/* cookie/stream.c: starve().  Only if it does not help, it stays with why. */
inline starve() {
#if BUG == 2 || BUG == 3 || BUG == 4
	if
	:: why == BUG - 1 -> better(); if :: !had -> starved = why :: else fi
	:: else -> starved = why; better()
	fi;
#else
	starved = why;
	better();
#endif
#if BUG == 23
	had = 1;
#endif
	if
	:: had -> starved = FED; why = FED; had = 0; goto again
	:: else
	fi
}

bool failed = false;            /* there was no memory, once */
byte need = 0, cap = 0;         /* of the record to come; the task's own */

#define WANTED (DEAF || !cancelled)
#define MADE (record + (filling != NONE))

/* The function of the task: until it is done or waits (why is not FED). */
inline fill() {
	why = FED;
	do
#if !DEAF
	:: cancelled -> break
#endif
	:: WANTED && need == 0 && MADE == N -> break
	:: WANTED && need == 0 && MADE < N ->
		if
		:: need = 1; cap = 1
		:: need = 1; cap = 2    /* the reader keeps up */
#if OTHERS == 3
		:: doomed -> need = 2; cap = 2  /* there is never room for it */
#else
		:: need = 2; cap = 2
#endif
		fi
	:: WANTED && need ->
		/* ewb_stream_reserve() */
		if
		:: filling != NONE -> seal()    /* put_away() */
		:: else
		fi;
again:		fresh();
		if
		:: why != FED -> starve(); break
		:: else
		fi;
		/* ewb_stream_commit(); then perhaps ewb_stream_flush() */
		need = 0; cap = 0;
		if
		:: seal()
		:: true
		fi
	od
}

#if OWN

active proctype Worker() {
	byte why = FED, had = 0;
	bool base = false;

	job == QUEUED;
	do
	:: fill();
		if
		:: why == FED -> break
		:: else
		fi;
		if
		:: room -> room = false
#if !DEAF
		:: cancelled    /* by the engine's cancel() */
#endif
		fi
	od;
	atomic { armed = false; assert(!recycled) };    /* ewb_notify() */
	inbox ! LAST
}

#else

active [WORKERS] proctype Worker() {
	byte why = FED, had = 0;
	bool base = false;

end:	do
	:: atomic { job == QUEUED -> job = RUNNING; running++ };
		assert(running == 1 && !recycled);
		fill();
		if
		:: why != FED ->
			/* ewb_class_run(): parked, if it was not woken */
			atomic {
				why = FED;
				running--;
				if
#if BUG == 18
				:: job != IDLE -> job = PARKED
#else
				:: job == RUNNING -> job = PARKED
				:: job == WOKEN -> job = QUEUED
#endif
				fi
			}
		:: else ->
			/* finish(), ewb_task_finished(): the last touch */
#if BUG == 10
			atomic { armed = false; assert(!recycled) };
			inbox ! LAST;
			if
			:: filling != NONE -> seal()
			:: else
			fi;
			atomic { job = IDLE; running-- }
#else
			atomic { job = IDLE; running-- };
			atomic { armed = false; assert(!recycled) };
			inbox ! LAST
#endif
		fi
	od
}

#endif

#if OTHERS == 1

/* Has much of it, and gives it back some time. */
active proctype Other() {
	budget_give(OTHER_WANT)
}

#elif OTHERS == 2

/* Asks, and gives back what it has, or leaves the queue. */
active proctype Other() {
	atomic {        /* ewb_budget_take() */
		!locked ->
		if
		:: len(asks) == 0 && left >= OTHER_WANT ->
			left = left - OTHER_WANT;
			other_granted = true
		:: !(len(asks) == 0 && left >= OTHER_WANT) -> asks ! OTHER
		fi
	};
	if
	:: other_granted ->
		other_granted = false;
		budget_give(OTHER_WANT)
	:: true ->
		atomic {        /* ewb_budget_leave() */
			!locked ->
			locked = true;
			if
			:: other_granted ->
				other_granted = false;
				left = left + OTHER_WANT
			:: !other_granted -> asks ?? OTHER
			fi
		};
#if BUG == 16
		locked = false
#else
		serve_all()
#endif
	fi
}

#endif

/* The front end. */

/* cookie/stream.c: feed() */
inline feed() {
	kind = starved;
	if
	:: kind == STARVED_HIGH && held > LOW -> kind = FED
	:: else
	fi;
#if BUG == 14
	if
	:: kind == STARVED_ANY -> kind = FED
	:: else
	fi;
#endif
	if
	:: kind != FED ->
		atomic { kind = starved; starved = FED };
		if
		:: kind != FED -> call_producer()
		:: else
		fi
	:: else
	fi;
	kind = FED
}

/* ewb_stream_give() */
inline give(ch) {
#if BUG == 6
	feed();
	give_back(ch)
#else
	give_back(ch);
	feed()
#endif
}

/* Nobody reads: ewb_stream_pull() and ewb_stream_give(), until it is empty. */
inline drain() {
	do
	:: ring ? ch, number -> give(ch); ch = NONE; number = 0
	:: len(ring) == 0 -> break
	od
}

/* ewb_budget_leave() */
inline leave() {
	atomic {
		!locked ->
		locked = true;
		if
		:: queued -> queued = false; want = 0; asks ?? ME
		:: else
		fi;
		left = left + granted;
		granted = 0
	};
	serve_all()
}

/* ewb_cookie_cancel(): the task sees it, or has notified already.  That one
 * that has not begun is taken out is in cookie.pml. */
inline cancel() {
	atomic { cancelled = cancelled || armed };
#if !OWN && BUG != 17
	wake_job()
#endif
}

/* stream_moves(), as far as ewb_stream_full() goes: then it is given time */
#define STILL ((starved == FED || starved == STARVED_MEMORY) && held <= LOW)

active proctype FrontEnd() {
	byte kind = FED, ch = NONE, number = 0, expect = 0;
	bit letter = DATA;
	bool session = true, answered = false, done = false, first = false;
	bool touched = false;
	chan out = [HIGH + 1] of { byte };      /* the connection's output */

	if
#if !NOMEM
	:: doom = 0
#endif
	:: doom = 1
	:: doom = 2
	fi;
	doomed = doom > 0;
	job = QUEUED;

turn:	do
	:: inbox ? letter ->
		if
		:: letter == DATA -> goto deliver_data
		:: letter == LAST -> letter = DATA; goto deliver
		fi
	:: !first && session -> first = true; touched = true
	:: touched && first -> goto emit
	:: len(out) > 0 ->
		/* sent: stream_done(); a cookie that lingers is released */
		out ? ch;
		give(ch);
		ch = NONE;
		if
		:: done && len(out) == 0 && (answered || !touched) ->
			goto release
		:: else
		fi
	:: doom && session && !answered && armed && STILL -> goto expire
#if !NOMEM
	:: doom && !done && session -> goto gone
#endif
	od;

deliver_data:
	assert(!kept);
#if BUG != 1
	posted = false;
#endif
	if
	:: left_budget -> kept = true; goto over
	:: else
	fi;
#if OWN
	if
	:: granted -> call_producer()
	:: else
	fi;
#endif
	if
	:: session && !answered -> touched = true
	:: else ->
#if BUG != 13
		drain()
#endif
	fi;
#if BUG == 1
	if
	:: !touched -> posted = false
	:: else
	fi;
#endif
	goto turn;

emit:	/* ewb_order_emit(): it is the first of its connection */
	touched = false;
	if
	:: !answered ->
		do
		:: ring ? ch, number ->
			atomic {
				assert(number == expect);       /* in order */
				expect++;
				out ! ch;
				ch = NONE;
				number = 0
			}
		:: len(ring) == 0 -> break
		od
	:: else
	fi;
#if BUG == 1
	posted = false;
#endif
	if
	:: done ->
		if
		:: !answered && filling != NONE ->
			/* ewb_stream_last() */
			out ! filling;
			filling = NONE;
			record++;
			expect++
		:: else
		fi;
		assert(answered || expect == N);
		/* retire() */
		if
#if BUG == 7
		:: true -> goto release
#else
		:: len(out) == 0 -> goto release
		:: else
#endif
		fi
	:: else
	fi;
	goto turn;

deliver:
	/* its letter, LAST: all of the cookie is the front end's again */
	assert(running == 0 && !armed);
#if BUG != 21 && BUG != 8
	leave();                        /* ewb_stream_rest() */
	starved = FED;
#endif
	done = true;
	arg_gone = true;        /* run again, ended, its state destroyed */
	if
	:: !session -> goto release
	:: session && answered && len(out) == 0 && first -> goto release
	:: else -> touched = true
	fi;
	goto turn;

expire:	/* give_up(): cancelled and answered, though it is away */
	doom--;
	cancel();
	answered = true;
	touched = first;
#if BUG != 19
	drain();
#endif
	goto turn;

gone:	/* ewb_conn_close(): the output first, then ewb_cookie_abandon() */
	doom = 0;
	do
	:: out ? ch -> give(ch); ch = NONE
	:: len(out) == 0 -> break
	od;
	session = false;
	touched = false;
	cancel();
#if BUG != 19
	drain();
#endif
	goto turn;

release:
	/* ewb_stream_free() */
	do
	:: ring ? ch, number -> give_back(ch); ch = NONE; number = 0
	:: len(ring) == 0 -> break
	od;
	if
	:: filling != NONE ->
		ch = filling;
		give_back(ch);
		filling = NONE;
		ch = NONE
	:: else
	fi;
	assert(held == 0 && base_home);
#if BUG != 8
	leave();
#endif
#if OTHERS == 0
	assert(left == TOTAL);
#endif
	left_budget = true;
	recycled = true;
#if BUG != 9
	if
	:: posted ->                    /* kept when that letter is here */
		session = false;
		goto turn
	:: else
	fi;
#endif
	kept = true;

over:	assert(kept && !posted)
}
