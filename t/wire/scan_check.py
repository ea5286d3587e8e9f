# SPDX-License-Identifier: BSD-2-Clause
"""Both sides of a connection that has range scans on it, checked frame by frame
against the tables of the protocol: create, continue and cancel, requests and
answers.  Nothing here is shared with the server: it is what a client's author would
write who has the tables only."""

import base64
import json
import struct
import zlib

SET, DELETE, NOOP, SETQ, HELLO = 0x01, 0x04, 0x0a, 0x11, 0x1f
CREATE, CONTINUE, CANCEL = 0xda, 0xdb, 0xdc
NAMES = {CREATE: "create", CONTINUE: "continue", CANCEL: "cancel"}

SUCCESS, MORE, COMPLETE = 0x00, 0xa6, 0xa7
NO_SUCH, TOO_BIG, WRONG, NO_SEQNO, ELSEWHERE = 0x01, 0x03, 0x04, 0x05, 0x07
OUTSIDE, NO_ACCESS, NO_MEMORY, CANNOT = 0x22, 0x24, 0x82, 0x83
INTERNAL, BUSY, TEMPORARY, NO_COLLECTION = 0x84, 0x85, 0x86, 0x88
CANCELLED, OTHER_UUID = 0xa5, 0xa8

# The tables: what each may be answered with.
MAY = {
    CREATE: {SUCCESS, NO_SUCH, WRONG, NO_SEQNO, ELSEWHERE, OUTSIDE, NO_ACCESS, NO_MEMORY,
             CANNOT, INTERNAL, BUSY, TEMPORARY, NO_COLLECTION, OTHER_UUID},
    CONTINUE: {SUCCESS, MORE, COMPLETE, NO_SUCH, TOO_BIG, WRONG, ELSEWHERE, NO_ACCESS,
               NO_MEMORY, CANNOT, INTERNAL, BUSY, TEMPORARY, NO_COLLECTION, CANCELLED},
    CANCEL: {SUCCESS, NO_SUCH, WRONG, NO_ACCESS},
}
# Beside them, any command may have: not enough memory, a deadline or an engine that
# cannot scan.
ANYHOW = {NO_MEMORY, CANNOT, TEMPORARY}

JSON_FEATURE, TRACING, COLLECTIONS, RESUME = 0x0b, 0x0f, 0x12, 0xeb01
HEAD = struct.Struct(">BBHBBHIIQ")


class Wrong(Exception):
    """A frame that is not as the tables have it."""


def must(is_so, *what):
    if not is_so:
        raise Wrong(*what)


class Frame:
    """One frame, taken apart by its header alone."""

    def __init__(self, head, body):
        self.head, self.body = head, body
        (self.magic, self.opcode, nkey, nextras, self.datatype, self.word, n,
         self.opaque, self.cas) = HEAD.unpack(head)
        must(self.magic in (0x80, 0x81, 0x08, 0x18), "magic", self.magic)
        nframing, nkey = divmod(nkey, 256) if self.magic < 0x80 else (0, nkey)
        must(n == len(body) and nframing + nextras + nkey <= n, "lengths", head)
        at = [0, nframing, nframing + nextras, nframing + nextras + nkey, n]
        self.framing, self.extras, self.key, self.value = (
            body[a:z] for a, z in zip(at, at[1:]))

    @property
    def status(self):
        return self.word

    @property
    def vbucket(self):
        return self.word


def read_frame(read):
    """read(n) gives n bytes, or fewer at the end."""
    head = read(24)
    return Frame(head, read(struct.unpack(">I", head[8:12])[0])) if head else None


def frame(opcode, opaque=0, key=b"", extras=b"", value=b"", datatype=0, vbucket=0, cas=0):
    return HEAD.pack(0x80, opcode, len(key), len(extras), datatype, vbucket,
                     len(extras) + len(key) + len(value), opaque, cas) + extras + key + value


def framing_extras(data):
    """{id: bytes}"""
    out, at = {}, 0
    while at < len(data):
        number, length = data[at] >> 4, data[at] & 15
        at += 1
        if number == 15:
            number, at = 15 + data[at], at + 1
        if length == 15:
            length, at = 15 + data[at], at + 1
        must(at + length <= len(data) and number not in out, "framing extras", data)
        out[number] = data[at:at + length]
        at += length
    return out


def leb128(data, at):
    value = shift = 0
    while True:
        must(at < len(data), "a length is cut off")
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at += 1
        if byte < 0x80:
            must(byte or not shift, "a length is longer than it need be")
            return value, at
        shift += 7
        must(shift < 35, "a length is longer than 32 bits")


class Record:
    def __init__(self, key, n, fixed=None, value=None):
        self.key, self.size, self.value = key, n, value
        if fixed is not None:
            (self.flags, self.expiry, self.seqno, self.cas,
             self.datatype) = struct.unpack(">IIQQB", fixed)
            must(self.cas, "a record without a cas", key)
            must(self.datatype < 8, "a record's datatype", self.datatype)


def records(data, documents):
    at, out = 0, []
    while at < len(data):
        begin, fixed, value = at, None, None
        if documents:
            must(at + 25 <= len(data), "a record is cut off")
            fixed = data[at:at + 25]
            at += 25
        n, at = leb128(data, at)
        must(at + n <= len(data), "a key is cut off")
        key = data[at:at + n]
        at += n
        if documents:
            n, at = leb128(data, at)
            must(at + n <= len(data), "a value is cut off")
            value = data[at:at + n]
            at += n
        out.append(Record(key, at - begin, fixed, value))
    return out


def vbucket_of(key, vbuckets):
    return (zlib.crc32(key) >> 16 & 0x7fff) % vbuckets


class Want:
    """What a create's JSON asks for; wrong: why it must be refused as invalid."""

    def __init__(self, f):
        self.wrong, self.bounds = None, {}
        self.keys_only = self.descending = self.collection = 0
        self.resumable, self.resume, self.after = False, None, None
        try:
            self._parse(json.loads(f.value))
        except (ValueError, TypeError, AttributeError) as e:
            self.wrong = "JSON: %s" % e

    def _parse(self, o):
        if not isinstance(o, dict):
            raise TypeError("not an object")
        self.keys_only = o.get("key_only", False)
        self.collection = int(o.get("collection", "0"), 16)
        self.descending = o.get("descending", False)
        self.resumable = o.get("resumable", False)  # and is kept at its end, too
        if "resume" in o:
            self.resume = base64.b64decode(o["resume"], validate=True)
            if "snapshot_requirements" in o:
                raise ValueError("requirements of a snapshot that there is")
        if "after" in o:
            self.after = base64.b64decode(o["after"], validate=True)
        for name, text in o.get("range", {}).items():
            if name in ("start", "excl_start", "end", "excl_end"):
                self.bounds[name] = base64.b64decode(text, validate=True)
        for name in ("start", "end"):
            if name in self.bounds and "excl_" + name in self.bounds:
                raise ValueError("a bound is both")
        if o.get("sampling", {"samples": 1})["samples"] < 1:
            raise ValueError("samples")

    def is_empty(self):
        a = self.bounds.get("start", self.bounds.get("excl_start"))
        z = self.bounds.get("end", self.bounds.get("excl_end"))
        if a is None or z is None:
            return False
        return a > z or a == z and any(n.startswith("excl_") for n in self.bounds)

    def must_have(self, key):
        b = self.bounds
        must(b.get("start", b"") <= key, "before the range", key)
        must("excl_start" not in b or b["excl_start"] < key, "before the range", key)
        must("end" not in b or key <= b["end"], "after the range", key)
        must("excl_end" not in b or key < b["excl_end"], "after the range", key)


class Scan:
    def __init__(self, want, vbucket):
        self.want, self.vbucket, self.last, self.over = want, vbucket, None, False
        self.progress = 0


class Asked:
    """A request of one of the three that is not answered yet."""

    def __init__(self, f):
        self.frame, self.wrong, self.want, self.id = f, None, None, None
        self.records = self.bytes = self.before_last = 0
        self.limits = None
        wrong = [text for is_so, text in (
            (f.key, "a key"), (f.cas, "a cas"),
            (f.datatype > (f.opcode == CREATE), "a datatype"),
            (len(f.extras) != {CREATE: 0, CONTINUE: 28, CANCEL: 16}[f.opcode], "extras"),
            (bool(f.value) != (f.opcode == CREATE), "a value")) if is_so]
        if wrong:
            self.wrong = ", ".join(wrong)
        elif f.opcode == CREATE:
            self.want = Want(f)
            self.wrong = self.want.wrong
        else:
            self.id = f.extras[:16]
            if f.opcode == CONTINUE:
                self.limits = struct.unpack(">III", f.extras[16:])


class Checker:
    """One connection's.  vbuckets: how many the server has, or 0: it is not looked
    whether a record is in the right one.  seen: {(opcode, status)}"""

    def __init__(self, vbuckets=0, seen=None, scans=None):
        self.vbuckets, self.seen = vbuckets, set() if seen is None else seen
        self.scans = {} if scans is None else scans
        self.features, self.asked = set(), {}
        self.frames = self.nrecords = 0

    def request(self, f):
        must(f.magic in (0x80, 0x08), "a request's magic", f.magic)
        if f.opcode in NAMES:
            must(f.opaque not in self.asked, "an opaque that is in use", f.opaque)
            self.asked[f.opaque] = Asked(f)

    def answer(self, f):
        """The records, of a continue; raises Wrong."""
        must(f.magic in (0x81, 0x18), "an answer's magic", f.magic)
        if f.opcode == HELLO and f.status == SUCCESS:
            self.features = set(struct.unpack(">%dH" % (len(f.value) // 2), f.value))
        if f.opcode not in NAMES:
            return []
        asked = self.asked.get(f.opaque)
        must(asked and asked.frame.opcode == f.opcode, "nobody asked", f.opcode, f.opaque)
        self.frames += 1
        try:
            return self._answer(asked, f)
        except Wrong as e:
            raise Wrong(NAMES[f.opcode], hex(f.status), f.head.hex(" "), f.body[:80],
                        *e.args) from None

    def _answer(self, asked, f):
        must(f.status in MAY[f.opcode] | ANYHOW, "not a status of this command")
        must(not f.key, "a key")
        must(not f.cas, "a cas")
        must((asked.wrong is not None) <= (f.status in (WRONG, NO_ACCESS)),
             "was answered though it was wrong", asked.wrong)
        self._framing(asked, f)
        self.seen.add((f.opcode, f.status))
        last = not (f.opcode == CONTINUE and f.status == SUCCESS)
        if last:
            del self.asked[f.opaque]
        if f.status not in (SUCCESS, MORE, COMPLETE):
            self._error(asked, f)
            return []
        must(f.datatype == 0, "a datatype", f.datatype)
        return {CREATE: self._created, CONTINUE: self._continued,
                CANCEL: self._cancelled}[f.opcode](asked, f)

    def _framing(self, asked, f):
        must(f.magic == 0x81 or self.features & {TRACING, RESUME}, "magic 0x18")
        have = framing_extras(f.framing)
        if TRACING not in self.features:
            must(0 not in have, "a duration nobody asked for")
        if f.status not in (MORE, COMPLETE) or RESUME not in self.features:
            must(not set(have) & {13, 14}, "a token where there is none")
            return
        must(len(have.get(13, b"")) == 2 and len(have.get(14, b"")) == 24, "token", have)
        must(f.magic == 0x18 and not f.value, "a token with records")
        scan, progress = self.scans[asked.id], struct.unpack(">H", have[13])[0]
        must(have[14][:16] == asked.id, "the token is another scan's")
        must(scan.progress <= progress, "progress goes back", scan.progress, progress)
        must(progress == 10000 if f.status == COMPLETE else progress < 10000,
             "progress", progress)
        scan.progress, f.token = progress, have[14]

    def _error(self, asked, f):
        must(not f.extras, "an error has extras")
        if f.value:
            o = json.loads(f.value)
            must(isinstance(o, dict), "an error's value", f.value)
            must(f.datatype == (JSON_FEATURE in self.features), "an error's datatype",
                 f.datatype)
            if f.status != ELSEWHERE or "error" in o:
                must(isinstance(o["error"]["context"], str), "an error's context")
            if f.status == NO_COLLECTION and COLLECTIONS in self.features:
                must(int(o["manifest_uid"], 16) >= 0, "an error's manifest")
        else:
            must(not f.datatype, "a datatype of nothing")
        must(f.status != WRONG or f.value, "what is wrong is not said")
        scan = self.scans.get(asked.id)
        if f.opcode == CONTINUE and scan and f.status not in (BUSY, NO_ACCESS, WRONG):
            must(scan.over or f.status != NO_SUCH, "a scan that was there is not")
            scan.over = True

    def _created(self, asked, f):
        must(len(f.value) == 16, "an id has 16 bytes")
        resume = asked.want.resume
        must(len(f.extras) == (4 if resume else 0), "extras")
        if resume and int.from_bytes(f.extras, "big"):
            must(int.from_bytes(f.extras, "big") == 1, "extras")
            must(f.value == resume[:16], "the id of one that goes on is another")
            self.scans[f.value].last = asked.want.after
            return []
        must(f.value not in self.scans, "an id that was there before")
        must(not asked.want.is_empty(), "an empty range")
        must(asked.frame.vbucket < (self.vbuckets or 1024), "no such vbucket")
        self.scans[f.value] = Scan(asked.want, asked.frame.vbucket)
        self.scans[f.value].last = asked.want.after
        return []

    def _cancelled(self, asked, f):
        must(not f.extras and not f.value, "a body")
        if asked.id in self.scans:
            must(not self.scans[asked.id].over, "the scan was over")
            self.scans[asked.id].over = True
        return []

    def _continued(self, asked, f):
        scan = self.scans.get(asked.id)
        must(scan, "a scan that nobody created")
        must(not scan.over or f.status != SUCCESS, "the scan was over")
        must(len(f.extras) == 4, "extras", f.extras)
        kind = struct.unpack(">I", f.extras)[0]
        must(kind == (0 if scan.want.keys_only else 1), "extras", kind)
        out = records(f.value, kind == 1)
        must(out or f.status != SUCCESS, "a frame of nothing")
        for r in out:
            must(scan.last is None or scan.last != r.key and
                 (scan.last < r.key) != scan.want.descending, "order", scan.last, r.key)
            scan.last = r.key
            scan.want.must_have(r.key)
            must(not self.vbuckets or vbucket_of(r.key, self.vbuckets) == scan.vbucket,
                 "another vbucket's", r.key)
            asked.records += 1
            asked.before_last, asked.bytes = asked.bytes, asked.bytes + r.size
        self.nrecords += len(out)
        self._limits(asked, f)
        scan.over |= f.status == COMPLETE and not scan.want.resumable
        return out

    @staticmethod
    def _limits(asked, f):
        items, ms, size = asked.limits
        must(not items or asked.records <= items, "more records than", items)
        must(not size or asked.before_last < size, "more bytes than", size)
        must(f.status != MORE or items or ms or size, "more, though nothing was limited")
        if f.status == MORE and not ms:
            must(items and asked.records == items or size and asked.bytes >= size,
                 "more, though no limit was reached", asked.records, asked.bytes)
        must(f.status != MORE or asked.records, "more, and not one record")
