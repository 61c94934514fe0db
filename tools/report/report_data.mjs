// What the report knows, from the JSON that stands in the page: the cells of the map, the nodes,
// the details of some pages, and the trees.
//
// Cells: the map has one for each page, or for each `grain` pages where the file is so large and
// so mixed that the code for single pages would not fit. A cell then shows its first page, or the
// first damaged one.

import { bytesOfHex, decodeKeys, decodeRuns } from './run_code.mjs';
import { fillSteps } from './colour.mjs';
import { NodeTable } from './node_table.mjs';

export class ReportData {
    constructor(data) {
        Object.assign(this, data);
        const { cells } = data.map;
        this.cells = cells;
        this.grain = data.map.grain;
        this.kind = decodeRuns(data.map.kind, cells, Uint8Array);
        this.cellTree = decodeRuns(data.map.tree, cells, Uint16Array);
        this.cellFill = decodeRuns(data.map.fill, cells, Uint8Array);
        this.cellAge = decodeRuns(data.map.age, cells, Uint8Array);
        this.nodes = new NodeTable(data.nodes);
        this.detailOf = new Map(data.details.map((detail) => [detail.page, detail]));
        this.findingsOf = new Map();
        for (const each of data.findings) {
            this.findingsOf.set(each.page, [...(this.findingsOf.get(each.page) ?? []), each]);
        }
        this.asked = data.keys.map((each) => ({
            ...each,
            key: each.key === null ? null : bytesOfHex(each.key),
            path: each.path.map((page) => this.nodes.ofPage.get(page)).filter((n) => n !== undefined),
        }));
        this.oldestAge = this.cellAge.reduce((most, age) => Math.max(most, age), 1);
    }

    useOf(cell) { return this.kind[cell] >> 1; }
    isDamaged(cell) { return (this.kind[cell] & 1) === 1; }
    // 0: of no tree, else one more than the tree's index.
    treeOf(cell) { return this.cellTree[cell]; }
    // 0: not known, else one more than the step.
    fillOf(cell) { return this.cellFill[cell]; }
    ageOf(cell) { return this.cellAge[cell]; }

    cellOfPage(page) { return Math.min(Math.floor(page / this.grain), this.cells - 1); }
    firstPageOf(cell) { return cell * this.grain; }
    lastPageOf(cell) { return Math.min((cell + 1) * this.grain, this.page_count) - 1; }

    pagesOfTree(tree) {
        const { leaf, inner, large_value: large } = this.trees[tree].pages;
        return leaf + inner + large;
    }
    get pagesOfNoTree() {
        return this.trees.reduce((rest, _, i) => rest - this.pagesOfTree(i), this.page_count);
    }

    // The name of a tree as a cell or a node has it; trees beyond those listed share an index.
    treeLabel(tree) {
        return this.trees[tree]?.label ?? 'a tree that is not listed';
    }

    // About how full a cell's page is, for people.
    fillText(cell) {
        const step = this.fillOf(cell);
        return step === 0 ? null : `about ${((step - 1) * 100) / fillSteps} % full`;
    }

    // The keys of a page's detail, in normal form; null when they are hidden.
    keysOf(detail) {
        if (detail.keys === undefined || detail.keys === null) return null;
        return decodeKeys(detail.keys, detail.count);
    }
}
