// Where cells stand, what colours mean, what bars are called; and rules about the script itself.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { ageLabel, ageStep, inkOn, okabeIto, viridis } from '../../tools/report/colour.mjs';
import { gridFor, hilbertDistance, hilbertPoint } from '../../tools/report/curve.mjs';
import { bitsLabel, shortNumber, usedBuckets } from '../../tools/report/histogram.mjs';
import { windowOf } from '../../tools/report/node_view.mjs';

const folder = new URL('../../tools/report/', import.meta.url);

test('the Hilbert curve visits each cell once, from neighbour to neighbour', () => {
    for (const side of [1, 2, 4, 16, 64]) {
        const seen = new Set();
        let before = null;
        for (let n = 0; n < side * side; ++n) {
            const [x, y] = hilbertPoint(side, n);
            assert.equal(hilbertDistance(side, x, y), n);
            if (before) assert.equal(Math.abs(x - before[0]) + Math.abs(y - before[1]), 1);
            before = [x, y];
            seen.add(`${x},${y}`);
        }
        assert.equal(seen.size, side * side);
        assert.deepEqual(hilbertPoint(side, 0), [0, 0]);
        assert.deepEqual(hilbertPoint(side, side * side - 1), [side - 1, 0], 'where the next square begins');
    }
});

test('every file fits the room, and each cell has a place of its own', () => {
    for (const order of ['rows', 'hilbert']) {
        for (const cells of [0, 1, 2, 3, 100, 2819, 30_000, 262_144]) {
            const grid = gridFor(order, cells, 860, 520, 26);
            assert.ok(grid.columns * grid.size <= 860.001, `${order} ${cells}: ${grid.columns} x ${grid.size}`);
            assert.ok(grid.rows * grid.size <= 520.001, `${order} ${cells}: ${grid.rows} x ${grid.size}`);
            const step = Math.max(1, Math.floor(cells / 997));
            for (let cell = 0; cell < cells; cell += step) {
                const [x, y] = grid.placeOf(cell);
                assert.ok(x >= 0 && x < grid.columns && y >= 0 && y < grid.rows, `${order} ${cells} ${cell}`);
                assert.equal(grid.cellAt(x, y), cell);
            }
        }
    }
});

test('a million cells fit as well, with less than a pixel each', () => {
    for (const order of ['rows', 'hilbert']) {
        const grid = gridFor(order, 2 ** 20, 860, 520, 26);
        assert.ok(grid.columns * grid.rows >= 2 ** 20);
        assert.ok(grid.columns * grid.size <= 861 && grid.rows * grid.size <= 521);
        assert.ok(grid.size < 1);
    }
});

test('ages are told in powers of two, as the columns hold them', () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 8, 9, 2 ** 40].map(ageStep), [0, 1, 2, 3, 3, 4, 4, 5, 25]);
    assert.equal(ageLabel(1), 'no transaction');
    assert.equal(ageLabel(2), '1 transaction');
    assert.equal(ageLabel(4), '4 to 7 transactions');
    assert.equal(ageLabel(25), '8,388,608 transactions or more');
});

test('colours are those that all kinds of sight tell apart', () => {
    assert.equal(viridis(0), '#440154');
    assert.equal(viridis(1), '#fde725');
    assert.equal(viridis(0.5), '#23908c');
    assert.deepEqual(Object.values(okabeIto).sort(),
        ['#0072b2', '#009e73', '#56b4e9', '#cc79a7', '#d55e00', '#e69f00', '#f0e442']);
    assert.equal(inkOn('#fde725'), '#000000');
    assert.equal(inkOn('#440154'), '#ffffff');
});

test('bars have short names', () => {
    assert.deepEqual([0, 1, 2, 3, 11].map(bitsLabel), ['0', '1', '2\u20133', '4\u20137', '1,024\u20132,047']);
    assert.deepEqual([0, 999, 1000, 1500, 123456, 2e6].map(shortNumber), ['0', '999', '1k', '1.5k', '123k', '2M']);
    assert.deepEqual(usedBuckets([0, 0, 3, 0, 4, 0], String), [['2', 3], ['3', 0], ['4', 4]]);
    assert.deepEqual(usedBuckets([0, 0], String), []);
});

test('of a long row the neighbours of a node are shown', () => {
    const row = Array.from({ length: 100 }, (_, i) => i);
    assert.deepEqual(windowOf(row, 50, 5), { shown: [48, 49, 50, 51, 52], before: 48, behind: 47 });
    assert.deepEqual(windowOf(row, 0, 5), { shown: [0, 1, 2, 3, 4], before: 0, behind: 95 });
    assert.deepEqual(windowOf(row, 99, 5), { shown: [95, 96, 97, 98, 99], before: 95, behind: 0 });
    assert.deepEqual(windowOf([7], 7, 5), { shown: [7], before: 0, behind: 0 });
});

const modules = readdirSync(folder).filter((name) => name.endsWith('.mjs'))
    .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]);

test('no module can turn text into markup or code', () => {
    assert.ok(modules.length > 10);
    for (const [name, text] of modules) {
        assert.doesNotMatch(text,
            /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|Function\(|srcdoc|javascript:/, name);
        assert.doesNotMatch(text, /\bfetch\(|XMLHttpRequest|WebSocket|https?:\/\/(?!www\.w3\.org\/2000\/svg')/, name);
    }
});

test('all modules can be one: names at the left edge are unique, and each is built in', () => {
    const owner = new Map();
    for (const [name, text] of modules) {
        const pattern = /^(?:export )?(?:const|let|function|class) (\[[^\]]*\]|\w+)/gm;
        for (const [, names] of text.matchAll(pattern)) {
            for (const each of names.replace(/[[\] ]/g, '').split(',')) {
                assert.equal(owner.get(each), undefined, `${each} in ${name} and ${owner.get(each)}`);
                owner.set(each, name);
            }
        }
    }
    const list = readFileSync(new URL('../CMakeLists.txt', folder), 'utf8');
    const built = /set\(report_modules([^)]*)\)/.exec(list)[1].trim().split(/\s+/);
    assert.deepEqual([...built].sort(), modules.map(([name]) => name.replace('.mjs', '')).sort());
    for (const [name, text] of modules) {
        for (const [, from] of text.matchAll(/^import [^;]* from '\.\/(\w+)\.mjs';/gm)) {
            assert.ok(built.indexOf(from) < built.indexOf(name.replace('.mjs', '')), `${name} needs ${from} before it`);
        }
    }
});

test('lines are clean', () => {
    for (const [name, text] of modules) {
        for (const [i, line] of text.split('\n').entries()) {
            assert.ok(line.length <= 120 && !/[\t\r]| $/.test(line), `${name}:${i + 1}: ${line}`);
        }
    }
});
