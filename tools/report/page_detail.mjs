// The panel about one page: whose it is, what it holds, how it is laid out, what is wrong with it.

import { ageLabel, ageStep, useColours, useNames } from './colour.mjs';
import { byteSize, element, fill, number, table } from './element.mjs';
import { keyText } from './key_text.mjs';
import { partsFromFigures, partsOfPage } from './layout.mjs';
import { layoutView } from './layout_view.mjs';
import { decodeRuns, undoDifferences } from './run_code.mjs';

const rowsAtFirst = 40;

export class PageDetail {
    constructor(report, onSelect) {
        this.report = report;
        this.onSelect = onSelect;
    }

    show(page, theme) {
        const { report } = this;
        const cell = report.cellOfPage(page);
        const node = report.nodes.ofPage.get(page);
        const detail = report.detailOf.get(page);
        const findings = report.findingsOf.get(page) ?? [];
        fill('detail',
            element('h3', {}, `Page ${number(page)}`),
            findings.map((each) => element('p', { class: 'finding' }, `${each.kind}: ${each.text}`)),
            this.#facts(page, cell, node, detail),
            this.#picture(node, detail, theme),
            this.#raw(detail),
            this.#entries(node, detail));
    }

    pageButton(page) {
        return element('button', {
            type: 'button', class: 'page', onclick: () => this.onSelect(page),
        }, number(page));
    }

    #facts(page, cell, node, detail) {
        const { report } = this;
        const { nodes } = report;
        const exact = report.grain === 1 || page === report.firstPageOf(cell);
        const facts = [['offset', `${number(page * report.page_bytes)} bytes`]];
        const add = (name, content) => facts.push([name, content]);
        if (node === undefined) {
            if (exact) add('use', useNames[report.uses[report.useOf(cell)]]);
            if (exact && report.treeOf(cell) > 0) add('tree', report.treeLabel(report.treeOf(cell) - 1));
            if (exact && report.fillText(cell)) add('filled', report.fillText(cell));
            if (exact && report.ageOf(cell) > 0) {
                add('written', `${ageLabel(report.ageOf(cell))} before the newest`);
            }
        } else {
            const level = nodes.level[node];
            add('use', `${level === 0 ? 'leaf' : 'inner node'}, level ${level}`);
            add('tree', report.treeLabel(nodes.tree[node]));
            const above = nodes.parent[node];
            add('parent', above < 0 ? 'none: it is the root' : this.pageButton(nodes.page[above]));
            add(level === 0 ? 'entries' : 'children', number(nodes.items[node]));
            if (level > 0) add('entries below', number(nodes.entries[node]));
            add('filled', `${(nodes.fill[node] / 10).toFixed(1)} %`);
            if (nodes.age[node] > 0) {
                add('written by', `transaction ${number(report.transaction - nodes.age[node] + 1)}`);
                add('that is', `${ageLabel(ageStep(nodes.age[node]))} before the newest`);
            }
            if (nodes.fence !== null) add('keys from', this.#fences(node));
        }
        if (detail?.checksum) add('checksum', detail.checksum);
        const state = report.isDamaged(cell) && exact ? 'DAMAGED' : null;
        if (state) add('state', state);
        return element('dl', { class: 'pairs' }, facts.map(([name, content]) => {
            return [element('dt', {}, name), element('dd', {}, content)];
        }).flat());
    }

    #fences(node) {
        const { nodes } = this.report;
        const text = (fence, open) => (fence === null ? open : this.keyText(nodes.tree[node], fence));
        const lower = text(nodes.fence[node], 'the first');
        return `${lower} up to ${text(nodes.upperFence(node), 'the last')}`;
    }

    keyText(tree, key) {
        return keyText(this.report.trees[tree]?.key_type ?? 'bytes', key, this.report.style);
    }

    #picture(node, detail, theme) {
        if (node === undefined) return [];
        const { report } = this;
        const free = useColours(theme).free;
        const tree = report.trees[report.nodes.tree[node]];
        if (detail?.layout) {
            const keys = report.keysOf(detail);
            const text = (i) => (keys ? ` (${this.keyText(report.nodes.tree[node], keys[i])})` : '');
            return layoutView(partsOfPage(detail, tree, report.page_bytes), report.page_bytes, free, text);
        }
        if (report.nodes.unsound.has(node) || tree === undefined) return [];
        const parts = partsFromFigures(report.nodes.items[node], report.nodes.fill[node], tree.layout,
            report.page_bytes);
        return [...layoutView(parts, report.page_bytes, free, () => ''),
            element('p', { class: 'quiet' }, 'Drawn from its figures: the report has no entries of this page.')];
    }

    // The header of a damaged page, as it stands in the file.
    #raw(detail) {
        if (!detail?.header) return [];
        const rows = detail.header.map(([field, found]) => {
            return [element('span', { class: 'whole' }, field), found];
        });
        return table('Its header, as it stands in the file', ['field', 'found'], rows);
    }

    #entries(node, detail) {
        if (!detail?.layout || detail.count === 0 || !(detail.values || detail.children)) return [];
        const tree = this.report.nodes.tree[node];
        const keys = this.report.keysOf(detail);
        const inner = detail.level > 0;
        const numbers = inner ? undoDifferences(decodeRuns(detail.children, detail.count))
            : decodeRuns(detail.values, detail.count);
        const counts = inner ? decodeRuns(detail.counts, detail.count) : null;
        const large = new Map(detail.large ?? []);
        const headings = ['>entry', 'key', inner ? '>child' : '>value'];
        if (inner) headings.push('>entries');
        const keyOf = (i) => {
            if (!keys) return 'hidden';
            return keys[i] === null ? 'the first' : this.keyText(tree, keys[i]);
        };
        const valueOf = (i) => {
            if (large.has(i)) return ['large: ', this.pageButton(large.get(i))];
            return detail.texts ? detail.texts[i] : byteSize(numbers[i]);
        };
        const rowOf = (i) => {
            const row = [number(i), element('code', {}, keyOf(i))];
            if (!inner) return [...row, valueOf(i)];
            return [...row, this.pageButton(numbers[i]), number(counts[i])];
        };
        const rowsUpTo = (count) => Array.from({ length: count }, (_, i) => rowOf(i));
        const caption = inner ? 'Its children' : 'Its entries';
        const box = element('div', { class: 'scroll' },
            table(caption, headings, rowsUpTo(Math.min(detail.count, rowsAtFirst))));
        if (detail.count <= rowsAtFirst) return box;
        const all = element('button', { type: 'button', onclick: () => {
            box.replaceChildren(table(caption, headings, rowsUpTo(detail.count)));
            all.remove();
        } }, `all ${number(detail.count)}`);
        return [box, all];
    }
}
