/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "protocol/collections.h"
#include "protocol/status.h"

#define DEFAULT "_default"

static const struct ewb_collection only = { .scope = DEFAULT, .name = DEFAULT };
const struct ewb_collections ewb_collections_none = {
	.n = 1,
	.at = &only,
	.manifest = "{\"uid\":\"0\",\"scopes\":[{\"uid\":\"0\",\"name\":\"" DEFAULT
		    "\",\"collections\":[{\"uid\":\"0\",\"name\":\"" DEFAULT
		    "\"}]}]}",
};

/* Parsing. */

/* The next word of a line, and what is behind it; empty: there is none. */
static size_t
word(const char **line)
{
	size_t n;

	*line += strspn(*line, " \t\r");
	n = strcspn(*line, " \t\r#\n");
	return n;
}

static int
read_id(const char *text, size_t n, uint32_t *id)
{
	char digits[8], *end;

	if (n == 0 || n >= sizeof digits ||
	    strspn(text, "0123456789abcdefABCDEF") < n)
		return -1;
	memcpy(digits, text, n);
	digits[n] = '\0';
	*id = (uint32_t)strtoul(digits, &end, 16);
	return *id >= EWB_COLLECTION_FIRST && *id <= EWB_COLLECTION_LAST ? 0 : -1;
}

/* As Couchbase has them: _ and % do not begin one, but for the default's. */
static int
read_name(const char *text, size_t n, char out[EWB_COLLECTION_NAME + 1])
{
	static const char all[] = "abcdefghijklmnopqrstuvwxyz"
	                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-%";
	int is_default = n == strlen(DEFAULT) && memcmp(text, DEFAULT, n) == 0;

	if (n == 0 || n > EWB_COLLECTION_NAME || strspn(text, all) < n)
		return -1;
	if ((*text == '_' || *text == '%') && !is_default)
		return -1;
	memcpy(out, text, n);
	out[n] = '\0';
	return 0;
}

static void
set_prefix(struct ewb_collection *c)
{
	uint32_t v = c->id;

	c->prefix[c->nprefix++] = 0xff;
	for (; v > 0x7f; v >>= 7)
		c->prefix[c->nprefix++] = (uint8_t)(v | 0x80);
	c->prefix[c->nprefix++] = (uint8_t)v;
}

/* Null, or what is wrong with it. */
static const char *
read_line(const char *line, struct ewb_collection *c)
{
	size_t n = word(&line), dot;

	if (read_id(line, n, &c->id))
		return "not an ID, hexadecimal, from 8 to 1fffff";
	line += n;
	n = word(&line);
	dot = strcspn(line, ".");
	if (n == 0 || dot >= n || read_name(line, dot, c->scope) ||
	    read_name(line + dot + 1, n - dot - 1, c->name))
		return "not SCOPE.COLLECTION: names of 1 to 30 of a-z, A-Z, 0-9, "
		       "_, - and %, which do not begin with _ or %";
	if (strcmp(c->scope, DEFAULT) == 0 && strcmp(c->name, DEFAULT) == 0)
		return "_default._default is 0, and is there anyhow";
	line += n;
	if (word(&line))
		return "more than ID SCOPE.COLLECTION";
	set_prefix(c);
	return NULL;
}

static size_t
lines_of(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int
by_id(const void *a, const void *b)
{
	uint32_t x = ((const struct ewb_collection *)a)->id;
	uint32_t y = ((const struct ewb_collection *)b)->id;

	return (x > y) - (x < y);
}

/* That is there before, with that id or that name; null: none. */
static const struct ewb_collection *
clash(const struct ewb_collection *at, size_t n, const struct ewb_collection *c)
{
	for (size_t i = 0; i < n; i++)
		if (at[i].id == c->id || (strcmp(at[i].scope, c->scope) == 0 &&
		                          strcmp(at[i].name, c->name) == 0))
			return &at[i];
	return NULL;
}

static int
read_all(struct ewb_collection *at, size_t *n, const char *text, char *why,
         size_t nwhy)
{
	const struct ewb_collection *other;
	const char *wrong, *line = text;
	unsigned number = 1;

	for (; line; number++) {
		const char *p = line;

		if (word(&p)) {
			at[*n] = (struct ewb_collection){ 0 };
			wrong = *n > EWB_COLLECTIONS_MAX ?
			                "there may be 1000, and no more" :
			                read_line(p, &at[*n]);
			other = wrong ? NULL : clash(at, *n, &at[*n]);
			if (wrong || other) {
				snprintf(why, nwhy, "line %u: %s%s%s%s%s",
				         number, wrong ? wrong : "",
				         other ? other->scope : "",
				         other ? "." : "", other ? other->name : "",
				         other ? " has that ID, or that name" : "");
				return -1;
			}
			++*n;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return 0;
}

/* So that it is another one when something is other, and the same on each start. */
static uint64_t
uid_of(const struct ewb_collections *c)
{
	uint32_t crc = 0;

	for (size_t i = 1; i < c->n; i++) {
		const struct ewb_collection *o = &c->at[i];

		crc = libdeflate_crc32(crc, o->prefix, o->nprefix);
		crc = libdeflate_crc32(crc, o->scope, strlen(o->scope) + 1);
		crc = libdeflate_crc32(crc, o->name, strlen(o->name) + 1);
	}
	return c->n > 1 && crc == 0 ? 1 : crc;
}

/* The manifest. */

/* Is it the first of its scope?  Then the scope is numbered by it. */
static int
opens_scope(const struct ewb_collections *c, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(c->at[j].scope, c->at[i].scope) == 0)
			return 0;
	return 1;
}

static void
put_scope(FILE *f, const struct ewb_collections *c, size_t first)
{
	const struct ewb_collection *at = c->at;

	fprintf(f, "%s{\"uid\":\"%x\",\"name\":\"%s\",\"collections\":[",
	        first ? "," : "", at[first].id, at[first].scope);
	for (size_t i = first; i < c->n; i++)
		if (strcmp(at[i].scope, at[first].scope) == 0)
			fprintf(f, "%s{\"uid\":\"%x\",\"name\":\"%s\"}",
			        i > first ? "," : "", at[i].id, at[i].name);
	fputs("]}", f);
}

/* Null: no memory. */
static char *
manifest_of(const struct ewb_collections *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return NULL;
	fprintf(f, "{\"uid\":\"%llx\",\"scopes\":[", (unsigned long long)c->uid);
	for (size_t i = 0; i < c->n; i++)
		if (opens_scope(c, i))
			put_scope(f, c, i);
	fputs("]}", f);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static int
no_memory(char *why, size_t nwhy)
{
	snprintf(why, nwhy, "out of memory");
	return -1;
}

int
ewb_collections_parse(struct ewb_collections *c, const char *text, char *why,
                      size_t nwhy)
{
	struct ewb_collection *at = calloc(1 + lines_of(text), sizeof *at);

	*c = (struct ewb_collections){ .n = 1, .at = at };
	if (at == NULL)
		return no_memory(why, nwhy);
	at[0] = only;
	if (read_all(at, &c->n, text, why, nwhy)) {
		ewb_collections_fini(c);
		return -1;
	}
	qsort(at, c->n, sizeof *at, by_id);
	c->uid = uid_of(c);
	c->manifest = manifest_of(c);
	if (c->manifest)
		return 0;
	ewb_collections_fini(c);
	return no_memory(why, nwhy);
}

void
ewb_collections_fini(struct ewb_collections *c)
{
	free((void *)(uintptr_t)c->at);
	free((void *)(uintptr_t)c->manifest);
	*c = (struct ewb_collections){ 0 };
}

/* Finding. */

const struct ewb_collection *
ewb_collections_by_id(const struct ewb_collections *c, uint32_t id)
{
	const struct ewb_collection key = { .id = id };

	if (id == 0)
		return &c->at[0];
	return bsearch(&key, c->at, c->n, sizeof *c->at, by_id);
}

static int
is(const char *name, const char *text, size_t n)
{
	if (n == 0)
		return strcmp(name, DEFAULT) == 0;
	return strlen(name) == n && memcmp(name, text, n) == 0;
}

uint32_t
ewb_collections_by_path(const struct ewb_collections *c, const char *path,
                        size_t n, const struct ewb_collection **found)
{
	const char *dot = memchr(path, '.', n);
	size_t nscope, nname;
	uint32_t status = EWB_WIRE_UNKNOWN_SCOPE;

	if (dot == NULL)
		return EWB_WIRE_INVALID;
	nscope = (size_t)(dot - path);
	nname = n - nscope - 1;
	for (size_t i = 0; i < c->n; i++) {
		if (!is(c->at[i].scope, path, nscope))
			continue;
		status = EWB_WIRE_UNKNOWN_COLLECTION;
		*found = &c->at[i];
		if (is(c->at[i].name, dot + 1, nname))
			return 0;
	}
	return status;
}

/* Keys. */

size_t
ewb_leb128_take(const uint8_t *in, size_t n, uint32_t *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n && i < EWB_WIRE_PREFIX; i++) {
		sum |= (uint64_t)(in[i] & 0x7f) << 7 * i;
		if (in[i] & 0x80)
			continue;
		*v = (uint32_t)sum;
		return sum > UINT32_MAX ? 0 : i + 1;
	}
	return 0;
}

size_t
ewb_stored_max(const struct ewb_collection *c, const uint8_t *key, size_t n)
{
	if (c->id)
		return EWB_COLLECTION_KEY_MAX;
	return n && key[0] == 0xff ? EWB_KEY_MAX - 2 : EWB_KEY_MAX;
}

size_t
ewb_stored_prefix(uint8_t out[EWB_STORED_PREFIX], const struct ewb_collection *c,
                  const uint8_t *key, size_t n)
{
	if (c->id == 0 && (n == 0 || key[0] != 0xff))
		return 0;
	if (c->id == 0) {
		out[0] = 0xff;
		out[1] = 0;
		return 2;
	}
	memcpy(out, c->prefix, c->nprefix);
	return c->nprefix;
}

size_t
ewb_stored_skip(const uint8_t *key, size_t n)
{
	size_t i = 1;

	if (n == 0 || key[0] != 0xff)
		return 0;
	while (i < n && key[i] & 0x80)
		i++;
	return i < n ? i + 1 : n;
}

size_t
ewb_stored_first(uint8_t out[EWB_STORED_PREFIX], const struct ewb_collection *c)
{
	memcpy(out, c->prefix, c->nprefix);
	return c->nprefix;
}

size_t
ewb_stored_past(uint8_t out[EWB_STORED_PREFIX], const struct ewb_collection *c)
{
	if (c->id == 0) {
		out[0] = 0xff;
		out[1] = 1;
		return 2;
	}
	memcpy(out, c->prefix, c->nprefix);
	out[c->nprefix - 1]++; /* of a leb128 the last is below 80 */
	return c->nprefix;
}
