/* SPDX-License-Identifier: BSD-2-Clause */
/* A Redis module: BLK.GET n blocks its client, and a thread unblocks it with
 * n bytes.
 *
 *     redis-server --loadmodule ./blockmod.so
 *
 * Redis hands its functions out by name, through the first pointer of the
 * context; what is used of them is declared here. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 1024

struct redis_ctx;
struct redis_string;
struct redis_client;

typedef int redis_command_fn(struct redis_ctx *c, struct redis_string **word,
                             int n);
typedef void redis_free_fn(struct redis_ctx *c, void *arg);

static struct {
	void (*set_attributes)(struct redis_ctx *c, const char *name,
	                       int version, int api);
	int (*create)(struct redis_ctx *c, const char *name,
	              redis_command_fn *fn, const char *flags, int first,
	              int last, int step);
	int (*reply)(struct redis_ctx *c, const char *bytes, size_t len);
	int (*to_number)(const struct redis_string *s, long long *out);
	int (*refuse)(struct redis_ctx *c);
	struct redis_client *(*block)(struct redis_ctx *c,
	                              redis_command_fn *answer,
	                              redis_command_fn *timeout,
	                              redis_free_fn *release,
	                              long long timeout_ms);
	int (*unblock)(struct redis_client *client, void *arg);
	void *(*arg)(struct redis_ctx *c);
} redis;

struct job {
	struct job *next;
	struct redis_client *client;
	size_t len;
	char value[VALUE_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
/* under lock */
static struct job *first, **last = &first;

static struct job *
take(void)
{
	struct job *j;

	pthread_mutex_lock(&lock);
	while ((j = first) == NULL)
		pthread_cond_wait(&more, &lock);
	if ((first = j->next) == NULL)
		last = &first;
	pthread_mutex_unlock(&lock);
	return j;
}

static void *
work(void *arg)
{
	static const char value[VALUE_MAX];

	(void)arg;
	for (;;) {
		struct job *j = take();

		memcpy(j->value, value, j->len);
		redis.unblock(j->client, j);
	}
	return NULL;
}

static int
answer(struct redis_ctx *c, struct redis_string **word, int n)
{
	struct job *j = redis.arg(c);

	(void)word, (void)n;
	return redis.reply(c, j->value, j->len);
}

static void
release(struct redis_ctx *c, void *arg)
{
	(void)c;
	free(arg);
}

static int
blk_get(struct redis_ctx *c, struct redis_string **word, int n)
{
	struct job *j;
	long long len;

	if (n != 2 || redis.to_number(word[1], &len) || len < 0 ||
	    len > VALUE_MAX)
		return redis.refuse(c);
	j = malloc(sizeof *j);
	j->next = NULL;
	j->len = (size_t)len;
	j->client = redis.block(c, answer, NULL, release, 0);
	pthread_mutex_lock(&lock);
	*last = j;
	last = &j->next;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
get_functions(struct redis_ctx *c)
{
	int (*find)(const char *name, void *out) =
		(int (*)(const char *, void *)) * (void **)c;
	const struct {
		const char *name;
		void *out;
	} f[] = {
		{ "RedisModule_SetModuleAttribs", &redis.set_attributes },
		{ "RedisModule_CreateCommand", &redis.create },
		{ "RedisModule_ReplyWithStringBuffer", &redis.reply },
		{ "RedisModule_StringToLongLong", &redis.to_number },
		{ "RedisModule_WrongArity", &redis.refuse },
		{ "RedisModule_BlockClient", &redis.block },
		{ "RedisModule_UnblockClient", &redis.unblock },
		{ "RedisModule_GetBlockedClientPrivateData", &redis.arg },
	};
	size_t i;

	for (i = 0; i < sizeof f / sizeof *f; i++)
		if (find(f[i].name, f[i].out))
			return -1;
	return 0;
}

int RedisModule_OnLoad(struct redis_ctx *c, struct redis_string **word, int n);

__attribute__((visibility("default"))) int
RedisModule_OnLoad(struct redis_ctx *c, struct redis_string **word, int n)
{
	pthread_t thread;

	(void)word, (void)n;
	if (get_functions(c))
		return 1;
	redis.set_attributes(c, "blk", 1, 1);
	if (redis.create(c, "blk.get", blk_get, "readonly", 0, 0, 0))
		return 1;
	return pthread_create(&thread, NULL, work, NULL) != 0;
}
