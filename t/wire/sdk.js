// SPDX-License-Identifier: BSD-2-Clause
/* What a program with Couchbase's own SDK sees.  Argument: JSON with
 *
 *     port, user, password
 *     few        documents of the data that is compared exactly
 *     many       documents of 1 to 10 KiB that are overwritten while they are scanned
 *     brief      what is done again and again is done once: each scan is a thousand
 *
 * This SDK takes a scan that failed in the middle for one that is over: so each
 * result is compared with what it must be, record for record. */
'use strict';

const assert = require('assert');
const net = require('net');
const { inspect } = require('util');
const couchbase = require('couchbase');

const { PrefixScan, RangeScan, SamplingScan } = couchbase;
const o = JSON.parse(process.argv[2]);
// Reached if something is wrong, and then only.
const ENOUGH = 100000;

let cluster, bucket, all;
const stored = new Map(); // id: {content, cas}

// Ids in the order of their bytes.
const bytewise = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const inOrder = (ids) => [...ids].sort(bytewise);
const seconds = () => Math.floor(Date.now() / 1000);

async function connected(password = o.password, username = o.user) {
    return couchbase.connect(`couchbase://127.0.0.1:${o.port}?enable_dns_srv=false`, {
        username,
        password,
        timeouts: { kvTimeout: ENOUGH / 2, bootstrapTimeout: ENOUGH },
    });
}

async function fails(promise, error) {
    await assert.rejects(promise, (e) => {
        assert.strictEqual(e.constructor.name, error.name, e);
        return true;
    });
}

// So many at a time.
async function forAll(list, work, width = 200) {
    const left = list.values();
    const one = async () => {
        for (const each of left) {
            await work(each);
        }
    };
    await Promise.all(Array.from({ length: width }, one));
}

// Until it is so: there is no event that would say it.
async function until(isSo, what) {
    const end = Date.now() + ENOUGH;
    while (!(await isSo())) {
        assert.ok(Date.now() < end, what);
        await new Promise((go) => setTimeout(go, 5));
    }
}

// A number of the server's statistics, as a text client is told.
function stat(name) {
    return new Promise((tell, fail) => {
        const s = net.connect(o.port, '127.0.0.1');
        const login = `${o.user} ${o.password}`;
        let got = '';
        s.setTimeout(ENOUGH, () => s.destroy());
        s.on('error', fail);
        s.on('data', (data) => {
            got += data;
            if (got.endsWith('END\r\n')) {
                s.destroy();
                tell(Number(new RegExp(`^STAT ${name} (\\d+)`, 'm').exec(got)[1]));
            }
        });
        s.on('close', () => fail(new Error(`stats: ${got}`)));
        s.write(`set login 0 0 ${login.length}\r\n${login}\r\nstats scans\r\n`);
    });
}

const noScanIsOpen = () => until(async () => await stat('scans_open') === 0,
    'a scan is left open');

async function put(id, content, options) {
    const { cas } = await all.upsert(id, content, options);
    stored.set(id, { content, cas });
}

function scanned(type, options = {}, collection = all) {
    return collection.scan(type, { timeout: ENOUGH, concurrency: 16, ...options });
}

// The rows are these documents, each once, whole.
function areThese(rows, ids) {
    assert.deepStrictEqual(inOrder(rows.map((r) => r.id)), inOrder(ids));
    for (const row of rows) {
        const { content, cas } = stored.get(row.id);
        assert.deepStrictEqual(row.content, content, row.id);
        assert.strictEqual(String(row.cas), String(cas), row.id);
    }
}

function areIds(rows, ids) {
    assert.deepStrictEqual(inOrder(rows.map((r) => r.id)), inOrder(ids));
    for (const row of rows) {
        assert.strictEqual(row.content, undefined);
        assert.strictEqual(row.cas, undefined);
    }
}

const id = (i) => `doc:${String(i).padStart(6, '0')}`;
const ofAll = (isSo) => [...stored.keys()].filter(isSo);

// Facts: the name of each is what it establishes.

const documents = {
    async a_wrong_password_and_an_unknown_user_are_refused() {
        const wrong = couchbase.AuthenticationFailureError;
        await fails(connected('not it'), wrong);
        await fails(connected(o.password, 'nobody'), wrong);
    },

    async what_is_stored_is_got_whatever_its_type() {
        for (const content of [{ a: 1, b: [null, 'ä'] }, 'text', Buffer.from([0, 255]), 7,
            [], '', true, { long: 'x'.repeat(900000) }]) {
            const { cas } = await all.upsert('one', content);
            const got = await all.get('one');
            assert.deepStrictEqual(got.content, content);
            assert.strictEqual(String(got.cas), String(cas));
        }
        await fails(all.insert('one', 1), couchbase.DocumentExistsError);
        await fails(all.get('none'), couchbase.DocumentNotFoundError);
        await all.insert('two', 2);
        assert.strictEqual((await all.get('two')).content, 2);
    },

    async a_replace_wants_a_document_and_its_cas() {
        await fails(all.replace('none', 1), couchbase.DocumentNotFoundError);
        const { cas } = await all.upsert('one', 1);
        const { cas: next } = await all.replace('one', 2, { cas });
        assert.notStrictEqual(String(next), String(cas));
        await fails(all.replace('one', 3, { cas }), couchbase.CasMismatchError);
        assert.strictEqual((await all.get('one')).content, 2);
        await all.replace('one', 4);
        assert.strictEqual((await all.get('one')).content, 4);
    },

    async a_remove_wants_its_cas_and_removes() {
        const { cas } = await all.upsert('one', 1);
        await all.upsert('one', 2);
        await fails(all.remove('one', { cas }), couchbase.CasMismatchError);
        assert.ok((await all.exists('one')).exists);
        const removed = await all.remove('one');
        assert.ok(removed.cas);
        assert.ok(!(await all.exists('one')).exists);
        await fails(all.remove('one'), couchbase.DocumentNotFoundError);
    },

    async counters_count() {
        const c = all.binary();
        await fails(c.increment('count', 1), couchbase.DocumentNotFoundError);
        assert.strictEqual((await c.increment('count', 1, { initial: 5 })).value, 5);
        assert.strictEqual((await c.increment('count', 37)).value, 42);
        assert.strictEqual((await c.decrement('count', 2)).value, 40);
        assert.strictEqual((await c.decrement('count', 100)).value, 0);
        assert.strictEqual((await all.get('count')).content, 0);
        await all.upsert('count', 'no number');
        await fails(c.increment('count', 1), couchbase.DeltaInvalidError);
        await all.remove('count');
    },

    async bytes_are_appended_and_prepended() {
        const c = all.binary();
        await fails(c.append('bytes', 'x'), couchbase.DocumentNotFoundError);
        await all.upsert('bytes', Buffer.from('middle'));
        await c.append('bytes', Buffer.from(' end'));
        await c.prepend('bytes', Buffer.from('begin '));
        assert.strictEqual(String((await all.get('bytes')).content), 'begin middle end');
        await all.remove('bytes');
    },

    async what_exists_is_told_with_its_cas() {
        const { cas } = await all.upsert('one', 1);
        const is = await all.exists('one');
        assert.ok(is.exists);
        assert.strictEqual(String(is.cas), String(cas));
        assert.ok(!(await all.exists('none')).exists);
    },

    async documents_expire_when_it_is_said() {
        const soon = ['soon:upsert', 'soon:touch', 'soon:getAndTouch'];
        const now = seconds();
        await all.upsert(soon[0], 1, { expiry: 1 });
        await all.upsert(soon[1], 1);
        await all.touch(soon[1], 1);
        await all.upsert(soon[2], { a: 1 });
        assert.deepStrictEqual((await all.getAndTouch(soon[2], 1)).content, { a: 1 });
        await all.upsert('later:touch', 1, { expiry: 600 });
        await all.touch('later:touch', 5000);
        await all.upsert('later:upsert', 1, { expiry: 3000 });
        await fails(all.touch('none', 1), couchbase.DocumentNotFoundError);
        await fails(all.getAndTouch('none', 1), couchbase.DocumentNotFoundError);
        await until(async () => {
            const is = await Promise.all(soon.map((each) => all.exists(each)));
            return is.every((each) => !each.exists);
        }, 'it does not expire');
        await fails(all.get(soon[0]), couchbase.DocumentNotFoundError);
        assert.deepStrictEqual(await scanned(new PrefixScan('soon:')), []);
        const rows = await scanned(new PrefixScan('later:'));
        rows.sort((a, b) => bytewise(a.id, b.id));
        assert.deepStrictEqual(rows.map((r) => r.id), ['later:touch', 'later:upsert']);
        for (const [row, after] of [[rows[0], 5000], [rows[1], 3000]]) {
            const left = row.expiryTime - now - after;
            assert.ok(left >= 0 && left <= seconds() - now + 1, `${row.id} ${left}`);
        }
        await Promise.all(rows.map((r) => all.remove(r.id)));
    },
};

const scans = {
    async nothing_but_what_is_stored_now_is_there() {
        const rows = await scanned(new RangeScan(), { idsOnly: true });
        await forAll(rows, (r) => all.remove(r.id));
        assert.deepStrictEqual(await scanned(new RangeScan()), []);
        const list = Array.from({ length: o.few }, (_, i) => i);
        await forAll(list, (i) => put(id(i), i % 3 ? { i, text: 'x'.repeat(i % 700) } :
            Buffer.from(`${i}`)));
        for (const each of ['a', 'doc', 'doc:', 'doc;', 'schlüssel', '\u0000', '🦊', 'ÿ']) {
            await put(each, { each });
        }
    },

    async a_range_scan_is_everything() {
        areThese(await scanned(new RangeScan()), stored.keys());
        if (!o.brief) {
            areThese(await scanned(new RangeScan(), { concurrency: 1 }), stored.keys());
        }
    },

    async ids_alone_are_the_same() {
        areIds(await scanned(new RangeScan(), { idsOnly: true }), stored.keys());
    },

    async bounds_are_inclusive_and_exclusive() {
        const a = id(Math.floor(o.few / 4)), z = id(Math.floor(o.few / 2));
        for (const [low, high] of o.brief ? [[a, z]] :
            [[a, z], ['doc:0000005', 'doc:000049x']]) {
            for (const noLow of [false, true]) {
                for (const noHigh of [false, true]) {
                    const type = new RangeScan({ term: low, exclusive: noLow },
                        { term: high, exclusive: noHigh });
                    areThese(await scanned(type), ofAll((k) => k >= low && k <= high &&
                        !(noLow && k === low) && !(noHigh && k === high)));
                }
            }
        }
        areThese(await scanned(new RangeScan({ term: z })),
            ofAll((k) => bytewise(k, z) >= 0));
        areThese(await scanned(new RangeScan(undefined, { term: a, exclusive: true })),
            ofAll((k) => bytewise(k, a) < 0));
    },

    async a_range_without_documents_is_empty() {
        for (const type of [new RangeScan({ term: 'x' }, { term: 'b' }),
            new RangeScan({ term: 'nothing' }, { term: 'nothinz' }),
            new RangeScan({ term: 'a', exclusive: true }, { term: 'a' }),
            new PrefixScan('no such')]) {
            assert.deepStrictEqual(await scanned(type), []);
        }
    },

    async a_prefix_gives_what_begins_so() {
        for (const prefix of o.brief ? ['doc:0000'] :
            ['doc:0000', 'doc', 'schl', '🦊', id(7)]) {
            areThese(await scanned(new PrefixScan(prefix)),
                ofAll((k) => k.startsWith(prefix)));
        }
    },

    async small_pieces_are_the_same_whole() {
        areThese(await scanned(new RangeScan(), { batchByteLimit: 3 }), stored.keys());
    },

    async a_sample_is_the_same_for_the_same_seed() {
        const limit = Math.floor(o.few / 5);
        for (const seed of o.brief ? [1] : [1, 424242, -7]) {
            const sample = async () => inOrder((await scanned(
                new SamplingScan(limit, seed), { idsOnly: true, concurrency: 1 },
            )).map((r) => r.id));
            const first = await sample();
            assert.ok(first.length > 0 && first.length <= limit, first.length);
            assert.strictEqual(new Set(first).size, first.length);
            assert.ok(first.every((k) => stored.has(k)));
            assert.deepStrictEqual(await sample(), first);
        }
        const some = await scanned(new SamplingScan(limit));
        areThese(some, some.map((r) => r.id));
        areThese(await scanned(new SamplingScan(o.few * 2, 3)), stored.keys());
    },

    async a_scan_is_consistent_with_what_was_written() {
        for (let i = 0; i < (o.brief ? 1 : 20); i++) {
            const state = new couchbase.MutationState();
            const ids = Array.from({ length: 10 }, (_, n) => `written:${i}:${n}`);
            await Promise.all(ids.map(async (each) => {
                const { cas, token } = await all.upsert(each, { i });
                stored.set(each, { content: { i }, cas });
                assert.notStrictEqual(JSON.parse(JSON.stringify(token)).partition_uuid, '0');
                state.add(token);
            }));
            areThese(await scanned(new PrefixScan(`written:${i}:`),
                { consistentWith: state }), ids);
        }
    },

    async named_collections_are_scanned_apart() {
        const orders = bucket.scope('shop').collection('orders');
        const users = bucket.scope('shop').collection('users');
        const ids = Array.from({ length: 100 }, (_, i) => id(i * 3));
        await Promise.all(ids.map((each) => orders.upsert(each, { order: each })));
        await Promise.all(ids.slice(50).map((each) => users.upsert(each, { user: each })));
        const rows = async (...scan) => inOrder((await scanned(...scan)).map((r) =>
            `${r.id} ${JSON.stringify(r.content)}`));
        const is = (list, name) => inOrder(list.map((each) =>
            `${each} ${JSON.stringify({ [name]: each })}`));
        assert.deepStrictEqual(await rows(new RangeScan(), {}, orders), is(ids, 'order'));
        assert.deepStrictEqual(await rows(new RangeScan(), {}, users),
            is(ids.slice(50), 'user'));
        assert.deepStrictEqual(await rows(new RangeScan({ term: ids[10] },
            { term: ids[20], exclusive: true }), {}, orders),
        is(ids.slice(10, 20), 'order'));
        areIds(await scanned(new SamplingScan(1000, 1), { idsOnly: true }, users),
            ids.slice(50));
        areThese(await scanned(new RangeScan()), stored.keys());
        await orders.remove(ids[0]);
        assert.ok(!(await orders.exists(ids[0])).exists);
        assert.ok((await all.exists(ids[0])).exists);
        await Promise.all(ids.slice(1).map((each) => orders.remove(each)));
        assert.deepStrictEqual(await scanned(new RangeScan(), {}, orders), []);
        await fails((async () => scanned(new RangeScan(), {},
            bucket.scope('shop').collection('none')))(), couchbase.CollectionNotFoundError);
    },

    async many_scans_at_once_are_each_whole() {
        await Promise.all(Array.from({ length: o.brief ? 4 : 20 }, async (_, i) => {
            const from = Math.floor(o.few / 40) * i;
            if (i % 2) {
                areThese(await scanned(new RangeScan({ term: id(from) })),
                    ofAll((k) => bytewise(k, id(from)) >= 0));
            } else {
                areIds(await scanned(new RangeScan(), { idsOnly: true }), stored.keys());
            }
        }));
    },

    async a_scan_that_is_given_up_is_not_left_open() {
        await noScanIsOpen();
        const before = await stat('scans_created');
        const cancelled = await stat('scans_cancelled');
        let rows = 0;
        const scan = scanned(new RangeScan(), { batchByteLimit: 5 });
        await new Promise((go, fail) => {
            scan.on('error', fail);
            scan.on('end', go);
            scan.on('result', () => {
                rows++;
                scan.cancelStreaming();
            });
        });
        assert.ok(rows < stored.size, rows);
        assert.ok(await stat('scans_created') > before);
        await until(async () => await stat('scans_cancelled') > cancelled,
            'no scan was cancelled');
        await noScanIsOpen();
    },

    async a_scan_beside_writers_has_each_document_once_and_whole() {
        const name = (i) => `many:${String(i).padStart(5, '0')}`;
        const at = new Map();
        const content = (i, version) => ({ version,
            text: String.fromCharCode(97 + version % 26).repeat(1024 + i * 7919 % 9217) });
        const write = async (i) => {
            const doc = at.get(name(i)) || { i, sent: 0, acknowledged: 0 };
            at.set(name(i), doc);
            const version = ++doc.sent;
            await all.upsert(name(i), content(i, version));
            doc.acknowledged = Math.max(doc.acknowledged, version);
        };
        await forAll(Array.from({ length: o.many }, (_, i) => i), write);

        let over = false, rewritten = 0;
        const writer = async (_, w) => {
            for (let i = w; !over; i += 7) {
                await write(i * 31 % o.many);
                rewritten++;
            }
        };
        const writers = Promise.all(Array.from({ length: 7 }, writer));
        let begin, rows;
        try {
            // again, if nobody had the processor to write meanwhile
            for (let before = rewritten; rewritten - before <= 7;) {
                before = rewritten;
                begin = new Map([...at].map(([k, doc]) => [k, doc.acknowledged]));
                rows = await scanned(new PrefixScan('many:'), { batchByteLimit: 100000 });
            }
        } finally {
            over = true;
        }
        await writers;
        assert.deepStrictEqual(inOrder(rows.map((r) => r.id)), inOrder(at.keys()));
        for (const row of rows) {
            const doc = at.get(row.id), { version } = row.content;
            assert.ok(version >= begin.get(row.id) && version <= doc.sent, row.id);
            assert.ok(row.content.text === content(doc.i, version).text, row.id);
        }
        await noScanIsOpen();
    },

    async what_is_open_ends_with_its_client() {
        const other = await connected();
        const scan = scanned(new RangeScan(), { batchByteLimit: 1 },
            other.bucket('default').defaultCollection());
        await new Promise((go) => {
            scan.on('error', () => {});
            scan.on('result', go);
        });
        await other.close();
        await noScanIsOpen();
    },
};

async function main() {
    let failed = 0;
    cluster = await connected();
    bucket = cluster.bucket('default');
    all = bucket.defaultCollection();
    for (const [name, fact] of Object.entries({ ...documents, ...scans })) {
        const text = name.replaceAll('_', ' '), from = Date.now();
        try {
            await fact();
            console.log(`ok: ${text}${process.env.EWB_SDK_TIMES ?
                `, ${Date.now() - from} ms` : ''}`);
        } catch (e) {
            console.log(`${inspect(e)}\nFAILED: ${text}`);
            failed = 1;
        }
    }
    await cluster.close();
    if (process.env.EWB_SDK_TIMES) {
        const { user, system } = process.cpuUsage();
        console.log(`# ${(user + system) / 1000} ms of a processor`);
    }
    return failed;
}

main().then((failed) => process.exit(failed), (e) => {
    console.log(`${inspect(e)}\nFAILED: the SDK reaches the server`);
    process.exit(1);
});
