# SPDX-License-Identifier: BSD-2-Clause
"""What Couchbase's clients ask for before they ask for data, and collections.
Arguments: plain, the port and a Unix socket; collections and the port, of a server
that has those of bucket.t; or busy and the port, of one where one command may block."""

import base64
import json
import socket
import struct
import sys
import zlib

from facts import run_facts

which, port = sys.argv[1], int(sys.argv[2])
path = sys.argv[3] if len(sys.argv) > 3 else None
ENOUGH = 120
GET, SET, DELETE, INCR, GETK, STAT, SETQ, NOOP, HELLO = 0, 1, 4, 5, 0x0c, 0x10, 0x11, 0x0a, 0x1f
SELECT, CONFIG, MANIFEST, ID, MAP = 0x89, 0xb5, 0xba, 0xbb, 0xfe
CREATE, CONTINUE = 0xda, 0xdb
NOT_FOUND, INVALID, NOT_MINE, NO_BUCKET, NO_ACCESS = 1, 4, 7, 8, 0x24
UNKNOWN_COLLECTION, UNKNOWN_SCOPE, COMPLETE = 0x88, 0x8c, 0xa7
KNOWN = "_default._default", "shop.users", "shop.orders", "_default.other"
IDS = 0, 8, 0x1f4, 9


def _frame(opcode, key=b"", extras=b"", value=b"", vbucket=0, datatype=0, cas=0, opaque=7):
    n = len(extras) + len(key) + len(value)
    return (struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), datatype,
                        vbucket, n, opaque, cas) + extras + key + value)


class Answer:
    def __init__(self, head, body):
        (magic, self.opcode, nkey, nextras, self.datatype, self.status, _, self.opaque,
         self.cas) = struct.unpack(">BBHBBHIIQ", head)
        assert magic == 0x81, head
        self.extras, body = body[:nextras], body[nextras:]
        self.key, self.value = body[:nkey], body[nkey:]

    def json(self):
        return json.loads(self.value)

    def context(self):
        return self.json()["error"]["context"]


class Connection:
    def __init__(self, *features, unix=False):
        if unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(ENOUGH)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection(("127.0.0.1", port), ENOUGH)
        self.file = self.socket.makefile("rb")
        if features:
            want = b"".join(struct.pack(">H", f) for f in features)
            a = self.ask(HELLO, b"test", value=want)
            assert (a.status, a.value) == (0, want), a.value

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        head = self.file.read(24)
        return Answer(head, self.file.read(struct.unpack(">I", head[8:12])[0]))

    def ask(self, *args, **more):
        self.say(_frame(*args, **more))
        return self.hear()


def _leb128(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def _vbuckets(c=None):
    return len((c or Connection()).ask(CONFIG).json()["vBucketServerMap"]["vBucketMap"])


def _vbucket(key, n):
    return (zlib.crc32(key) >> 16 & 0x7fff) % n


def _text(line, end=b"END\r\n"):
    s = socket.create_connection(("127.0.0.1", port), ENOUGH)
    s.sendall(line + b"\r\n")
    got = b""
    while not got.endswith(end):
        part = s.recv(65536)
        assert part, got
        got += part
    return got


# A server without collections.

def _plain():
    def hello_accepts_what_there_is():
        c = Connection()
        # all that Couchbase's own client asks for
        asked = bytes.fromhex("000300060007 0008000b000c0010000f001100150012001700"
                              "14001c0021000e000d001e000a0004")
        a = c.ask(HELLO, b"test", value=asked)
        got = {a.value[i:i + 2].hex() for i in range(0, len(a.value), 2)}
        assert got == {"0003", "0004", "0007", "0008", "000b", "000e", "000f", "0010",
                       "0012"}, got

    def the_error_map_has_all_statuses_up_to_the_version_that_is_known():
        c = Connection(0x0b)
        for asked, version in (1, 1), (2, 2), (3, 2), (0xffff, 2):
            a = c.ask(MAP, value=struct.pack(">H", asked))
            assert (a.status, a.datatype) == (0, 1), a.status
            m = a.json()
            assert (m["version"], m["revision"]) == (version, 1)
            assert m["errors"]["1"]["attrs"] == ["item-only"]
            assert {"0", "7", "24", "85", "88", "a5", "a8"} <= set(m["errors"])
            for e in m["errors"].values():
                assert set(e) == {"name", "desc", "attrs"} and e["attrs"], e
        a = c.ask(MAP, value=b"\0\0")
        assert (a.status, a.context()) == (INVALID, "there is no version 0")
        assert c.ask(MAP, value=b"\0").status == INVALID

    def there_is_one_bucket():
        c = Connection()
        assert c.ask(SELECT, b"data").status == 0
        a = c.ask(SELECT, b"default")
        assert (a.status, a.context()) == (NO_ACCESS, "no such bucket")
        assert c.ask(GET, b"k").status == NOT_FOUND  # that one is still selected

    def who_has_left_it_has_no_data():
        c = Connection(0x0b)
        assert c.ask(SELECT, b"@no bucket@").status == 0
        for ask in ((GET, b"k"), (SET, b"k", bytes(8), b"v"), (SETQ, b"k", bytes(8), b"v"),
                    (0x08,), (CREATE, b"", b"", b"{}")):
            a = c.ask(*ask, datatype=ask[0] == CREATE)
            assert (a.status, a.datatype) == (NO_BUCKET, 1), ask
        assert c.ask(NOOP).status == 0 and c.ask(CONFIG).status == 0
        assert c.ask(SELECT, b"data").status == 0
        assert c.ask(GET, b"k").status == NOT_FOUND

    def the_configuration_is_of_the_port_one_came_to():
        for c in Connection(0x0b), Connection(0x0b, unix=True):
            a = c.ask(CONFIG)
            assert (a.status, a.datatype) == (0, 1)
            m = a.json()
            assert m["nodesExt"][0]["services"] == {"kv": port}, m
            assert m["nodesExt"][0]["hostname"] == "$HOST"
            assert m["name"] == "data" and m["collectionsManifestUid"] == "0"
            assert m["vBucketServerMap"]["vBucketMap"] == [[0]] * 64
            assert m["rev"] > 0 and m["revEpoch"] == 1
        assert c.ask(CONFIG, extras=bytes(16)).status == 0
        assert c.ask(CONFIG, cas=1).status == INVALID
        assert c.ask(CONFIG, extras=bytes(8)).status == INVALID
        assert Connection().ask(CONFIG).datatype == 0  # it has not asked for 0b

    def the_default_collection_is_there():
        c = Connection(0x0b)
        a = c.ask(MANIFEST)
        assert (a.status, a.datatype) == (0, 1)
        assert a.json() == {"uid": "0", "scopes": [
            {"uid": "0", "name": "_default",
             "collections": [{"uid": "0", "name": "_default"}]}]}
        a = c.ask(ID, value=b"_default._default")
        assert (a.status, a.extras, a.value) == (0, bytes(12), b"")
        a = c.ask(ID, value=b"shop.users")
        assert (a.status, a.json()["manifest_uid"]) == (UNKNOWN_SCOPE, "0")
        a = c.ask(ID, value=b"_default.users")
        assert (a.status, a.json()["manifest_uid"]) == (UNKNOWN_COLLECTION, "0")
        assert c.ask(ID, value=b"users").status == INVALID

    def its_keys_are_stored_as_they_are():
        c, key = Connection(0x12), b"\xff" + b"k" * 249
        vb = _vbucket(key, 64)
        assert c.ask(SET, b"\0" + key, bytes(8), b"v", vb).status == 0
        assert c.ask(GETK, b"\0" + key, vbucket=vb).key == b"\0" + key
        assert Connection().ask(GET, key).value == b"v"
        a = c.ask(GET, b"\0" + key + b"k", vbucket=vb)
        assert (a.status, a.context()) == (INVALID, "a key longer than 250 bytes")
        assert c.ask(GET, b"\x08" + b"k").status == UNKNOWN_COLLECTION
        assert c.ask(GET, b"\0").context() == "no key"
        assert c.ask(GET, b"\x80").status == INVALID
        assert c.ask(DELETE, b"\0" + key, vbucket=vb).status == 0
        # no such number stands before what is no key
        assert c.ask(SELECT, b"data").status == 0

    def who_knows_of_vbuckets_gives_the_key_s():
        right = _vbucket(b"k", 64)
        for feature in 0x04, 0x08, 0x12:
            c, key = Connection(feature, 0x0b), b"\0k" if feature == 0x12 else b"k"
            assert c.ask(GET, key, vbucket=right).status == NOT_FOUND
            a = c.ask(GET, key, vbucket=right + 1)
            assert (a.status, a.datatype) == (NOT_MINE, 1)
            assert a.json()["vBucketServerMap"]["vBucketMap"] == [[0]] * 64
            a = c.ask(SETQ, key, bytes(8), b"v", right ^ 1)
            assert (a.opcode, a.status) == (SETQ, NOT_MINE)
            a = c.ask(CREATE, value=b"{}", datatype=1, vbucket=64)
            assert (a.status, a.json()["rev"] > 0) == (NOT_MINE, True)
        # others need not
        assert Connection(0x0b).ask(GET, b"k", vbucket=right + 1).status == NOT_FOUND
        assert Connection().ask(CREATE, value=b"{}", datatype=1,
                                vbucket=64).context() == "no such vbucket"

    def what_is_behind_a_hello_is_read_as_it_says():
        c = Connection()
        c.say(_frame(GET, b"\0k") + _frame(HELLO, b"t", value=b"\0\x12") +
              _frame(GETK, b"\0k", vbucket=_vbucket(b"k", 64)) +
              _frame(HELLO, b"t") + _frame(GETK, b"\0k"))
        said = [c.hear() for _ in range(5)]
        assert [a.status for a in said] == [1, 0, 1, 0, 1], [a.status for a in said]
        assert said[2].key == said[4].key == b"\0k"

    return locals()


# A server with collections.

def _fill(c, n, count, ids=IDS):
    for cid in ids:
        c.say(b"".join(_frame(SETQ, _leb128(cid) + k, bytes(8), b"%d of %x" % (i, cid),
                              _vbucket(k, n))
                       for i, k in ((i, b"k%03d" % i) for i in range(count))))
    c.say(_frame(NOOP))
    assert c.hear().opcode == NOOP


def _scan(c, vbucket, what):
    """Its keys, and all statuses."""
    a = c.ask(CREATE, value=json.dumps(dict(what, key_only=True)).encode(), datatype=1,
              vbucket=vbucket)
    if a.status:
        return a.status, []
    c.say(_frame(CONTINUE, extras=a.value + bytes(12), vbucket=vbucket))
    data, keys, status = b"", [], 0
    while status == 0:
        a = c.hear()
        status, data = a.status, data + a.value
    while data:
        keys.append(data[1:1 + data[0]])
        data = data[1 + data[0]:]
    return status, keys


def _scan_all(c, n, what):
    keys = []
    for vb in range(n):
        status, some = _scan(c, vb, what)
        assert status in (COMPLETE, NOT_FOUND), status
        assert some == sorted(some)
        keys += some
    return sorted(keys)


def _bound(key):
    return base64.b64encode(key).decode()


def _collections():
    COUNT = 300
    keys = [b"k%03d" % i for i in range(COUNT)]
    c = Connection(0x12, 0x0b)
    n = _vbuckets()
    _fill(c, n, COUNT)

    def they_have_the_numbers_of_the_file():
        uid = c.ask(MANIFEST).json()["uid"]
        for name, cid in zip(KNOWN, IDS):
            a = c.ask(ID, value=name.encode())
            assert (a.status, a.extras) == (0, struct.pack(">QI", int(uid, 16), cid))
        assert c.ask(CONFIG).json()["collectionsManifestUid"] == uid != "0"
        scopes = {s["name"]: {o["name"]: int(o["uid"], 16) for o in s["collections"]}
                  for s in c.ask(MANIFEST).json()["scopes"]}
        assert scopes == {"_default": {"_default": 0, "other": 9},
                          "shop": {"users": 8, "orders": 0x1f4}}
        a = c.ask(ID, value=b"shop.lifters")
        assert (a.status, a.json()["manifest_uid"]) == (UNKNOWN_COLLECTION, uid)

    def a_key_is_another_in_each():
        vb = _vbucket(b"k007", n)
        for cid in IDS:
            a = c.ask(GETK, _leb128(cid) + b"k007", vbucket=vb)
            assert (a.status, a.value) == (0, b"7 of %x" % cid)
            assert a.key == _leb128(cid) + b"k007"  # as it was said
        a = c.ask(GET, b"\x77k007", vbucket=vb)
        assert (a.status, a.context(), a.datatype) == (
            UNKNOWN_COLLECTION, "unknown collection", 1)
        assert c.ask(GET, b"\x08k007", vbucket=vb + 1).status == NOT_MINE
        one = b"\x08counter"
        vb = _vbucket(b"counter", n)
        for want in 5, 6:
            a = c.ask(INCR, one, struct.pack(">QQI", 1, 5, 0), vbucket=vb)
            assert int.from_bytes(a.value, "big") == want
        assert c.ask(GET, b"\x09counter", vbucket=vb).status == NOT_FOUND
        assert c.ask(DELETE, one, vbucket=vb).status == 0
        assert Connection().ask(GET, b"k007").value == b"7 of 0"
        assert _text(b"get k007") == b"VALUE k007 0 6\r\n7 of 0\r\nEND\r\n"

    def each_is_scanned_apart():
        for cid in IDS:
            what = {"collection": "%x" % cid} if cid else {}
            assert _scan_all(c, n, what) == keys
            what["range"] = {"start": _bound(b"k010"), "excl_end": _bound(b"k020")}
            assert _scan_all(c, n, what) == keys[10:20]
            what["range"] = {"excl_start": _bound(b"k290")}
            assert _scan_all(c, n, what) == keys[291:]
            what["range"] = {"end": _bound(b"k00\xf4\x8f\xfb\xfb"), "start": _bound(b"k00")}
            assert _scan_all(c, n, what) == keys[:10]
        assert _scan(c, 0, {"collection": "7"})[0] == UNKNOWN_COLLECTION
        assert _scan(c, 0, {"collection": "x"})[0] == INVALID

    def a_sample_is_of_its_documents():
        # all of them, or none would be, were those of the others counted
        vb = max(range(n), key=lambda v: sum(_vbucket(k, n) == v for k in keys))
        here = [k for k in keys if _vbucket(k, n) == vb]
        what = {"collection": "8", "sampling": {"samples": len(here), "seed": 7}}
        assert _scan(c, vb, what) == (COMPLETE, here)

    def keys_that_begin_with_ff_are_the_default_one_s_last():
        odd = [b"\xfe\xff", b"\xff", b"\xff\0", b"\xff\x08k007", b"\xff\xff"]
        for k in odd:
            assert c.ask(SET, b"\0" + k, bytes(8), b"v", _vbucket(k, n)).status == 0
        assert _scan_all(c, n, {}) == keys + odd
        assert _scan_all(c, n, {"collection": "8"}) == keys
        assert _scan_all(c, n, {"range": {"start": _bound(b"\xff\x01")}}) == odd[3:]
        got = _text(b"scan keys start=\xfe").split(b"\r\n")[:-2]
        assert got == [b"KEY \xfe\xff", b"KEY \xff", b"KEY /wA= b", b"KEY /whrMDA3 b",
                       b"KEY \xff\xff"], got
        assert _text(b"get k001 \xff\xff") == (
            b"VALUE k001 0 6\r\n1 of 0\r\nVALUE \xff\xff 0 1\r\nv\r\nEND\r\n")
        assert _text(b"mg \xff\xff k v", b"\r\nv\r\n") == b"VA 1 k\xff\xff\r\nv\r\n"
        for k in odd:
            assert c.ask(DELETE, b"\0" + k, vbucket=_vbucket(k, n)).status == 0

    def keys_have_the_length_that_is_left():
        for cid, most in (0, 250), (8, 246), (0x1f4, 246):
            for longer in 0, 1:
                k = b"k" * (most + longer)
                a = c.ask(GET, _leb128(cid) + k, vbucket=_vbucket(k, n))
                assert a.status == (INVALID if longer else NOT_FOUND), (cid, longer)
        k = b"\xff" * 248
        assert c.ask(GET, b"\0" + k, vbucket=_vbucket(k, n)).status == NOT_FOUND
        k += b"k"
        assert c.ask(GET, b"\0" + k, vbucket=_vbucket(k, n)).status == INVALID
        line = b"set " + k + b" 0 0 1\r\nv"
        assert _text(line, b"\r\n") == b"CLIENT_ERROR invalid request\r\n"
        assert _text(b"get k001 " + k + b" k002", b"request\r\n") == (
            b"VALUE k001 0 6\r\n1 of 0\r\nCLIENT_ERROR invalid request\r\n")

    def metadump_and_stats_items_see_what_they_should():
        dump = _text(b"lru_crawler metadump all").split(b"\n")[:-2]
        assert sorted(d.split()[0] for d in dump) == [b"key=" + k for k in keys], dump[:3]
        counts = dict(line.split(b" ", 2)[1:]
                      for line in _text(b"stats collections items").split(b"\r\n")[:-2])
        for name, cid in zip(KNOWN, IDS):
            assert counts[b"collection:%x" % cid] == b"name=%s items=%d" % (
                name.encode(), COUNT), counts

    def what_is_asked_for_is_counted():
        before = _text(b"stats collections")
        vb = _vbucket(b"k001", n)
        for each in [Connection(0x12) for _ in range(12)]:  # of several front ends
            each.ask(GET, b"\x08k001", vbucket=vb)
        c.ask(SET, b"\x08k001", bytes(8), b"v", vb)
        c.ask(DELETE, b"\x08none", vbucket=_vbucket(b"none", n))
        _scan(c, vb, {"collection": "8"})

        def counts(text):
            line, = (x for x in text.split(b"\r\n") if x.startswith(b"STAT collection:8 "))
            return [int(w.split(b"=")[1]) for w in line.split()[3:]]
        was, now = counts(before), counts(_text(b"stats collections"))
        assert [b - a for a, b in zip(was, now)] == [12, 1, 1, 1], (was, now)

    return {k: v for k, v in locals().items() if callable(v)}


def _busy():
    def who_is_refused_is_told_when_to_come_back():
        c = Connection()
        c.say(_frame(GET, b"a") + _frame(GET, b"b"))  # each of them blocks
        assert c.hear().status == NOT_FOUND
        a = c.hear()
        assert (a.status, a.json()["retry_after_ms"] > 0) == (0x85, True), a.value
        assert c.ask(GET, b"b").status == NOT_FOUND

    return locals()


sys.exit(run_facts(dict({"plain": _plain, "collections": _collections, "busy": _busy}[which](),
                        __file__=__file__)))
