#!/bin/sh
# What reads a clock, waits for a time or makes a thread does it by lib/clock.h
# and lib/pool.h, which a test can step.
set -u
calls='clock_gettime|gettimeofday|time|nanosleep|clock_nanosleep|usleep|sleep'
calls="$calls|pthread_cond_timedwait|sem_timedwait|timer_create|timerfd_create"
calls="$calls|pthread_create|thrd_create|fork|ev_now|ev_time|ev_sleep|ev_timer_init"
# Those that are the interface; the loop of its owner's, and his wait for a stop;
# an engine that is there to sleep; a filter whose threads are to be at odds, and
# whose cursors wait where they are; the end of a library's threads, at close.
out=$(cd "$srcdir" && grep -nE "(^|[^a-z_>.])($calls)\(" \
    lib/*.c protocol/*.c cookie/*.c scan/*.c frontend/*.c engines/*/*.c filters/*.c \
    filters/*/*.c |
    grep -vE '^(lib/clock|lib/worker|frontend/front|frontend/server)\.c:' |
    grep -v '^engines/slow-blocking/' |
    grep -v '^engines/rocksdb/db.c:.*usleep(END_US)' |
    grep -v '^filters/wouldblock/ways.c:.*pthread_create' |
    grep -v '^filters/wouldblock/scans.c:.*nanosleep')
[ -z "$out" ] || { echo "not to be stepped by a test:"; echo "$out"; exit 1; }
