/* SPDX-License-Identifier: BSD-2-Clause */
/* One slot, from the first command that it serves to the end of its dispatch,
 * for spin: cookie/cookie.c, dispatch.c, away.c, overdue.c, task.c and lib/inbox.c.
 *
 *   FrontEnd   cookie/dispatch.c and the front end's loop
 *   Worker     whoever has the ticket: a thread of the engine's, or with
 *              -DOFFLOAD=1 two of the pool's
 *   Stray      notifies with a ticket that is not its to use, at any time from
 *              when it can know it, also long after
 *   Asker      ewb_ticket_cancel() from a thread that is neither
 *
 * The slot serves COMMANDS commands, which block TICKETS times in all; the
 * client of each may go and its deadline pass at any moment.  One statement is
 * one atomic operation of the C code, or something that one thread does with
 * what is its own at that time.  A loop around a compare-and-swap is one
 * statement: it is what happens when it succeeds.
 *
 * That every accepted notify is delivered, every command released once and the
 * dispatch torn down in the end needs no formula: spin reports who waits for
 * ever, and there is no way to go round for ever.
 *
 * Not in here: weaker orders than sequential consistency, the inbox's list,
 * strands, sleeping tasks, children, the lock of a key (keylock.pml), streams
 * (stream.pml).  t/model/list.sh says what is planted for which BUG.
 */
#ifndef BUG
#define BUG 0
#endif
#ifndef COMMANDS
#define COMMANDS 2
#endif
#ifndef TICKETS
#define TICKETS 3
#endif
#ifndef ASKS
#define ASKS 0
#endif
#ifndef STRAY
#define STRAY 0
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef OFFLOAD
#define OFFLOAD 0
#endif

/* The word: several variables, always read and written in one step. */
byte gen = 0;
bool armed = false, notified = false, cancelled = false, asked = false;
byte asked_word = 0;            /* the newest block that somebody asked for */

bool filling = false;

/* The inbox.  Its stack is taken whole and turned round: a queue. */
#define NOTICE 1 /* c->letter */
#define ASK 2    /* c->ask */
chan inbox = [2] of { byte };
bool asleep = false, wake = false;
byte inside = 0;

/* The job of c->task. */
#define IDLE 0
#define QUEUED 1
#define RUNNING 2
#define WOKEN 3
#define PARKED 4
byte job = IDLE;
bool batch = false;             /* d->batch: for the pool at the turn's end */
byte runs = 0;
byte doom = 0;                  /* to come: a deadline, a client that goes */

chan tickets = [1] of { byte }; /* to the engine's thread */
byte known = 0;                 /* the ticket, as others may have heard of it */

/* For the assertions alone. */
#define NOBODY 0
#define FRONT 1
#define BACK 2
byte owner = NOBODY;            /* of the lent part */
bool alive = true;              /* the dispatch */
byte ncommand = 0;
bool told = false;              /* the engine, that this block is cancelled */
bool reading = false;           /* deliver_ask() looks at asked_word */
byte wanted = 0;                /* an ask that left it to an earlier letter */

/* lib/inbox.c: ewb_inbox_post().  Each touch wants the dispatch to be there. */
inline post(letter) {
#if BUG == 4
	saw = asleep;
#endif
	atomic {
		assert(alive && !(inbox ?? [eval(letter)]));
#if BUG != 20
		inside++;
#endif
		inbox ! letter
	};
#if BUG == 20
	atomic { assert(alive); inside++ };
#endif
#if BUG == 4
	if
	:: saw -> atomic { asleep = false; wake = true }
	:: else
	fi;
#else
	if
	:: atomic { asleep -> asleep = false };
		atomic { assert(alive); wake = true }
	:: atomic { !asleep -> assert(alive) }
	fi;
#endif
	atomic { assert(alive); inside-- }
}

/* cookie/cookie.c: ewb_notify_filled(), which begins with win(). */
inline notify_filled(t, won) {
#if BUG == 1
	won = gen == t && armed;
	if
	:: won -> armed = false; notified = true; owner = FRONT
	:: else
	fi;
#else
	atomic {
		won = gen == t && armed;
		if
		:: won -> armed = false; notified = true; owner = FRONT
		:: else
		fi
	};
#endif
	if
	:: won ->
		filling = false;
		post(NOTICE)
	:: else                         /* EWB_STALE: blame() and no more */
	fi
}

/* cookie/cookie.c: ewb_notify() */
inline notify(t, won) {
	won = false;
	if
	:: gen == t && armed ->
		if
		:: filling              /* EWB_FILLING: it waits on */
		:: else -> notify_filled(t, won)
		fi
	:: else
	fi
}

#if !OFFLOAD

/* A thread of the engine's: fills the reply (ewb_reply_*() sets the mark),
 * notifies, and has nothing to do with the cookie after. */
active proctype Worker() {
	byte t;
	bool won, saw;
end:	do
	:: tickets ? t ->
		atomic { assert(owner == BACK); filling = true };
		atomic { assert(owner == BACK); filling = false };
		assert(owner == BACK);
		known = t;
		notify(t, won);
		t = 0
	od
}

#else

/* lib/class.c: ewb_class_take(), ewb_class_run().  What is done under the
 * class's lock is one step. */
active [WORKERS] proctype Worker() {
	byte t;
	bool won, saw;
end:	do
	:: atomic { job == QUEUED -> job = RUNNING };
		/* cookie/task.c: ewb_task_run() */
		t = gen;
		known = t;
		if
		:: cancelled            /* call_on_pool(): not done at all */
		:: !cancelled && doom ->
			/* parks until it is cancelled: nobody else wakes it */
			runs = 1;
			atomic {
				if
#if BUG == 12
				:: job != IDLE -> job = PARKED
#else
				:: job == RUNNING -> job = PARKED
				:: job == WOKEN -> job = QUEUED
#endif
				fi;
				t = 0
			};
			goto end
		:: !cancelled ->
			assert(owner == BACK);
			assert(owner == BACK)
		fi;
		/* finish(): IDLE, then ewb_task_finished(), whose notify is the
		 * last touch */
#if BUG == 10
		notify_filled(t, won);
		assert(won);
		job = IDLE;
#else
		job = IDLE;
		notify_filled(t, won);
		assert(won);
#endif
		won = false;
		t = 0
	od
}

#endif

#if STRAY
active proctype Stray() {
	byte t = 0;
	bool won = false, saw;
end:	known != 0;
	t = known;
	notify(t, won)
}
#endif

/* cookie/cookie.c: ewb_ticket_cancel().  A letter that is on its way already,
 * for this block or for an earlier one, will do: who delivers it looks at
 * asked_word after it has cleared ASKED. */
#if ASKS
active proctype Asker() {
	byte t = 0, asks = 0, was;
	bool won, saw;
end:	do
	:: asks < ASKS && known != 0 ->
		asks++;
		t = known;
		if
		:: !(gen == t && armed) -> goto next            /* EWB_STALE */
		:: else
		fi;
#if BUG < 17 || BUG > 19
		atomic {        /* it only grows */
			if
			:: asked_word < t -> asked_word = t
			:: else
			fi
		};
#endif
		atomic {
			won = gen == t && armed && !asked;
			if
			:: won -> asked = true; was = ncommand
			:: !won && gen == t && armed ->
#if BUG == 18
				assert(asked_word == t);        /* EWB_STALE */
#endif
				wanted = t                      /* EWB_OK */
			:: else
			fi
		};
		if
		:: won ->
#if BUG >= 17 && BUG <= 19
			/* the slot waits for us: but who reads it now? */
			atomic {
#if BUG == 17
				assert(!reading);
#endif
				assert(ncommand == was);
				asked_word = t
			};
#endif
			assert(ncommand == was);
			won = false;
			was = 0;
			post(ASK)
		:: else
		fi;
next:		t = 0
	:: asks == ASKS -> break
	od
}
#endif

/* cookie/cookie.c: ewb_cookie_cancel() with flag_cancelled(); cookie/task.c:
 * ewb_task_cancel(). */
inline cancel() {
	atomic {
		flagged = armed && !cancelled;
		if
		:: flagged -> cancelled = true
		:: else
		fi
	};
	if
	:: flagged ->
		/* the engine's cancel(), which gets no cookie */
		assert(!told);
		told = true;
#if OFFLOAD
		atomic {        /* leave_batch(), ewb_pool_cancel() */
#if BUG == 13
			out = batch || job != IDLE;
#else
			out = batch || job == QUEUED || job == PARKED;
#endif
			if
			:: out -> job = IDLE; batch = false
			:: else
			fi
		};
		if
		:: out && runs -> atomic { assert(job == IDLE); job = QUEUED }
		:: out && !runs ->
#if BUG != 11
			notify_filled(gen, out)
#else
			skip            /* nobody ends it */
#endif
		:: else ->
#if BUG != 14
			atomic {        /* ewb_pool_wake() */
				if
				:: job == RUNNING -> job = WOKEN
				:: job == PARKED -> job = QUEUED
				:: else
				fi
			}
#else
			skip
#endif
		fi;
		out = false
#endif
	:: else
	fi;
	flagged = false
}

/* expire() of cookie/overdue.c; the letter of a notify would be the answer */
#define DUE (doom && away && session && !answered && !notified)

active proctype FrontEnd() {
	byte letter, replies;
	bool session, away, done, answered;
	bool in_place, flagged, out, saw;
	bool released;                  /* for the assertions alone */

take:	/* ewb_cookie_take() */
	atomic {
		assert(!armed && !notified && !asked && job == IDLE && !batch);
		ncommand++;
		owner = FRONT;
		session = true;
		away = false; done = false; answered = false; in_place = false;
		replies = 0; released = false;
		if
		:: doom = 0
		:: doom = 1
		:: doom = 2
		fi
	};

rerun:	/* ewb_cookie_rerun() */
	assert(owner == FRONT && !armed && !notified && !done);
	if
	:: gen < TICKETS ->
		/* ewb_cookie_block_for(): nobody else changes an unarmed word,
		 * but for the letter of an earlier ask */
		atomic {
#if BUG != 2
			gen++;
#else
			gen = ncommand;         /* one for the whole command */
#endif
			armed = true;
			told = false;
#if BUG == 8
			asked = false;
#endif
			owner = BACK
		};
#if OFFLOAD
		/* offload() of cookie/task.c */
#if BUG != 9
		filling = true;
#endif
		runs = 0;
		assert(job == IDLE && !batch);
		batch = true;
#else
		tickets ! gen;          /* it may be notified from here on */
#endif
		away = true                     /* go_away() */
	:: true ->
		/* ewb_cookie_finish(); the desk answers and gives it back */
		done = true;
		replies++;
		goto release
	fi;

turn:	do
	:: atomic { inbox ? letter -> assert(alive) };
		if
		:: letter == ASK -> goto deliver_ask
		:: letter == NOTICE -> goto deliver
		fi
	:: DUE -> goto expire
	:: doom && away && session -> goto gone
	:: in_place -> in_place = false; goto release   /* it is first now */
	:: len(inbox) == 0 -> break
	od;
#if OFFLOAD
	/* ewb_dispatch_submit() */
	if
	:: batch -> batch = false; atomic { assert(job == IDLE); job = QUEUED }
	:: else
	fi;
#endif
	/* lib/inbox.c: ewb_inbox_sleep() */
#if BUG == 5
	if
	:: len(inbox) > 0 -> goto turn
	:: else
	fi;
	asleep = true;
#else
	asleep = true;
	if
	:: len(inbox) > 0 -> asleep = false; goto turn
	:: else
	fi;
#endif
	/* the loop waits; ewb_inbox_awake() */
	if
	:: wake -> wake = false; asleep = false; goto turn
	:: DUE -> asleep = false; goto expire
	:: doom && away && session -> asleep = false; goto gone
	:: in_place -> asleep = false; in_place = false; goto release
	fi;

deliver:
	atomic {
		assert(notified);
		notified = false;
		cancelled = false;
		assert(owner == FRONT);
		letter = 0
	};
	assert(away);
	away = false;                           /* come_home() */
	if
#if BUG == 15
	:: !session -> goto settle
#else
	:: answered || !session -> goto settle  /* unwanted() */
#endif
	:: else ->
		if
		:: goto rerun
		:: done = true; replies++; goto release /* not EWB_OK */
		fi
	fi;

settle:	done = true;
	if
	:: session -> in_place = true; goto turn /* its answer waits its turn */
	:: true -> goto release
	fi;

deliver_ask:
	letter = 0;
	asked = false;
	if
#if BUG == 16
	:: done && !away && answered -> goto recycle
#else
	:: done && !session && !away && answered -> goto recycle
#endif
	:: else
	fi;
	reading = true;
	flagged = gen == asked_word;
	reading = false;
	if
#if BUG == 21
	:: true ->
#else
	:: flagged ->
#endif
		assert(gen == asked_word || !armed);
		cancel()
	:: else
	fi;
	assert(wanted != gen || !armed || cancelled || asked);
	goto turn;

expire:	/* give_up(); it may have been notified by now */
	doom--;
	cancel();
	answered = true;                                /* answer_away() */
	done = true;
	replies++;
	goto turn;

gone:	/* ewb_cookie_abandon() */
	doom = 0;
	session = false;
#if BUG == 3
	done = true;
	away = false;
	goto release;
#endif
	if
	:: !answered -> cancel()
	:: else
	fi;
	goto turn;

release:
	/* ewb_cookie_release() */
	assert(done && !away && owner == FRONT);
	assert(!session || replies == 1);
	assert(replies <= 1 && !armed && !notified);
	session = false;
	doom = 0;
	assert(!released);
	released = true;
#if BUG == 6
	goto recycle;
#endif
	if
	:: asked -> answered = true; goto turn  /* deliver_ask() recycles it */
	:: else
	fi;

recycle:
	assert(released && owner == FRONT);
	owner = NOBODY;
	if
	:: ncommand < COMMANDS -> goto take
	:: else
	fi;

	/* ewb_dispatch_fini() with ewb_inbox_fini(): none is in use */
	assert(len(inbox) == 0);
#if BUG != 7
	inside == 0;
#endif
	alive = false
}
