/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cookie/stream.h"
#include "frontend/bucket.h"
#include "frontend/flush.h"
#include "frontend/front.h"
#include "frontend/login.h"
#include "frontend/reload.h"
#include "frontend/users.h"
#include "lib/check.h"

/* After the grace: how long what was cancelled has to be notified, before it
 * is called an orphan. */
#define LAST_WORDS_US 5000000u
/* And how much longer front ends have that only need a processor. */
#define STARVED_US 60000000u

void
ewb_server_defaults(struct ewb_server_options *o)
{
	*o = (struct ewb_server_options){
		.size = sizeof *o,
		.vbuckets = 64,
		.pool = { [EWB_READER] = { .threads = 2 },
		          [EWB_WRITER] = { .threads = 1 },
		          [EWB_AUX] = { .threads = 1,
		                        .schedule = EWB_SCHED_IDLE } },
		.max_cookies = ewb_limits_default.max_cookies,
		.deadline_ms = ewb_limits_default.deadline_ms,
		.in_flight = 128,
		.high = ewb_limits_default.high,
		.low = ewb_limits_default.low,
		.buffer_memory = ewb_limits_default.buffer_memory,
		.max_item = ewb_limits_default.max_item,
		.max_unread = 4u << 20,
		.max_connections = 1024,
		.requests_per_turn = 256,
		.no_progress_s = 60,
		.auth_timeout_s = 30,
	};
}

static void
set_limits(const struct ewb_server_options *o, struct ewb_limits *l)
{
	*l = ewb_limits_default;
	l->max_cookies = o->max_cookies;
	l->max_pinned = o->buffer_memory;
	l->deadline_ms = o->deadline_ms;
	l->high = o->high;
	l->low = o->low;
	l->buffer_memory = o->buffer_memory;
	l->max_item = o->max_item;
}

static void
set_classes(const struct ewb_server_options *o,
            struct ewb_class_options c[EWB_POOL_CLASSES])
{
	static const char *const names[] = { "reader", "writer", "aux" };

	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		c[i] = (struct ewb_class_options){
			.name = names[i],
			.threads = o->pool[i].threads,
			.policy = (enum ewb_policy)o->pool[i].schedule,
			.nice = o->pool[i].nice,
		};
}

/* What cannot work; null: nothing. */
static const char *
fault(const struct ewb_server_options *o)
{
	if (o->vbuckets < 1 || o->vbuckets > 1024)
		return "vbuckets: 1 to 1024";
	if (o->high < 16384 || o->low > o->high / 2)
		return "marks of a stream: high 16k or more, low at most half "
		       "of it";
	if (o->buffer_memory < o->high)
		return "buffer memory: the high mark or more";
	if (o->in_flight < 1 || o->max_connections < 1 ||
	    o->requests_per_turn < 1 || o->max_unread < 4096)
		return "limits: in-flight, connections and requests-per-turn 1 "
		       "or more, max-unread 4k or more";
	if (o->max_item < 1 || o->max_item > 1u << 30)
		return "largest item: 1 byte to 1G";
	return NULL;
}

static int
refused(const struct ewb_server_options *o, char *why, size_t nwhy)
{
	const char *wrong = fault(o);

	if (wrong)
		snprintf(why, nwhy, "%s", wrong);
	else if (o->buffer_memory < ewb_stream_needs(o->max_item))
		snprintf(why, nwhy,
		         "buffer memory: %zu or more, for an item of %llu",
		         ewb_stream_needs(o->max_item),
		         (unsigned long long)o->max_item);
	else
		return 0;
	return 1;
}

struct ewb_server *
ewb_server_new(const struct ewb_server_options *o, char *why, size_t nwhy)
{
	struct ewb_class_options classes[EWB_POOL_CLASSES];
	struct ewb_limits limits;
	struct ewb_server *s;
	char text[EWB_LOG_TEXT];
	int err;

	if (refused(o, why, nwhy))
		return NULL;
	s = calloc(1, sizeof *s);
	if (s == NULL) {
		snprintf(why, nwhy, "server: out of memory");
		return NULL;
	}
	memcpy(&s->o, o, o->size < sizeof s->o ? o->size : sizeof s->o);
	set_limits(o, &limits);
	set_classes(o, classes);
	err = ewb_core_init(&s->core, &limits, classes, o->vbuckets);
	if (err) {
		snprintf(why, nwhy, "background threads: %s",
		         ewb_log_text(text, strerror(-err)));
		free(s);
		return NULL;
	}
	s->magic = EWB_SERVER_MAGIC;
	s->core.log = (struct ewb_log){ .level = o->verbose,
		                        .write = o->log,
		                        .arg = o->log_arg };
	s->started_at = ewb_clock_us(&s->core.clock);
	EWB_MUST0(pthread_mutex_init(&s->lock, NULL));
	EWB_MUST0(pthread_cond_init(&s->stopped, NULL));
	ewb_commands_basic(&s->core);
	ewb_front_commands(s);
	ewb_flush_command(s);
	ewb_login_commands(s);
	ewb_bucket_commands(s);
	if (ewb_bucket_init(s, why, nwhy) || ewb_reload_command(s, why, nwhy)) {
		ewb_server_free(s);
		return NULL;
	}
	return s;
}

static int
has_engine(const struct ewb_server *s, const char *another, char *why,
           size_t nwhy)
{
	if (s->instance)
		snprintf(why, nwhy, "engine %s: the server has one already: %s",
		         another, s->instance->host.name);
	return s->instance != NULL;
}

int
ewb_server_has_engine(struct ewb_server *s)
{
	int has;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	has = s->instance != NULL;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return has;
}

static int
lacks_engine(const struct ewb_server *s, const char *filter, char *why,
             size_t nwhy)
{
	if (s->instance == NULL)
		snprintf(why, nwhy, "filter %s: the server has no engine yet",
		         filter);
	return s->instance == NULL;
}

/* i: the new outermost; null: it failed, and leaves no trace. */
static int
opened(struct ewb_server *s, struct ewb_instance *i)
{
	if (i)
		s->instance = i;
	else
		ewb_plan_pop(&s->plan);
	return i ? 0 : -1;
}

static int
note(struct ewb_server *s, const char *what, const char *dir,
     const struct ewb_engine *here, const struct ewb_setting *settings,
     size_t n, char *why, size_t nwhy)
{
	if (ewb_plan_add(&s->plan, what, dir, here, settings, n) == 0)
		return 0;
	snprintf(why, nwhy, "%s: out of memory", what ? what : here->name);
	return -1;
}

int
ewb_server_engine(struct ewb_server *s, const char *what, const char *dir,
                  const struct ewb_setting *settings, size_t n, char *why,
                  size_t nwhy)
{
	if (has_engine(s, what, why, nwhy) ||
	    note(s, what, dir, NULL, settings, n, why, nwhy))
		return -1;
	return opened(s, ewb_instance_load(&s->core, what, dir, settings, n,
	                                   why, nwhy));
}

int
ewb_server_engine_here(struct ewb_server *s, const struct ewb_engine *e,
                       const struct ewb_setting *settings, size_t n, char *why,
                       size_t nwhy)
{
	if (has_engine(s, e->name ? e->name : "(no name)", why, nwhy) ||
	    note(s, NULL, NULL, e, settings, n, why, nwhy))
		return -1;
	return opened(s, ewb_instance_open(&s->core, e, settings, n, why,
	                                   nwhy));
}

int
ewb_server_filter(struct ewb_server *s, const char *what, const char *dir,
                  const struct ewb_setting *settings, size_t n, char *why,
                  size_t nwhy)
{
	if (lacks_engine(s, what, why, nwhy) ||
	    note(s, what, dir, NULL, settings, n, why, nwhy))
		return -1;
	return opened(s, ewb_filter_load(&s->core, s->instance, what, dir,
	                                 settings, n, why, nwhy));
}

int
ewb_server_filter_here(struct ewb_server *s, const struct ewb_engine *e,
                       const struct ewb_setting *settings, size_t n, char *why,
                       size_t nwhy)
{
	if (lacks_engine(s, e->name ? e->name : "(no name)", why, nwhy) ||
	    note(s, NULL, NULL, e, settings, n, why, nwhy))
		return -1;
	return opened(s, ewb_filter_open(&s->core, s->instance, e, settings, n,
	                                 why, nwhy));
}

int
ewb_server_users(struct ewb_server *s, const char *path, char *why, size_t nwhy)
{
	if (s->users == NULL)
		s->users = ewb_users_new();
	if (s->users)
		return ewb_users_read(s->users, path, why, nwhy);
	snprintf(why, nwhy, "users %s: out of memory", path);
	return -1;
}

struct ewb_core *
ewb_server_core(struct ewb_server *s)
{
	return &s->core;
}

void
ewb_server_log(struct ewb_server *s, const char *fmt, ...)
{
	char line[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	ewb_log(&s->core.log, EWB_LOG_ERROR, "%s", line);
}

void
ewb_server_stop_begin(struct ewb_server *s, uint32_t grace_ms)
{
	EWB_LIVE(s, EWB_SERVER_MAGIC);
	if (atomic_exchange(&s->stopping, 1))
		return;
	atomic_store(&s->grace_ms, grace_ms);
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	s->busy_at = ewb_clock_us(&s->core.clock) + grace_ms * 1000ull +
	             LAST_WORDS_US;
	/* the first one accepts connections: it tells the others */
	if (s->nfronts)
		ewb_inbox_post(&s->fronts[0]->d.inbox,
		               &s->fronts[0]->stop_letter);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

/* Under the lock. */
static enum ewb_status
stopped_status(struct ewb_server *s)
{
	uint64_t now = ewb_clock_us(&s->core.clock);

	if (s->nstopped == s->nfronts)
		return EWB_OK;
	if (now <= s->busy_at)
		return EWB_WOULDBLOCK;
	return atomic_load(&s->core.cookies) || now > s->busy_at + STARVED_US ?
	               EWB_BUSY :
	               EWB_WOULDBLOCK;
}

enum ewb_status
ewb_server_stopped(struct ewb_server *s)
{
	enum ewb_status status;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	status = stopped_status(s);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return status;
}

static void
say_busy(struct ewb_server *s)
{
	unsigned long long n = atomic_load(&s->core.cookies);

	if (n)
		ewb_log(&s->core.log, EWB_LOG_ERROR,
		        "engine %s: %llu commands were not notified in the "
		        "grace; it is not closed",
		        s->instance->host.name, n);
	else
		ewb_log(&s->core.log, EWB_LOG_ERROR,
		        "engine %s: it is not closed: %u front ends did not end",
		        s->instance->host.name, s->nfronts - s->nstopped);
}

enum ewb_status
ewb_server_stop(struct ewb_server *s, uint32_t grace_ms)
{
	enum ewb_status status;
	struct timespec until;

	ewb_server_stop_begin(s, grace_ms);
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	while ((status = stopped_status(s)) == EWB_WOULDBLOCK) {
		/* woken by the last front end, or to look at the time */
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		(void)pthread_cond_timedwait(&s->stopped, &s->lock, &until);
	}
	/* under the lock: a reload may hang, too */
	if (status == EWB_BUSY)
		say_busy(s);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return status;
}

int
ewb_server_admit(struct ewb_server *s)
{
	uint32_t n = atomic_load(&s->connections);

	while (n < s->o.max_connections)
		if (atomic_compare_exchange_weak(&s->connections, &n, n + 1))
			return 1;
	return 0;
}

uint64_t
ewb_server_sum(const struct ewb_server *s, enum ewb_counter i)
{
	/* relaxed: who has read one before, and let go of the lock, is followed
	 * by who has it now: so no later sum is less */
	uint64_t sum = atomic_load_explicit(&s->past.at[i],
	                                    memory_order_relaxed);

	for (unsigned f = 0; f < s->nfronts; f++)
		if (s->fronts[f])
			sum += atomic_load_explicit(
				&s->fronts[f]->d.counters.at[i],
				memory_order_relaxed);
	return sum;
}

void
ewb_server_retire(struct ewb_server *s, struct ewb_front *f)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	s->fronts[f->index] = NULL;
	for (unsigned i = 0; i < EWB_NCOUNTERS; i++)
		ewb_count_n(&s->past, (enum ewb_counter)i,
		            atomic_load(&f->d.counters.at[i]));
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

void
ewb_server_free(struct ewb_server *s)
{
	char why[256];

	EWB_LIVE(s, EWB_SERVER_MAGIC);
	for (unsigned i = 0; i < s->nfronts; i++)
		EWB_MUST(s->fronts[i] == NULL); /* ewb_front_free() was called */
	for (unsigned i = 0; i < s->nlisteners; i++) {
		if (s->listeners[i].fd < 0)
			continue;
		close(s->listeners[i].fd);
		if (s->listeners[i].path[0])
			unlink(s->listeners[i].path);
	}
	if (s->instance && s->instance != s->none)
		EWB_MUST(ewb_instance_close(s->instance, why, sizeof why) ==
		         EWB_OK);
	if (s->none)
		EWB_MUST(ewb_instance_close(s->none, why, sizeof why) ==
		         EWB_OK);
	ewb_trim_fini(s);
	ewb_plan_fini(&s->plan);
	ewb_core_fini(&s->core);
	ewb_users_free(s->users);
	ewb_bucket_fini(s);
	EWB_MUST0(pthread_cond_destroy(&s->stopped));
	EWB_MUST0(pthread_mutex_destroy(&s->lock));
	s->magic = 0;
	free(s);
}
