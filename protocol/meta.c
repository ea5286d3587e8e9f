/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/base64.h"
#include "protocol/meta.h"
#include "protocol/number.h"

#define OPAQUE_MAX 31

#define BAD_FORMAT "CLIENT_ERROR bad command line format"
#define BAD_TOKEN "CLIENT_ERROR bad token in command line format"
#define BAD_FLAG "CLIENT_ERROR invalid flag"
#define AGAIN "CLIENT_ERROR duplicate flag"
#define BAD_COUNT_MODE "CLIENT_ERROR invalid mode for ma M token"
#define BAD_MODE "CLIENT_ERROR invalid mode for ms M token"

/* Those that there are, whatever the command. */
static const char letters[] = "bcfhklqstuvCDFIJLMNOPRT";

size_t
ewb_meta_next(const uint8_t *flags, size_t n, struct ewb_meta_flag *f)
{
	size_t i = 0, end;

	while (i < n && flags[i] == ' ')
		i++;
	if (i == n)
		return 0;
	for (end = i; end < n && flags[end] != ' ';)
		end++;
	f->letter = (char)flags[i];
	f->token = flags + i + 1;
	f->ntoken = end - i - 1;
	return end;
}

/* ms and ma: null, or that there is no such one. */
static const char *
take_mode(char mode, struct ewb_frame *f)
{
	if (f->op == EWB_OP_META_COUNT) {
		if (mode == 'D' || mode == '-')
			f->is |= EWB_IS_DOWN;
		else if (mode != 'I' && mode != '+')
			return BAD_COUNT_MODE;
	} else if (f->op == EWB_OP_SET) {
		switch (mode) {
		case 'E': f->op = EWB_OP_ADD; break;
		case 'A': f->op = EWB_OP_APPEND; break;
		case 'P': f->op = EWB_OP_PREPEND; break;
		case 'R': f->op = EWB_OP_REPLACE; break;
		case 'S': break;
		default: return BAD_MODE;
		}
	}
	return NULL;
}

static int
take_time(const struct ewb_meta_flag *flag, uint32_t *to)
{
	return ewb_take_exptime(flag->token, flag->ntoken, to);
}

static int
take_number(const struct ewb_meta_flag *flag, uint64_t *to)
{
	return ewb_take_number(flag->token, flag->ntoken, to) == 1;
}

/* A flag whose token means something. */
static const char *
take_token(const struct ewb_meta_flag *flag, struct ewb_frame *f)
{
	switch (flag->letter) {
	case 'C':
		f->is |= EWB_IS_CAS;
		return take_number(flag, &f->cas) ? NULL : BAD_TOKEN;
	case 'D':
		return take_number(flag, &f->delta) ?
		               NULL :
		               "CLIENT_ERROR invalid numeric delta value";
	case 'F':
		return ewb_take_number32(flag->token, flag->ntoken, &f->flags) ?
		               NULL :
		               BAD_FORMAT;
	case 'J':
		return take_number(flag, &f->initial) ?
		               NULL :
		               "CLIENT_ERROR invalid numeric initial value";
	case 'M':
		f->opcode = flag->ntoken ? *flag->token : 0;
		return flag->ntoken == 1 ?
		               NULL :
		               "CLIENT_ERROR incorrect length for M token";
	case 'N':
		f->is |= EWB_IS_CREATE;
		return take_time(flag, &f->vivify) ? NULL : BAD_TOKEN;
	case 'O':
		return flag->ntoken > OPAQUE_MAX ?
		               "CLIENT_ERROR opaque token too long" :
		               NULL;
	case 'R':
		f->is |= EWB_IS_RECACHE;
		return take_time(flag, &f->recache) ? NULL : BAD_TOKEN;
	case 'T':
		f->is |= EWB_IS_TTL;
		return take_time(flag, &f->exptime) ? NULL : BAD_TOKEN;
	default: return NULL;
	}
}

static uint32_t
bit(char letter)
{
	switch (letter) {
	case 'b': return EWB_IS_BASE64;
	case 'c': return EWB_IS_WANT_CAS;
	case 'q': return EWB_IS_QUIET;
	case 'u': return EWB_IS_UNSEEN;
	case 'v': return EWB_IS_WANT_VALUE;
	case 'I': return EWB_IS_INVALID;
	default: return 0;
	}
}

static const char *
take_key(const struct ewb_meta_line *l)
{
	size_t n = ewb_base64_decode(NULL, 0, l->key, l->nkey);

	return n == SIZE_MAX || n == 0 || l->nkey % 4 ?
	               "CLIENT_ERROR error decoding key" :
	               NULL;
}

/* What is said is, as memcached has it, the first flag that there is none of, or
 * is there twice; else the last one that is wrong. */
static const char *
take_flags(const struct ewb_meta_line *l, struct ewb_frame *f)
{
	const char *why = NULL, *wrong;
	const uint8_t *p = l->flags;
	struct ewb_meta_flag flag;
	uint64_t seen = 0; /* from A on */
	size_t n;

	for (; (n = ewb_meta_next(p, (size_t)(l->end - p), &flag)); p += n) {
		if ((uint8_t)flag.letter >= 127)
			return AGAIN;
		if (!memchr(letters, flag.letter, sizeof letters - 1))
			return BAD_FLAG;
		if (seen >> (flag.letter - 'A') & 1)
			return AGAIN;
		seen |= UINT64_C(1) << (flag.letter - 'A');
		f->is |= bit(flag.letter);
		wrong = flag.letter == 'b' ? take_key(l) : take_token(&flag, f);
		if (wrong)
			why = wrong;
	}
	return why;
}

/* Some are other commands than their verb says. */
static void
refine(struct ewb_frame *f)
{
	/* to remove what has no cas: never */
	if (f->op == EWB_OP_DELETE &&
	    (f->is & EWB_IS_INVALID || (f->is & EWB_IS_CAS && f->cas == 0)))
		f->op = EWB_OP_META_DELETE;
	/* an add has none, and no counter has a cas of 0 */
	if (f->op == EWB_OP_ADD || (f->op == EWB_OP_META_COUNT && f->cas == 0)) {
		f->is &= ~EWB_IS_CAS;
		f->cas = 0;
	}
	if (f->op == EWB_OP_REPLACE && f->is & EWB_IS_CAS)
		f->op = EWB_OP_SET; /* the cas is that of what is there */
	if (f->op == EWB_OP_SET && f->is & EWB_IS_INVALID && f->is & EWB_IS_CAS)
		f->op = EWB_OP_META_SET;
	if (f->op == EWB_OP_META_GET &&
	    f->is & (EWB_IS_CREATE | EWB_IS_RECACHE | EWB_IS_TTL))
		f->op = EWB_OP_META_GAT;
}

const char *
ewb_meta_take(const struct ewb_meta_line *l, struct ewb_frame *f)
{
	const char *why;

	if (l->nkey == 0 || l->nkey > EWB_KEY_MAX)
		return BAD_FORMAT;
	f->is |= EWB_IS_META;
	f->delta = 1;
	why = take_flags(l, f);
	if (why && (f->op == EWB_OP_DELETE || f->op == EWB_OP_META_COUNT))
		return "CLIENT_ERROR invalid or duplicate flag";
	if (!why && f->opcode)
		why = take_mode((char)f->opcode, f);
	if (why)
		return why;
	f->key = l->key;
	f->nkey = l->nkey;
	f->extras = l->flags;
	f->nextras = (size_t)(l->end - l->flags);
	if (f->is & EWB_IS_BASE64)
		f->datatype = EWB_ITEM_BASE64;
	refine(f);
	return NULL;
}

void
ewb_meta_decode(struct ewb_frame *f)
{
	/* the command's own bytes, in a buffer that is written by receiving */
	uint8_t *key = (uint8_t *)(uintptr_t)f->key;

	f->nkey = ewb_base64_decode(key, f->nkey, key, f->nkey);
}
