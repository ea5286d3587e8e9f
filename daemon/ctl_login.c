/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "daemon/ctl_login.h"
#include "daemon/ctl_say.h"
#include "lib/secret.h"
#include "protocol/base64.h"
#include "protocol/binary.h"
#include "protocol/scram.h"
#include "protocol/status.h"

static int
ask(struct ewb_ctl_conn *c, uint8_t opcode, const char *text, size_t n,
    struct ewb_ctl_reply *r)
{
	const char *mechanism = ewb_verifier_mechanism(EWB_SHA512);
	struct ewb_ctl_request q = { .opcode = opcode,
		                     .key = mechanism,
		                     .nkey = strlen(mechanism),
		                     .value = text,
		                     .nvalue = n };

	return ewb_ctl_conn_ask(c, &q, r);
}

static int
refused(const struct ewb_ctl_conn *c, const struct ewb_ctl_addr *a,
        const struct ewb_ctl_reply *r)
{
	char why[EWB_CTL_WHY_MAX];

	if (r->status == EWB_WIRE_UNKNOWN_COMMAND)
		return ewb_ctl_say("%s: nobody has to log in there: leave out "
		                   "-U",
		                   c->name);
	if (r->status == EWB_WIRE_AUTH_ERROR)
		return ewb_ctl_say("%s: no such user as %s, or another password",
		                   c->name, a->user);
	return ewb_ctl_say("%s: %s", c->name, ewb_ctl_reply_why(r, why));
}

static int
exchange(struct ewb_ctl_conn *c, const struct ewb_ctl_addr *a,
         struct ewb_scram_client *s, const char *nonce)
{
	char text[EWB_SASL_MAX];
	size_t n = ewb_scram_ask(s, a->user, nonce, text);
	struct ewb_ctl_reply r;
	const char *wrong;

	if (ask(c, EWB_BIN_SASL_AUTH, text, n, &r))
		return -1;
	if (r.status != EWB_WIRE_AUTH_CONTINUE && r.status != EWB_WIRE_OK)
		return refused(c, a, &r);
	wrong = r.status == EWB_WIRE_OK ?
	                "the server lets everybody in" :
	                ewb_scram_prove(s, a->password, r.value, r.nvalue, text,
	                                &n);
	if (wrong)
		return ewb_ctl_say("%s: %s", c->name, wrong);
	if (ask(c, EWB_BIN_SASL_STEP, text, n, &r))
		return -1;
	if (r.status != EWB_WIRE_OK)
		return refused(c, a, &r);
	if (!ewb_scram_proved(s, r.value, r.nvalue))
		return ewb_ctl_say("%s: this server does not know the password",
		                   c->name);
	return 0;
}

int
ewb_ctl_login(struct ewb_ctl_conn *c, const struct ewb_ctl_addr *a)
{
	struct ewb_scram_client s = { .digest = EWB_SHA512 };
	char nonce[EWB_BASE64_LEN(EWB_SCRAM_NONCE) + 1] = { 0 };
	uint8_t bytes[EWB_SCRAM_NONCE];
	int err = ewb_secret_make(bytes, sizeof(bytes));

	if (err)
		return ewb_ctl_say("there are no random bytes here");
	ewb_base64_encode(nonce, bytes, sizeof(bytes));
	err = exchange(c, a, &s, nonce);
	ewb_secret_wipe(&s, sizeof(s));
	return err;
}
