/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client has asked for when it said hello: that answers come in any
 * order, say how long they took, and have the tokens of mutations.
 *
 * hello is a barrier: all before it is answered in the mode before; what is behind
 * it is read when it is done, and is in its own.
 */
#include "config.h"

#include "cookie/instance.h"
#include "frontend/admit.h"

void
ewb_mode_set(const struct ewb_conn *n, struct ewb_cookie *c)
{
	int unordered = EWB_HAS_FEATURE(n->session.features, UNORDERED);

	c->front_bits &=
		~(EWB_FRONT_FREE | EWB_FRONT_BARRIER | EWB_FRONT_TRACED |
	          EWB_FRONT_TOKENS);
	if (EWB_HAS_FEATURE(n->session.features, TRACING))
		c->front_bits |= EWB_FRONT_TRACED;
	if (EWB_HAS_FEATURE(n->session.features, TOKENS))
		c->front_bits |= EWB_FRONT_TOKENS;
	if (unordered)
		c->front_bits |= EWB_FRONT_FREE;
	if (c->command->barrier == EWB_BARRIER ||
	    (unordered ? c->frame.is & EWB_IS_BARRIER :
	                 c->command->barrier == EWB_BARRIER_IN_ORDER))
		c->front_bits |= EWB_FRONT_BARRIER;
}

/* Features that this server has not, as it is. */
static uint32_t
lacking(const struct ewb_cookie *c)
{
	return ewb_instance_has_tokens(c->instance) ?
	               0 :
	               1u << EWB_FEATURE_TOKENS;
}

enum ewb_status
ewb_hello_run(struct ewb_cookie *c)
{
	const struct ewb_request *r = &c->request;
	struct ewb_conn *n = ewb_conn_of(c->session);
	uint8_t accepted[2 * EWB_NFEATURES];
	size_t len;

	ewb_now_on_front(c->dispatch->thread);
	len = ewb_hello(r->value, r->nvalue, lacking(c), accepted,
	                &n->session.features);
	ewb_admit_features(&n->session);
	return ewb_reply_value(c, accepted, len);
}
