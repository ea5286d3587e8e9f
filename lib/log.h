/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for the operator.  Zero-filled writes to stderr, level 0. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

enum ewb_log_level { EWB_LOG_ERROR, EWB_LOG_INFO, EWB_LOG_DEBUG };

struct ewb_log {
	/* set once */
	int level;
	void (*write)(void *arg, const char *line); /* any thread; null: stderr */
	void *arg;
};

/* any: one line, "object: what is wrong", without the newline; longer than
 * 1000 bytes it is cut. */
void ewb_log(const struct ewb_log *l, enum ewb_log_level level, const char *fmt,
             ...) __attribute__((format(printf, 3, 4)));

/* any: what the system calls an error, as such a line has it: copied to text,
 * with a small letter first. */
#define EWB_LOG_TEXT 100
const char *ewb_log_text(char text[EWB_LOG_TEXT], const char *system);

#endif
