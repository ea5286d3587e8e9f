/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "daemon/ctl_interrupt.h"

#define PATIENCE_S 5 /* until the program ends, whatever it waits for */

static volatile sig_atomic_t came, seconds;

static void
note(int signo)
{
	came = signo;
	alarm(1);
}

/* It may have come just before a call that waits, and that has to see it. */
static void
again(int signo)
{
	(void)signo;
	if (++seconds == PATIENCE_S)
		raise(came); /* its handler went when it came */
	alarm(1);
}

void
ewb_ctl_interrupt_begin(void)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = again }, was;

	sigemptyset(&a.sa_mask);
	sigaction(SIGALRM, &a, NULL);
	a.sa_handler = note;
	a.sa_flags = (int)SA_RESETHAND;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (sigaction(all[i], NULL, &was) == 0 &&
		    was.sa_handler == SIG_DFL)
			sigaction(all[i], &a, NULL);
}

bool
ewb_ctl_interrupted(void)
{
	return came != 0;
}

void
ewb_ctl_interrupt_end(void)
{
	if (came)
		raise(came);
}
