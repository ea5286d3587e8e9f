/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ctl_say.h"

#define DRAW_EVERY 100000 /* us */

static bool drawn; /* there is a bar on the terminal's line */
static bool hold;
static char held[512];

static void
wipe(void)
{
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = false;
}

static void
line(const char *before, const char *fmt, va_list ap)
{
	wipe();
	fputs(before, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	fflush(stderr);
}

int
ewb_ctl_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (hold)
		vsnprintf(held, sizeof(held), fmt, ap);
	else
		line("ewbctl: ", fmt, ap);
	va_end(ap);
	return -1;
}

void
ewb_ctl_hold(bool on)
{
	hold = on;
}

const char *
ewb_ctl_held(void)
{
	return held;
}

void
ewb_ctl_tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}

const char *
ewb_ctl_strerror(int err)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s", strerror(err < 0 ? -err : err));
	if (text[0] && !isupper((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

uint64_t
ewb_ctl_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
ewb_ctl_progress_init(struct ewb_ctl_progress *p, const char *unit)
{
	*p = (struct ewb_ctl_progress){
		.bar = isatty(STDERR_FILENO) == 1,
		.from = ewb_ctl_now(),
		.unit = unit,
	};
	p->drawn = p->from; /* what is quick needs no bar */
}

static uint64_t
rate(const struct ewb_ctl_progress *p, uint64_t now)
{
	double r = (double)p->nrecords * 1e6 / (double)(now - p->from + 1);
	uint64_t round = 1;

	/* Three digits are all that such a measurement is worth. */
	while (r / (double)round >= 1000)
		round *= 10;
	return (uint64_t)(r / (double)round + 0.5) * round;
}

static unsigned
columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
		return 80;
	return w.ws_col;
}

/* " 52 %  33120 records  15.2 MB  146000/s  vbuckets 3/64" */
static void
numbers(const struct ewb_ctl_progress *p, uint64_t now, double part, char *out,
        size_t cap)
{
	int n = 0;

	if (p->total)
		n = snprintf(out, cap, "%3.0f %%  ", part * 100);
	n += snprintf(out + n, cap - (size_t)n,
	              "%" PRIu64 " records  %.1f MB  %" PRIu64 "/s",
	              p->nrecords, (double)p->nbytes / 1e6, rate(p, now));
	if (p->unit && p->total)
		snprintf(out + n, cap - (size_t)n, "  %s %" PRIu64 "/%" PRIu64,
		         p->unit, p->done, p->total);
}

void
ewb_ctl_progress_draw(struct ewb_ctl_progress *p)
{
	uint64_t now = ewb_ctl_now();
	double part = p->total ? (double)p->done / (double)p->total : 0;
	unsigned room = columns(), width, full, i;
	char text[160];

	if (!p->bar || now - p->drawn < DRAW_EVERY)
		return;
	p->drawn = now;
	if (part > 1)
		part = 1;
	numbers(p, now, part, text, sizeof(text));
	wipe();
	width = room > strlen(text) + 8 ? room - (unsigned)strlen(text) - 4 : 0;
	if (width > 40)
		width = 40;
	full = (unsigned)(part * width);
	if (width && p->total) {
		fputc('[', stderr);
		for (i = 0; i < width; i++)
			fputc(i < full ? '#' : '.', stderr);
		fputs("] ", stderr);
	}
	fprintf(stderr, "%.*s", (int)room - 1, text);
	fflush(stderr);
	drawn = true;
}

void
ewb_ctl_progress_fini(struct ewb_ctl_progress *p)
{
	if (p->bar)
		wipe();
	fflush(stderr);
}

void
ewb_ctl_progress_summary(const struct ewb_ctl_progress *p,
                         char out[EWB_CTL_SUMMARY_MAX])
{
	uint64_t now = ewb_ctl_now();

	snprintf(out, EWB_CTL_SUMMARY_MAX,
	         "%" PRIu64 " records, %.1f MB, %.2f s, %" PRIu64 " records/s",
	         p->nrecords, (double)p->nbytes / 1e6,
	         (double)(now - p->from) / 1e6, rate(p, now));
}
