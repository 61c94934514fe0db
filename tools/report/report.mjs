// The report's page, put together: what is coloured, selected and lit, and who has to know of it.

import { legendOf, PageMap } from './page_map.mjs';
import { schemeFor, useColours, useNames, viridis } from './colour.mjs';
import { behind, element, fill, number, percent, place, table } from './element.mjs';
import { bitsLabel, histogram, tenthLabel, usedBuckets } from './histogram.mjs';
import { Icicle } from './icicle.mjs';
import { keyOf } from './key_order.mjs';
import { keyText } from './key_text.mjs';
import { drawNodes } from './node_view.mjs';
import { PageDetail } from './page_detail.mjs';
import { ReportData } from './report_data.mjs';
import { pathOfKey, placeOf } from './search.mjs';

const dark = window.matchMedia('(prefers-color-scheme: dark)');

class Report {
    constructor(report) {
        this.report = report;
        this.by = 'kind';
        this.node = null;
        this.page = null;
        this.map = new PageMap(report, (page) => this.select(page));
        this.detail = new PageDetail(report, (page) => this.select(page));
        this.icicle = new Icicle(report, (node) => this.describe(node), (page) => this.select(page));
    }

    get theme() { return dark.matches ? 'dark' : 'light'; }

    // What is seen first comes first; the rest follows when that has been painted.
    start() {
        this.recolour();
        this.map.layOut();
        this.fillTreeChoice();
        this.listen();
        requestAnimationFrame(() => setTimeout(() => {
            this.icicle.showTree(this.tree);
            this.selectFirst();
            this.showTrees();
            this.showHistograms();
            this.showFindings();
            document.documentElement.dataset.ready = 'true';
        }));
    }

    // A damaged page is looked at first, else the root of the largest tree.
    selectFirst() {
        const root = this.report.nodes.roots.get(this.tree);
        const damaged = this.report.findings.find((each) => each.page !== null)?.page;
        const first = damaged ?? (root === undefined ? null : this.report.nodes.page[root]);
        if (first !== null && first < this.report.page_count) this.select(first);
        this.showNodes();
    }

    listen() {
        for (const input of document.querySelectorAll('input[name="by"]')) {
            input.addEventListener('change', () => {
                this.by = input.value;
                this.recolour();
            });
        }
        for (const input of document.querySelectorAll('input[name="order"]')) {
            input.addEventListener('change', () => this.map.setOrder(input.value));
        }
        place('tree-choice').addEventListener('change', () => {
            this.icicle.showTree(this.tree);
            this.search();
        });
        place('search').addEventListener('submit', (event) => {
            event.preventDefault();
            this.search();
        });
        place('key').addEventListener('input', () => this.search());
        place('page').addEventListener('change', () => this.goTo(Number(place('page').value)));
        dark.addEventListener('change', () => this.recolour());
        window.addEventListener('resize', () => {
            this.map.layOut();
            this.icicle.draw();
        });
    }

    recolour() {
        this.scheme = schemeFor(this.by, this.report, this.theme);
        this.map.setScheme(this.scheme);
        this.icicle.setScheme(this.scheme);
        fill('map-legend', legendOf(this.scheme, this.report.page_count));
        fill('map-table', this.countsTable());
        if (this.page !== null) this.detail.show(this.page, this.theme);
        if (this.node !== null) this.showNodes();
    }

    countsTable() {
        const { report } = this;
        const rows = report.uses.map((use, i) => [use, i]).filter(([, i]) => report.counts[i] > 0)
            .map(([use, i]) => [useNames[use], number(report.counts[i]),
                percent(report.counts[i], report.page_count)]);
        return behind(table('Pages by kind', ['kind', '>pages', '>share'], rows));
    }

    get tree() { return Number(place('tree-choice').value); }

    fillTreeChoice() {
        const { trees } = this.report;
        place('tree-choice').replaceChildren(...trees.map((tree, i) => {
            return element('option', { value: i }, `${tree.label} (${tree.key_type})`);
        }));
        place('tree-choice').value = trees.reduce((largest, _, i) => {
            const isLarger = this.report.pagesOfTree(i) > this.report.pagesOfTree(largest);
            return largest === 0 || isLarger ? i : largest;
        }, 0);
        if (this.report.redacted) {
            place('key').disabled = true;
            place('key').placeholder = 'keys are hidden in this report';
        }
        place('page').max = this.report.page_count - 1;
        fill('asked', this.report.asked.map((each, i) => element('button', {
            type: 'button', onclick: () => this.showAsked(each),
        }, this.askedLabel(each, i))));
    }

    askedLabel(each, i) {
        const { key_type: type, label } = this.report.trees[each.tree];
        const name = each.key === null ? `key ${i + 1}` : keyText(type, each.key, this.report.style);
        return `${name} in ${label}`;
    }

    describe(node) {
        const { nodes } = this.report;
        const level = nodes.level[node];
        const parts = [`Page ${number(nodes.page[node])}`,
            level === 0 ? 'leaf' : `inner node, level ${level}`,
            `${number(nodes.items[node])} ${level === 0 ? 'entries' : 'children'}`,
            `${(nodes.fill[node] / 10).toFixed(1)} % full`];
        if (nodes.unsound.has(node)) parts.push('DAMAGED');
        if (nodes.fence && nodes.fence[node]) {
            parts.push(`from ${this.detail.keyText(nodes.tree[node], nodes.fence[node])}`);
        }
        return parts.join(', ');
    }

    // Two lines for a box of the node view.
    label(node) {
        const { nodes } = this.report;
        const fence = nodes.fence?.[node];
        const from = nodes.fence === null ? `${number(nodes.items[node])} items`
            : fence ? `from ${this.detail.keyText(nodes.tree[node], fence)}` : 'from the first key';
        return [`Page ${number(nodes.page[node])}`, from];
    }

    goTo(page) {
        if (Number.isInteger(page) && page >= 0 && page < this.report.page_count) this.select(page);
    }

    select(page) {
        const { nodes } = this.report;
        this.page = page;
        this.map.select(page);
        this.detail.show(page, this.theme);
        const node = nodes.ofPage.get(page);
        if (node === undefined) return;
        this.node = node;
        if (nodes.tree[node] !== this.tree && this.report.trees[nodes.tree[node]]) {
            place('tree-choice').value = nodes.tree[node];
            this.icicle.showTree(this.tree);
        }
        this.icicle.select(node);
        this.showNodes();
    }

    showNodes() {
        const node = this.node ?? this.report.nodes.roots.get(this.tree);
        drawNodes(this.report, node, this.scheme, (each) => this.label(each), (page) => this.select(page));
    }

    // A typed key lights its path.
    search() {
        const text = place('key').value;
        place('key').removeAttribute('aria-invalid');
        if (text === '') {
            this.lightPath([], 'Type a key: the pages on the way to it light up.');
            return;
        }
        const tree = this.report.trees[this.tree];
        let key;
        try {
            key = keyOf(tree.key_type, text);
        } catch (failure) {
            place('key').setAttribute('aria-invalid', 'true');
            this.lightPath([], `A key of type ${tree.key_type} is ${failure.message}.`);
            return;
        }
        const path = pathOfKey(this.report.nodes, this.tree, key, this.askedWithKeys());
        this.lightPath(path, this.outcome(path, key));
    }

    askedWithKeys() { return this.report.asked.filter((each) => each.key !== null); }

    showAsked(each) {
        place('tree-choice').value = each.tree;
        this.icicle.showTree(each.tree);
        if (each.key !== null) {
            place('key').value = keyText(this.report.trees[each.tree].key_type, each.key, 'text');
        }
        this.lightPath(each.path, each.found === null ? 'The way to it is damaged.'
            : each.found ? 'The key is there.' : 'The key is not there.');
    }

    outcome(path, key) {
        const { nodes } = this.report;
        if (path.length === 0) return 'The report lists no node of this tree.';
        const last = path[path.length - 1];
        const page = number(nodes.page[last]);
        if (nodes.unsound.has(last)) return `Page ${page} is damaged: the search ends there.`;
        if (nodes.level[last] > 0) {
            return `The report goes down to page ${page}; made with --key, it has the rest of the way.`;
        }
        const detail = this.report.detailOf.get(nodes.page[last]);
        const keys = detail ? this.report.keysOf(detail) : null;
        if (keys === null) return `Page ${page} is the leaf where it stands, or would.`;
        const { index, found } = placeOf(keys, key);
        const where = `${number(index)} of the ${number(keys.length)} in page ${page}`;
        return found ? `It is there: entry ${where}.` : `It is not there; it would be entry ${where}.`;
    }

    lightPath(path, text) {
        const { nodes } = this.report;
        const pages = path.map((node) => nodes.page[node]);
        this.map.light(pages);
        this.icicle.light(path);
        if (path.length > 0) this.select(pages[pages.length - 1]);
        fill('way', path.map((node, i) => {
            const level = nodes.level[node];
            const name = i === 0 ? 'root' : level === 0 ? 'leaf' : `level ${level}`;
            return element('li', {}, element('small', {}, `${i + 1}: ${name} `),
                this.detail.pageButton(pages[i]));
        }));
        place('outcome').textContent = text;
    }

    showTrees() {
        const { trees } = this.report;
        const rows = trees.map((tree) => [
            element('strong', {}, tree.label), tree.key_type, tree.value_type, tree.layout,
            number(tree.entries), tree.levels, number(tree.pages.leaf), number(tree.pages.inner),
            number(tree.pages.large_value), percent(tree.used.leaf, tree.room.leaf),
            percent(tree.used.inner, tree.room.inner), tree.complete ? 'whole' : 'DAMAGED',
        ]);
        fill('tree-table', table('Trees', ['tree', 'key', 'value', 'layout', '>entries', '>levels',
            '>leaves', '>inner', '>large values', '>leaf fill', '>inner fill', 'state'], rows));
    }

    showHistograms() {
        const { report } = this;
        const colours = useColours(this.theme);
        const byFill = (i, bars) => viridis(bars === 1 ? 1 : i / (bars - 1));
        const { leaf_fill: leaves, inner_fill: inner, key_sizes: keys, value_sizes: values,
            free_runs: runs } = report.histograms;
        const tenths = (counts) => counts.map((count, tenth) => [tenthLabel(tenth), count]);
        fill('histograms',
            histogram('How full leaves are, in %', 'leaves', tenths(leaves), byFill),
            histogram('How full inner nodes are, in %', 'nodes', tenths(inner), byFill),
            histogram('Free runs, by pages', 'runs', usedBuckets(runs, bitsLabel), () => colours.pending),
            histogram('Keys, by bytes', 'keys', usedBuckets(keys, bitsLabel),
                () => colours.inner),
            histogram('Values, by bytes', 'values', usedBuckets(values, bitsLabel),
                () => colours.leaf));
    }

    showFindings() {
        const { findings } = this.report;
        if (findings.length === 0) return;
        place('findings').hidden = false;
        const rows = findings.map((each) => [
            each.severity, each.kind, each.page === null ? '' : this.detail.pageButton(each.page),
            each.offset === null ? '' : number(each.offset), each.tree, each.text,
        ]);
        fill('finding-table', element('div', { class: 'scroll' },
            table('Findings', ['severity', 'kind', '>page', '>offset', 'tree', 'what'], rows)));
    }
}

new Report(new ReportData(JSON.parse(place('data').textContent))).start();
