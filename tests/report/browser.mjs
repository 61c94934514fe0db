// The reports of report_samples, opened in a headless Chromium: what stands in the page, what
// happens on keys, clicks and searches, that nothing complains, and that it is on the screen within
// a second. Screenshots stay in FOLDER to be looked at.
//
//   FOLDER=build-dev/report node --test tests/report/browser.mjs

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';

import { Chromium } from './chromium.mjs';

const folder = resolve(process.env.FOLDER ?? 'build-dev/report');
let browser;

before(async () => { browser = await Chromium.start(); });
after(async () => { await browser?.close(); });

// Opens a report, lets `look` at it, keeps a picture, and holds it to silence.
async function withReport(name, look, { kept = name, ...size } = {}) {
    const page = await browser.open(size);
    await page.load(`${folder}/${name}.html`);
    await look(page);
    writeFileSync(`${folder}/${kept}.png`, await page.screenshot({ whole: true }));
    assert.deepEqual(page.complaints, []);
    assert.match(await page.evaluate('document.title'), / - Pinyon report$/, 'no script of a file ran');
    await page.close();
}

const has = async (page, selector, expected) => {
    const text = await page.text(selector);
    assert.ok(text.includes(expected), `${selector} says "${text}", expected "${expected}"`);
};
const count = (page, selector) => page.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
const choose = (page, name, value) => page.evaluate(
    `document.querySelector('input[name="${name}"][value="${value}"]').click()`);

// Colours of the map's pixels by how often they are there.
const colours = (page) => page.evaluate(`(() => {
    const canvas = document.getElementById('map-canvas');
    // A copy: the browser complains of pictures that are read again and again.
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const data = context.getImageData(0, 0, copy.width, copy.height).data;
    const seen = {};
    for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 255) continue;
        const colour = '#' + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, '0')).join('');
        seen[colour] = (seen[colour] ?? 0) + 1;
    }
    return seen;
})()`);

const firstPaint = (page) => page.evaluate(
    'performance.getEntriesByName("first-contentful-paint")[0].startTime');

test('a database without trees', () => withReport('empty', async (page) => {
    await has(page, '.verdict', 'sound');
    await has(page, '#map-table', 'meta page');
    await has(page, '#tree-table', '(catalog)');
    assert.equal(await page.evaluate('document.getElementById("findings").hidden'), true);
}));

test('a tree of one page, with its values', () => withReport('one', async (page) => {
    await page.type('#key', 'pinyon');
    await has(page, '#outcome', 'It is there: entry 1 of the 2');
    await has(page, '#detail', 'pinus edulis');
    await page.type('#key', 'oak');
    await has(page, '#outcome', 'It is not there; it would be entry 0');
    assert.equal(await count(page, '#way li'), 1);
}));

test('several trees: search, colours, order, keyboard', () => withReport('mixed', async (page) => {
    assert.equal(await count(page, '#tree-choice option'), 4);
    await has(page, '#tree-choice', 'users (string)');

    // 1. A typed key lights its way.
    await page.evaluate(`(() => {
        const choice = document.getElementById('tree-choice');
        choice.value = [...choice.options].findIndex((each) => each.textContent.startsWith('numbers'));
        choice.dispatchEvent(new Event('change'));
    })()`);
    await page.type('#key', '7919');
    await has(page, '#outcome', 'It is there');
    assert.equal(await count(page, '#way li'), 3);
    await has(page, '#detail', 'leaf, level 0');
    assert.ok(await count(page, '#nodes .node') > 5);
    await page.type('#key', 'pine');
    await has(page, '#outcome', 'A key of type u64 is a whole number without sign');
    assert.equal(await page.evaluate('document.getElementById("key").ariaInvalid'), 'true');
    await page.type('#key', '7919');

    // 2. Keys that were asked for.
    await page.evaluate('document.querySelectorAll("#asked button")[0].click()');
    await has(page, '#outcome', 'The key is there.');
    await page.evaluate('document.querySelectorAll("#asked button")[1].click()');
    await has(page, '#outcome', 'The key is not there.');

    // 3. Each colouring draws something of its own, and has a legend.
    const drawn = new Set();
    for (const by of ['kind', 'tree', 'fill', 'age', 'state']) {
        await choose(page, 'by', by);
        drawn.add(JSON.stringify(await colours(page)));
        assert.ok(await count(page, '#map-legend li') > 0);
    }
    assert.equal(drawn.size, 5);
    await choose(page, 'by', 'kind');
    const rows = await colours(page);
    assert.ok(rows['#56b4e9'] > 1000, 'leaves are there');
    await choose(page, 'order', 'hilbert');
    assert.ok((await colours(page))['#56b4e9'] > 1000);

    // 4. The map by keyboard.
    await page.evaluate('document.getElementById("map-marks").focus()');
    await page.press('Home');
    await has(page, '#map-readout', 'Page 0, meta page');
    await choose(page, 'order', 'rows');
    await page.evaluate('document.getElementById("map-marks").focus()');
    await page.press('Home');
    for (let i = 0; i < 3; ++i) await page.press('ArrowRight');
    await has(page, '#map-readout', 'Page 3');
    await page.press('Enter');
    await has(page, '#detail h3', 'Page 3');
    await page.press('End');
    await has(page, '#map-readout', `Page ${(await page.evaluate(
        'JSON.parse(document.getElementById("data").textContent).page_count') - 1).toLocaleString('en')}`);

    // 5. The map by pointer, the tree by keyboard and pointer.
    const box = await page.evaluate(`(() => {
        const { left, top } = document.getElementById('map-marks').getBoundingClientRect();
        return [left, top];
    })()`);
    await page.clickAt(box[0] + 2, box[1] + 2);
    await has(page, '#detail h3', 'Page 0');
    await page.evaluate('document.getElementById("icicle").focus()');
    await page.press('ArrowDown');
    await page.press('ArrowRight');
    await has(page, '#icicle-readout', 'inner node, level 1');
    await page.press('Enter');
    await has(page, '#detail', 'inner node, level 1');
    await page.press('Enter');
    await page.press('Escape');
    await page.evaluate('document.querySelector("#detail button.page").click()');
    await has(page, '#detail', 'none: it is the root');

    // 6. Pictures have tables behind them, and every field has a name.
    assert.ok(await count(page, 'details.behind table') >= 6);
    assert.equal(await page.evaluate(`[...document.querySelectorAll('input, select, canvas:not([aria-hidden])')]
        .filter((each) => !each.labels?.length && !each.ariaLabel).length`), 0);

    await page.type('#page', '200');
    await page.evaluate('document.getElementById("page").dispatchEvent(new Event("change"))');
    await has(page, '#detail h3', 'Page 200');
    await page.evaluate('document.querySelectorAll("#asked button")[0].click()');
}));

test('the same in a dark system, and on a narrow screen', async () => {
    await withReport('mixed', async (page) => {
        await choose(page, 'by', 'age');
        await choose(page, 'order', 'hilbert');
        assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(18, 22, 27)');
    }, { kept: 'mixed-dark', dark: true });
    await withReport('mixed', async (page) => {
        const wide = await page.evaluate('document.documentElement.scrollWidth');
        assert.ok(wide <= 420, `${wide} pixels wide`);
    }, { kept: 'mixed-narrow', width: 420 });
});

test('a report with hidden keys', () => withReport('redacted', async (page) => {
    assert.equal(await page.evaluate('document.getElementById("key").disabled'), true);
    await page.evaluate('document.querySelector("#asked button").click()');
    await has(page, '#asked', 'key 1 in users');
    await has(page, '#outcome', 'The key is there.');
    assert.equal(await count(page, '#way li'), 3);
    await has(page, '#detail', 'hidden');
    assert.ok(!(await page.text('body')).includes('user:'));
}));

test('a damaged file', () => withReport('damaged', async (page) => {
    await has(page, '.verdict', 'damaged');
    assert.equal(await count(page, '#finding-table tbody tr'), 4);
    await has(page, '#finding-table', 'checksum_page');
    assert.ok((await colours(page))['#d55e00'] > 50, 'damage is on the map');
    await page.evaluate('document.querySelectorAll("#finding-table button.page")[1].click()');
    await has(page, '#detail', 'checksum_page');
    await has(page, '#detail', 'as it stands in the file');
    await choose(page, 'by', 'state');
    await has(page, '#map-legend', 'damaged 4');
}));

test('a file of which no meta can be used', () => withReport('unusable', async (page) => {
    await has(page, '.verdict', 'damaged');
    await has(page, '#finding-table', 'meta_damaged');
}));

test('hostile names, keys and values are text', () => withReport('hostile', async (page) => {
    const names = await page.evaluate(
        'JSON.stringify([...document.querySelectorAll("#tree-table strong")].map((each) => each.textContent))');
    assert.ok(JSON.parse(names).includes("</script><script>document.title='taken'</script>"), names);
    assert.equal(await page.evaluate('document.scripts.length'), 2);
    assert.equal(await count(page, 'img, iframe, object, embed, link, a'), 0);
    // Every page is looked at, so that everything in it is drawn once.
    const pages = await page.evaluate('JSON.parse(document.getElementById("data").textContent).page_count');
    for (let at = 0; at < pages; ++at) {
        await page.evaluate(`(() => {
            const field = document.getElementById('page');
            field.value = ${at};
            field.dispatchEvent(new Event('change'));
            document.querySelectorAll('#detail > button').forEach((each) => each.click());
        })()`);
    }
    for (const text of ['<!--<script>', '</script><script>document.title=\'taken\'</script>', '\\xff\\xfe not UTF-8 \\xc3']) {
        await page.type('#key', text);
        await has(page, '#outcome', 'It is there');
    }
    const shown = await page.text('body');
    assert.doesNotMatch(shown.replace(/<script type="module">[\s\S]*/, ''), /[\u0000-\u0008\u000e-\u001f\u202e\u2028]/);
}));

// Only the best of a few: others may be at work on the machine.
async function bestPaint(name) {
    let best = Infinity;
    for (let attempt = 0; attempt < 5 && best > 1000; ++attempt) {
        await withReport(name, async (page) => { best = Math.min(best, await firstPaint(page)); });
    }
    console.log(`${name}: first paint after ${Math.round(best)} ms`);
    return best;
}

test('a file of more than 20,000 pages', async () => {
    assert.ok(await bestPaint('large') < 1000);
    await withReport('large', async (page) => {
        await page.evaluate('document.querySelector("#asked button").click()');
        await has(page, '#outcome', 'The key is there.');
        await has(page, '#way', 'leaf');
        await page.evaluate('document.getElementById("map-marks").focus()');
        await page.press('ArrowRight');
        assert.equal(await page.evaluate('document.getElementById("map-lens").hidden'), false);
    });
});

test('a million pages', async () => {
    assert.ok(await bestPaint('million') < 1000);
    await withReport('million', async (page) => {
        await has(page, '.note', 'one cell for each');
        await has(page, 'header', 'nodes are listed, from the roots down');
        await page.type('#key', '515403939961');
        await has(page, '#outcome', 'The report goes down to page');
        assert.equal(await count(page, '#way li'), 2);
        await choose(page, 'order', 'hilbert');
        await choose(page, 'by', 'fill');
        assert.ok(Object.keys(await colours(page)).length > 20);
    });
});
