/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine that was built against the first release's header relies on:
 * where each field is, what each constant is.  Nothing of this list changes as
 * long as EWB_ABI is 1; what is added later comes after it. */
#include <ewb/engine.h>

#define SAME(what, is) \
	_Static_assert((what) == (is), #what ": engines of the past break")
#define AT(s, field, is) SAME(offsetof(struct ewb_##s, field), is)
#define SIZE(s, is) SAME(sizeof(struct ewb_##s), is)

SAME(EWB_ABI, 1);
SAME(EWB_OK, 0);
SAME(EWB_NOT_FOUND, 0x01);
SAME(EWB_EXISTS, 0x02);
SAME(EWB_TOO_BIG, 0x03);
SAME(EWB_INVALID, 0x04);
SAME(EWB_NOT_STORED, 0x05);
SAME(EWB_NOT_NUMBER, 0x06);
SAME(EWB_NOT_MY_VBUCKET, 0x07);
SAME(EWB_RANGE, 0x22);
SAME(EWB_NO_ACCESS, 0x24);
SAME(EWB_UNKNOWN_COMMAND, 0x81);
SAME(EWB_NO_MEMORY, 0x82);
SAME(EWB_NOT_SUPPORTED, 0x83);
SAME(EWB_INTERNAL, 0x84);
SAME(EWB_BUSY, 0x85);
SAME(EWB_TEMPORARY, 0x86);
SAME(EWB_SCAN_CANCELLED, 0xa5);
SAME(EWB_SCAN_MORE, 0xa6);
SAME(EWB_SCAN_COMPLETE, 0xa7);
SAME(EWB_WOULDBLOCK, 0x10000);
SAME(EWB_NEW, 0x10001);
SAME(EWB_STALE, 0x10002);
SAME(EWB_FILLING, 0x10003);
SAME(EWB_END, 0x10004);
SAME(EWB_EXPECT_ANY, 0);
SAME(EWB_EXPECT_ABSENT, 1);
SAME(EWB_EXPECT_PRESENT, 2);
SAME(EWB_EXPECT_CAS, 3);
SAME(EWB_CANCEL_GONE, 1);
SAME(EWB_CANCEL_CLIENT, 2);
SAME(EWB_CANCEL_DEADLINE, 3);
SAME(EWB_CANCEL_ENGINE, 4);
SAME(EWB_CANCEL_STOP, 5);
SAME(EWB_NONBLOCKING, 0);
SAME(EWB_BLOCKING, 1);
SAME(EWB_BLOCKING_SERIAL, 2);
SAME(EWB_CAN_CAS, 1);
SAME(EWB_CAN_EXPIRE, 2);
SAME(EWB_CAN_FLAGS, 4);
SAME(EWB_CAN_SNAPSHOT, 8);
SAME(EWB_CAN_DATATYPE, 16);
SAME(EWB_CAN_DESCEND, 32);
SAME(EWB_READER, 0);
SAME(EWB_WRITER, 1);
SAME(EWB_AUX, 2);
SAME(EWB_KIND_ENGINE, 0);
SAME(EWB_KIND_FILTER, 1);

#if defined(__LP64__)
AT(ticket, slot, 0);
AT(ticket, word, 8);
SIZE(ticket, 16);
AT(request, key, 0);
AT(request, nkey, 8);
AT(request, hash, 16);
AT(request, vbucket, 20);
AT(request, datatype, 22);
AT(request, value, 24);
AT(request, nvalue, 32);
AT(request, flags, 40);
AT(request, expiry, 44);
AT(request, cas, 48);
AT(request, expect, 56);
AT(request, hint, 64);
AT(item, size, 0);
AT(item, flags, 4);
AT(item, expiry, 8);
AT(item, datatype, 12);
AT(item, cas, 16);
AT(item, seqno, 24);
AT(item, key, 32);
AT(item, nkey, 40);
AT(item, value, 48);
AT(item, nvalue, 56);
AT(range, size, 0);
AT(range, vbucket, 4);
AT(range, start_excluded, 6);
AT(range, end_excluded, 7);
AT(range, start, 8);
AT(range, end, 16);
AT(range, nstart, 24);
AT(range, nend, 32);
AT(range, keys_only, 40);
AT(range, descending, 48);
AT(param, name, 0);
AT(param, fallback, 8);
AT(param, help, 16);
SIZE(param, 24);
AT(setting, name, 0);
AT(setting, value, 8);
SIZE(setting, 16);
AT(engine, abi, 0);
AT(engine, size, 4);
AT(engine, api, 8);
AT(engine, model, 12);
AT(engine, name, 16);
AT(engine, help, 24);
AT(engine, can, 32);
AT(engine, max_key, 36);
AT(engine, max_value, 40);
AT(engine, params, 48);
AT(engine, open, 56);
AT(engine, close, 64);
AT(engine, get, 72);
AT(engine, store, 80);
AT(engine, remove, 88);
AT(engine, flush, 96);
AT(engine, stats, 104);
AT(engine, cancel, 112);
AT(engine, scan_open, 120);
AT(engine, scan_next, 128);
AT(engine, scan_close, 136);
AT(engine, prefetch, 144);
AT(engine, kind, 152);
AT(engine, own_size, 156);
AT(engine, own, 160);
AT(engine, other, 168);
AT(engine, append, 176);
AT(engine, prepend, 184);
AT(engine, count, 192);
AT(engine, touch, 200);
AT(engine, get_and_touch, 208);
AT(engine, vbucket, 216);
AT(vbucket, size, 0);
AT(vbucket, uuid, 8);
AT(vbucket, seqno, 16);
AT(vbucket, items, 24);
AT(count, down, 4);
AT(count, create, 5);
AT(count, delta, 8);
AT(count, initial, 16);
AT(own, name, 0);
AT(own, help, 8);
AT(own, opcode, 16);
AT(own, is, 20);
AT(own, run, 24);
AT(request, extras, 80);
AT(request, nextras, 88);
#endif

int
main(void)
{
	return 0;
}
