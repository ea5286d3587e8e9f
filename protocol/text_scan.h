/* SPDX-License-Identifier: BSD-2-Clause */
/* Range scans in the text protocol:
 *
 *      scan [prefix=KEY] [start=KEY | after=KEY] [end=KEY | before=KEY]
 *           [limit=N] [vbucket=N] [keys] [cas] [base64]
 *      lru_crawler metadump all | hash | CLASS[,CLASS]...
 *
 * A frame carries the words of a scan as they stand, as extras; of a metadump
 * its flags are 1 when the class is asked for that all items are of, else 0.
 */
#ifndef PROTOCOL_TEXT_SCAN_H
#define PROTOCOL_TEXT_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/base64.h"
#include "protocol/binary.h"
#include "protocol/frame.h"

/* A key as it stands in the line; at null: there is none. */
struct ewb_text_bound {
	const uint8_t *at;
	size_t n;
	int excluded;
};

struct ewb_text_scan {
	struct ewb_text_bound prefix, start, end;
	uint64_t limit;   /* 0: none */
	uint64_t vbucket; /* UINT64_MAX: all */
	int keys, cas, base64;
};

/* What the words ask for.  Null, or the line to answer (static, without its
 * end). */
const char *ewb_text_scan_take(const uint8_t *words, size_t n,
                               struct ewb_text_scan *s);
/* A bound's bytes, EWB_KEY_MAX at most; how many.  Of one that was taken. */
size_t ewb_text_scan_bound(const struct ewb_text_scan *s,
                           const struct ewb_text_bound *b,
                           uint8_t to[EWB_KEY_MAX]);

/* lru_crawler, and what is behind it.  Likewise; f->flags is set. */
const char *ewb_text_crawler_take(const uint8_t *words, size_t n,
                                  struct ewb_frame *f);

/* A record, as
 *      VALUE key flags bytes [cas] [b], the value
 *      KEY key [b]
 *      key=key exp=-1 la=0 cas=1 fetch=no cls=1 size=3
 * A key that could not stand in a line is in base64, which the b says; a
 * metadump's is as in a URI. */
enum ewb_text_form {
	EWB_TEXT_VALUES,
	EWB_TEXT_VALUES_CAS,
	EWB_TEXT_KEYS,
	EWB_TEXT_METADUMP
};
/* Bytes of it beside the value, at most: of VALUE; of any. */
#define EWB_TEXT_RECORD_MORE \
	(6 + EWB_BASE64_LEN(EWB_KEY_MAX) + 1 + 10 + 1 + 20 + 1 + 20 + 2 + 2 + 2)
#define EWB_TEXT_DUMP_MAX (3 * EWB_KEY_MAX + 120)
/* Bytes that it may take. */
size_t ewb_text_record_max(enum ewb_text_form form,
                           const struct ewb_bin_record *r);
/* Writes no more than that, and says how many. */
size_t ewb_text_record_put(uint8_t *out, enum ewb_text_form form,
                           const struct ewb_bin_record *r);

#endif
