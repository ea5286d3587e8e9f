/* SPDX-License-Identifier: BSD-2-Clause */
/* One at a time per key, for spin: cookie/keylock.c and those of
 * cookie/dispatch.c that use it.
 *
 * FRONTS front ends have a slot each, the first of which serves two commands,
 * one after the other; all are on one key.  A command that does not get the
 * lock is away until the letter comes that says it was passed on; its client
 * may go or its deadline pass before, while and after that happens.
 *
 * What is under the lock of a key is one step; what the code looks at without
 * it is a step of its own.  t/model/list.sh says what is planted for which BUG.
 */
#ifndef BUG
#define BUG 0
#endif
#ifndef FRONTS
#define FRONTS 3
#endif
#define COMMANDS(front) (front == 0 -> 2 : 1)

#define NOBODY FRONTS

/* struct ewb_keylock */
byte holder = NOBODY, first = NOBODY, last = NOBODY;

/* enum ewb_key_state, and what else a cookie has for it */
#define NONE 0
#define WAITING 1
#define GRANTED 2
#define HELD 3
byte state[FRONTS];
byte following[FRONTS];         /* keylock_next */
byte before[FRONTS];            /* keylock_prev */
bool turn[FRONTS];              /* its letter is in its inbox */

/* For the assertions alone. */
byte within = 0;                /* commands that have the key */
byte ncommand[FRONTS];

inline append(c) {
	following[c] = NOBODY;
	before[c] = last;
	if
	:: last != NOBODY -> following[last] = c
	:: else -> first = c
	fi;
	last = c
}

/* leave_queue() */
inline unlink(c) {
	if
	:: before[c] == NOBODY -> first = following[c]
	:: else -> following[before[c]] = following[c]
	fi;
	if
	:: following[c] != NOBODY ->
#if BUG != 7
		before[following[c]] = before[c]
#else
		skip
#endif
	:: else ->
#if BUG != 6
		last = before[c]
#else
		skip
#endif
	fi;
	following[c] = NOBODY;
	before[c] = NOBODY
}

/* ewb_cookie_take_key(): ewb_keylock_try(), then ewb_keylock_take() */
inline take() {
	atomic {
		if
		:: holder == NOBODY -> holder = me; state[me] = HELD
		:: else
		fi
	};
	if
	:: state[me] == HELD
	:: else ->
		atomic {
			if
			:: holder == NOBODY -> holder = me; state[me] = HELD
			:: else -> state[me] = WAITING; append(me)
			fi
		}
	fi
}

/* ewb_keylock_give() with pass_on() */
inline give() {
	if
	:: state[me] == NONE
	:: else ->
#if BUG == 1
		next = first;                   /* without the lock */
#endif
		atomic {
			assert(state[me] == HELD && holder == me);
#if BUG != 1
			next = first;
#endif
			holder = next;
			if
			:: next != NOBODY ->
				assert(state[next] == WAITING);
				unlink(next);
#if BUG == 4
				holder = NOBODY; /* whoever comes first */
#endif
				state[next] = GRANTED;
				was = ncommand[next]
			:: else
			fi;
			state[me] = NONE
		};
		if
		:: next != NOBODY ->
			/* it is still there: it waits for this */
			atomic {
				assert(ncommand[next] == was && !turn[next]);
				turn[next] = true;
				next = NOBODY;
				was = 0
			}
		:: else
		fi
	fi
}

/* ewb_keylock_leave() */
inline leave() {
	atomic {
#if BUG == 2
		ok = true;                      /* as it was when looked at */
#else
		ok = state[me] == WAITING;
#endif
		if
		:: state[me] == WAITING -> unlink(me)
		:: else
		fi;
		if
		:: ok -> state[me] = NONE
		:: else
		fi
	}
}

proctype FrontEnd(byte me) {
	byte next = NOBODY, was = 0;
	bool ok = false, unwanted, goes, expires;

command:
	atomic {
		assert(state[me] == NONE && !turn[me]);
		ncommand[me]++;
		unwanted = false;
		if
		:: goes = true
		:: expires = true
		:: true
		fi
	};
	/* run_mutation(), ewb_compose_run() */
	take();
	if
	:: state[me] == HELD -> goto held
	:: else
	fi;
	/* ran_unblocked(): which of the two it is, it is away */
	if
	:: state[me] == WAITING
	:: else -> assert(state[me] == GRANTED)
	fi;

away:	if
	:: turn[me] -> turn[me] = false
	:: expires -> goto expire
	:: goes -> goto gone
	fi;
	/* deliver_turn() */
	assert(state[me] == GRANTED);
	state[me] = HELD;
	if
	:: unwanted -> goto home        /* settle() */
	:: else
	fi;

held:	/* its get and its store, perhaps away in between: whoever goes
	 * then, it is the key's until it is home */
	assert(holder == me);
	atomic { within++; assert(within == 1) };
	within--;

home:	/* drop_holdings() */
#if BUG == 3
	if
	:: unwanted -> state[me] = NONE; goto over
	:: else
	fi;
#endif
	give();

over:	/* recycled */
	atomic {
		ok = false;
		goes = false;
		expires = false
	};
	if
	:: ncommand[me] < COMMANDS(me) -> goto command
	:: else -> goto end
	fi;

expire:	/* give_up() */
	expires = false;
	if
	:: state[me] == GRANTED -> goto away    /* its letter is the answer */
	:: else
	fi;
	if
	:: state[me] == WAITING ->
		leave();
		if
		:: ok -> goto over
		:: else -> goto away
		fi
	:: else -> unwanted = true; goto away   /* just now; answer_away() */
	fi;

gone:	/* ewb_cookie_abandon() */
	goes = false;
	unwanted = true;
	if
	:: state[me] == WAITING ->
		leave();
		if
		:: ok -> goto over
		:: else
		fi
	:: else
	fi;
#if BUG == 5
	goto over;                              /* not wanted any more */
#endif
	goto away;

end:	skip
}

byte next_front;

init {
	atomic {
		next_front = 0;
		do
		:: next_front < FRONTS ->
			following[next_front] = NOBODY;
			before[next_front] = NOBODY;
			run FrontEnd(next_front);
			next_front++
		:: else -> break
		od
	};
	/* all have ended: ewb_keylocks_fini() */
	_nr_pr == 1;
	assert(holder == NOBODY && first == NOBODY && last == NOBODY)
}
