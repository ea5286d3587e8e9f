/* SPDX-License-Identifier: BSD-2-Clause */
/* cookie/ and scan/ as the kit builds them: what an engine calls gets another
 * name there, so that kit/watch.c can stand in between.  For -include. */
#ifndef KIT_RENAME_H
#define KIT_RENAME_H

#define ewb_cookie_block ewb_real_cookie_block
#define ewb_cookie_request ewb_real_cookie_request
#define ewb_cookie_resumed ewb_real_cookie_resumed
#define ewb_cookie_set_state ewb_real_cookie_set_state
#define ewb_cookie_state ewb_real_cookie_state
#define ewb_notify ewb_real_notify
#define ewb_reply_cas ewb_real_reply_cas
#define ewb_reply_item ewb_real_reply_item
#define ewb_reply_token ewb_real_reply_token
#define ewb_reply_value ewb_real_reply_value
#define ewb_sink_put ewb_real_sink_put
#define ewb_value_free ewb_real_value_free
#define ewb_value_take ewb_real_value_take

#endif
