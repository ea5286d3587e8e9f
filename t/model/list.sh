# What t/model.sh lets spin search; see there for the four words.  First what
# there is of each model, then the bugs that are planted in it.

# The slot, its word, the inbox: a thread of the engine's and a stray one; a
# thread that asks for cancels; the same with tasks of the pool.
holds cookie -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
holds cookie -DASKS=2 -DTICKETS=2
holds cookie -DOFFLOAD=1 -DASKS=1 -DTICKETS=2 -DWORKERS=1
holds cookie -DSTRAY=1
ends cookie -DSTRAY=1 -DTICKETS=2

# The stream: alone; with a budget that is given back, or asked for, or never
# given back by another one; with a thread of the engine's; with a task that
# does not look whether it was cancelled; without memory.
holds stream -DOTHERS=2 -DN=2 -DWORKERS=1
holds stream -DOTHERS=1 -DN=2
holds stream -DOTHERS=3 -DWORKERS=1
holds stream
holds stream -DOWN=1
holds stream -DOWN=1 -DOTHERS=1 -DN=2
holds stream -DDEAF=1 -DWORKERS=1
holds stream -DDEAF=1 -DOWN=1
holds stream -DNOMEM=1 -DN=2
ends stream -DN=2

# The lock of a key: three front ends.
holds keylock
ends keylock -DFRONTS=2

# ewb_notify() looks at the word, then stores it
breaks cookie -DBUG=1 -DSTRAY=1
# a block leaves the generation as it is
breaks cookie -DBUG=2 -DSTRAY=1
# the slot is free when its client has gone, though its ticket is out
breaks cookie -DBUG=3 -DSTRAY=1
# ewb_inbox_post() looks at asleep before the letter is in
breaks cookie -DBUG=4 -DSTRAY=1
# ewb_inbox_sleep() looks for letters before it says that it sleeps
breaks cookie -DBUG=5 -DSTRAY=1
# a slot is recycled though ASKED is set
breaks cookie -DBUG=6 -DASKS=2 -DTICKETS=2
# ewb_inbox_fini() does not wait for those inside
breaks cookie -DBUG=7 -DSTRAY=1
# a block forgets ASKED
breaks cookie -DBUG=8 -DASKS=2 -DTICKETS=2
# an offload does not mark the reply as being filled
breaks cookie -DBUG=9 -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
# the pool calls finished() before the job is IDLE
breaks cookie -DBUG=10 -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
# a task that is taken out is not ended
breaks cookie -DBUG=11 -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
# a task that parks does not see that it was woken
breaks cookie -DBUG=12 -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
# a cancel takes out what runs
breaks cookie -DBUG=13 -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
# a cancel does not wake what runs
breaks cookie -DBUG=14 -DOFFLOAD=1 -DSTRAY=1 -DTICKETS=2
# what was answered while it was away is run again
breaks cookie -DBUG=15 -DSTRAY=1
# deliver_ask() recycles what was not released
breaks cookie -DBUG=16 -DASKS=2 -DTICKETS=2
# asked_word is a plain one, written by who has set ASKED
breaks cookie -DBUG=17 -DASKS=2 -DTICKETS=2
# an ask is refused while the letter of an earlier block's is on its way
breaks cookie -DBUG=18 -DASKS=2 -DTICKETS=2
# ... or left to that letter, which does not know of it
breaks cookie -DBUG=19 -DASKS=2 -DTICKETS=2
# ewb_inbox_post() is inside only after the letter is in
breaks cookie -DBUG=20 -DSTRAY=1
# an ask cancels whatever block it meets
breaks cookie -DBUG=21 -DASKS=2 -DTICKETS=2

# posted is cleared after the ring was emptied
breaks stream -DBUG=1
# starve() looks before it says that it waits: for the low mark
breaks stream -DBUG=2
# ... for a place in the ring
breaks stream -DBUG=3
# ... for the base or the budget
breaks stream -DBUG=4 -DOTHERS=1 -DN=2
# the budget looks who waits before it stores what it granted
breaks stream -DBUG=5 -DOTHERS=1 -DN=2
# ewb_stream_give() looks who waits before it gives back
breaks stream -DBUG=6
# a cookie is released though chunks of it are in the output
breaks stream -DBUG=7
# a stream is freed and stays in the budget's queue
breaks stream -DBUG=8 -DOTHERS=1 -DN=2
# a stream's memory is kept for use again though its letter is on its way
breaks stream -DBUG=9 -DOWN=1 -DOTHERS=1 -DN=2
# the last chunk is sealed after the notify
breaks stream -DBUG=10
# fresh() does not look whether the ring is full
breaks stream -DBUG=11
# ... nor whether the high mark is reached
breaks stream -DBUG=12
# deliver_data() leaves in the ring what nobody reads
breaks stream -DBUG=13 -DDEAF=1
# feed() does not wake who waits for its base
breaks stream -DBUG=14 -DOTHERS=3
# a grant of another size than is needed now is not given back
breaks stream -DBUG=15 -DOTHERS=1
# ewb_budget_leave() does not serve the next
breaks stream -DBUG=16 -DOTHERS=2 -DN=2
# a cancel does not wake what is parked
breaks stream -DBUG=17 -DOTHERS=3
# a task that parks does not see that it was woken
breaks stream -DBUG=18
# what is in the ring when nobody reads any more stays there
breaks stream -DBUG=19 -DDEAF=1
# post() looks at posted, then stores it
breaks stream -DBUG=20 -DOWN=1 -DOTHERS=1 -DN=2
# a stream at home is still hungry, and wake() is called when its arg is gone
breaks stream -DBUG=21 -DOWN=1
# a producer waits for the budget when it was memory that there was none of
breaks stream -DBUG=22 -DNOMEM=1
# starve() always finds that it is better now
spins stream -DBUG=23 -DN=2

# ewb_keylock_give() looks who is next without the lock
breaks keylock -DBUG=1
# ewb_keylock_leave() believes what was seen without the lock
breaks keylock -DBUG=2
# what was passed on to a command that nobody wants any more is not given
breaks keylock -DBUG=3
# the lock is free until the next one takes it
breaks keylock -DBUG=4
# who was granted the lock goes without waiting for the letter
breaks keylock -DBUG=5
# leave_queue() forgets that it was the last
breaks keylock -DBUG=6
# ... or that the next one has another before it now
breaks keylock -DBUG=7
