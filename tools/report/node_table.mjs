// The nodes of all trees that the report lists, in the order of the walk: a node before its
// children, children in key order. A column is an array; a node is its index.
//
// Invariants
//  1. The parent of a listed node is listed. So levels and order alone say whose child each is.
//  2. Where not all nodes are listed, whole levels from the lowest up are left out, but for the
//     paths of the keys that were asked for.

import { decodeKeys, decodeRuns, undoDifferences } from './run_code.mjs';

export class NodeTable {
    constructor(coded) {
        const n = coded.count;
        this.count = n;
        this.page = undoDifferences(decodeRuns(coded.page, n));
        this.tree = decodeRuns(coded.tree, n);
        this.level = decodeRuns(coded.level, n);
        this.items = decodeRuns(coded.items, n);
        this.fill = decodeRuns(coded.fill, n);  // per mille, 0 also where it is not known
        this.age = decodeRuns(coded.age, n);    // transactions since it was written, plus 1
        this.entries = decodeRuns(coded.entries, n);  // in the subtree
        this.fence = coded.fence === null ? null : decodeKeys(coded.fence, n);
        this.unsound = new Set(coded.unsound);
        this.ofPage = new Map();
        for (let i = 0; i < n; ++i) this.ofPage.set(this.page[i], i);
        this.#findParents();
    }

    #findParents() {
        this.parent = new Int32Array(this.count).fill(-1);
        this.roots = new Map();  // by tree
        const open = [];         // by level: the node whose children follow
        for (let i = 0; i < this.count; ++i) {
            const above = open[this.level[i] + 1];
            if (above !== undefined && this.tree[above] === this.tree[i]) this.parent[i] = above;
            else this.roots.set(this.tree[i], i);
            open.fill(undefined, 0, this.level[i]);
            open[this.level[i]] = i;
        }
        // Where the children of each node begin in one list of all children.
        this.childStart = new Int32Array(this.count + 2);
        for (const above of this.parent) if (above >= 0) ++this.childStart[above + 2];
        for (let i = 2; i < this.childStart.length; ++i) {
            this.childStart[i] += this.childStart[i - 1];
        }
        this.childList = new Int32Array(this.count);
        this.parent.forEach((above, i) => {
            if (above >= 0) this.childList[this.childStart[above + 1]++] = i;
        });
    }

    children(node) {
        return this.childList.subarray(this.childStart[node], this.childStart[node + 1]);
    }

    // From the root to the node.
    pathTo(node) {
        const path = [];
        for (let at = node; at >= 0; at = this.parent[at]) path.unshift(at);
        return path;
    }

    // True when children of the node exist that the report does not list.
    isCut(node) {
        return this.level[node] > 0 && this.children(node).length < this.items[node];
    }

    // The least key that belongs into the next node of the same level; null: open.
    upperFence(node) {
        for (let at = node; this.parent[at] >= 0; at = this.parent[at]) {
            const row = this.children(this.parent[at]);
            const place = row.indexOf(at);
            if (place + 1 < row.length) return this.fence[row[place + 1]];
        }
        return null;
    }
}
