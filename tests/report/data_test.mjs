// The coded columns, the node table, searches through it, and the layout of pages.

import assert from 'node:assert/strict';
import test from 'node:test';

import { keyOf } from '../../tools/report/key_order.mjs';
import { partsFromFigures, partsOfPage } from '../../tools/report/layout.mjs';
import { NodeTable } from '../../tools/report/node_table.mjs';
import { decodeKeys, decodeRuns, undoDifferences } from '../../tools/report/run_code.mjs';
import { pathOfKey, placeOf } from '../../tools/report/search.mjs';

test('a column is read back: single numbers, runs, several letters', () => {
    assert.deepEqual([...decodeRuns('ABZ', 3)], [0, 1, 25]);
    assert.deepEqual([...decodeRuns('bA3C', 4)], [26, 26, 26, 2]);
    assert.deepEqual([...decodeRuns('bcdE10', 10)], new Array(10).fill(((1 * 26 + 2) * 26 + 3) * 26 + 4));
    assert.deepEqual([...decodeRuns('', 0)], []);
    assert.deepEqual([...undoDifferences(decodeRuns('UBBEC', 5))], [10, 9, 8, 10, 11]);
});

test('a column of another length is an error, not a guess', () => {
    for (const [text, length] of [['AB', 3], ['A5', 4], ['', 1], ['ABCD', 3], ['a', 1]]) {
        assert.throws(() => decodeRuns(text, length), /broken/, `${text} ${length}`);
    }
});

test('keys share what they have in common with the one before', () => {
    const keys = decodeKeys(',A6162,C63,,B7a', 5);
    const texts = keys.map((key) => (key === null ? null : Buffer.from(key).toString()));
    assert.deepEqual(texts, [null, 'ab', 'abc', null, 'az']);
    assert.deepEqual(decodeKeys('', 0), []);
    assert.equal(decodeKeys('A', 1)[0].length, 0, 'a key without bytes is not an open fence');
    assert.throws(() => decodeKeys('A', 2), /keys where/);
});

// A tree of three levels: leaves of 10 entries, keys u8; page numbers 100 and up.
function sampleTable({ cut = false, redacted = false } = {}) {
    const fences = [null, null, null, 20, 40, 40, 60, 80, 80];
    const levels = [2, 1, 0, 0, 1, 0, 0, 1, 0];
    const kept = cut ? [0, 1, 4, 7] : levels.map((_, i) => i);
    const letter = (n) => String.fromCharCode(65 + n);
    const column = (values) => values.map(letter).join('');
    const fence = kept.map((i) => (fences[i] === null ? '' : `A${fences[i].toString(16).padStart(2, '0')}`)).join(',');
    const pages = kept.map((i) => 100 + i);
    const differences = pages.map((page, i) => 2 * (page - (pages[i - 1] ?? 0)));
    const code = (n) => (n < 26 ? letter(n) : code(Math.floor(n / 26)).toLowerCase() + letter(n % 26));
    const table = new NodeTable({
        count: kept.length,
        page: differences.map(code).join(''),
        tree: column(kept.map(() => 1)),
        level: column(kept.map((i) => levels[i])),
        items: column(kept.map((i) => [3, 2, 10, 10, 2, 10, 10, 1, 10][i])),
        fill: column(kept.map(() => 5)), age: column(kept.map(() => 1)), entries: column(kept.map(() => 0)),
        fence: redacted ? null : fence, unsound: [],
    });
    return table;
}

test('levels and order say whose child a node is', () => {
    const nodes = sampleTable();
    assert.deepEqual([...nodes.parent], [-1, 0, 1, 1, 0, 4, 4, 0, 7]);
    assert.deepEqual([...nodes.children(0)], [1, 4, 7]);
    assert.deepEqual([...nodes.children(4)], [5, 6]);
    assert.deepEqual([...nodes.children(8)], []);
    assert.deepEqual(nodes.pathTo(6), [0, 4, 6]);
    assert.equal(nodes.roots.get(1), 0);
    assert.equal(nodes.upperFence(3)[0], 40);
    assert.equal(nodes.upperFence(8), null);
    assert.ok(!nodes.isCut(1));
});

test('a search goes where the engine would go', () => {
    const nodes = sampleTable();
    const leaves = [[0, 2], [19, 2], [20, 3], [39, 3], [40, 5], [59, 5], [60, 6], [79, 6], [80, 8], [255, 8]];
    for (const [key, leaf] of leaves) {
        assert.equal(pathOfKey(nodes, 1, keyOf('u8', String(key))).at(-1), leaf, `key ${key}`);
    }
    assert.deepEqual(pathOfKey(nodes, 1, keyOf('u8', '60')), [0, 4, 6]);
    assert.deepEqual(pathOfKey(nodes, 2, keyOf('u8', '60')), [], 'a tree that is not listed');
});

test('where lower levels are left out a search ends at the last one that is there', () => {
    const nodes = sampleTable({ cut: true });
    assert.ok(nodes.isCut(1));
    assert.deepEqual(pathOfKey(nodes, 1, keyOf('u8', '60')), [0, 2]);
    const asked = [{ tree: 1, key: keyOf('u8', '60'), path: [0, 2, 3] }];
    assert.deepEqual(pathOfKey(nodes, 1, keyOf('u8', '60'), asked), [0, 2, 3], 'a key that was asked for');
    assert.deepEqual(pathOfKey(nodes, 1, keyOf('u8', '61'), asked), [0, 2]);
});

test('without keys there is no search', () => {
    assert.deepEqual(pathOfKey(sampleTable({ redacted: true }), 1, keyOf('u8', '60')), []);
});

test('a key has its place among the entries of a leaf', () => {
    const keys = ['2', '4', '6'].map((text) => keyOf('u8', text));
    assert.deepEqual(placeOf(keys, keyOf('u8', '4')), { index: 1, found: true });
    assert.deepEqual(placeOf(keys, keyOf('u8', '5')), { index: 2, found: false });
    assert.deepEqual(placeOf(keys, keyOf('u8', '9')), { index: 3, found: false });
    assert.deepEqual(placeOf([], keyOf('u8', '9')), { index: 0, found: false });
});

function checkWhole(parts, pageBytes) {
    let end = 0;
    for (const [name, offset, bytes] of parts) {
        assert.equal(offset, end, `${name} begins where the part before ends`);
        assert.ok(bytes > 0, name);
        end += bytes;
    }
    assert.equal(end, pageBytes);
}

test('the parts of a slotted page fill it, garbage between cells included', () => {
    const parts = partsOfPage({
        layout: 'slotted', level: 0, count: 2, lower: 132, upper: 4000, fence_bytes: 6,
        cells_at: 'fxWfzW', cells_bytes: 'K2',
    }, {}, 4096);
    checkWhole(parts, 4096);
    const bytesOf = (name) => parts.filter((part) => part[0] === name).reduce((sum, part) => sum + part[2], 0);
    assert.equal(bytesOf('slots'), 20);
    assert.equal(bytesOf('cells'), 20);
    assert.equal(bytesOf('free'), 4000 - 132);
    assert.equal(bytesOf('garbage'), 4096 - 6 - 4000 - 20);
});

test('the parts of a fixed page are its columns', () => {
    const geometry = {
        element_bytes: 8, words: 1, keys: 64, leaf_capacity: 252, values: 2080, inner_capacity: 168,
        children: 1408, checksums: 3424,
    };
    for (const level of [0, 1]) {
        const parts = partsOfPage({ layout: 'fixed', level, count: 100 }, { geometry, value_bytes: 8 }, 4096);
        checkWhole(parts, 4096);
        assert.equal(parts.filter((part) => part[0] === 'keys').length, 100);
        assert.equal(parts.filter((part) => part[0] === (level === 0 ? 'values' : 'children')).length, 100);
    }
});

test('a page without detail is drawn from its figures', () => {
    for (const layout of ['fixed', 'slotted']) {
        for (const fill of [0, 500, 1000]) checkWhole(partsFromFigures(3, fill, layout, 8192), 8192);
    }
});
