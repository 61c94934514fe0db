// A tree as an icicle: the root is the bar at the top, each node's children share its width below
// it, by the leaves (or, where leaves are not listed, the children) under them.
//
// Keys: up to the parent, down to the first child, left and right to neighbours of the level; Enter
// selects, and on the selected node makes it as wide as the picture; Escape shows the whole tree.

import { inkOn } from './colour.mjs';
import { number, place } from './element.mjs';

const rowHeight = 30;

// Leaves below each node, as far as the report knows.
export function weights(nodes) {
    const weight = new Float64Array(nodes.count);
    for (let i = nodes.count - 1; i >= 0; --i) {
        if (nodes.level[i] === 0) weight[i] = 1;
        // Children that are not listed weigh as much as their number.
        else if (nodes.isCut(i)) weight[i] = nodes.items[i];
        if (weight[i] === 0) weight[i] = 1;
        const above = nodes.parent[i];
        if (above >= 0 && !nodes.isCut(above)) weight[above] += weight[i];
    }
    return weight;
}

export class Icicle {
    constructor(report, describe, onSelect) {
        this.report = report;
        this.nodes = report.nodes;
        this.describe = describe;
        this.onSelect = onSelect;
        this.canvas = place('icicle');
        this.readout = place('icicle-readout');
        this.weight = weights(this.nodes);
        this.cursor = null;
        this.selected = null;
        this.path = new Set();
        this.#listen();
    }

    #listen() {
        const { canvas } = this;
        canvas.addEventListener('pointermove', (event) => this.#moveTo(this.#nodeUnder(event)));
        canvas.addEventListener('pointerleave', () => this.#moveTo(null));
        canvas.addEventListener('click', (event) => this.#choose(this.#nodeUnder(event)));
        canvas.addEventListener('focus', () => this.#moveTo(this.cursor ?? this.top ?? null));
        canvas.addEventListener('keydown', (event) => this.#onKey(event));
    }

    #onKey(event) {
        const at = this.cursor ?? this.top;
        if (at === undefined) return;
        const moves = {
            ArrowUp: () => this.nodes.parent[at],
            ArrowDown: () => this.nodes.children(at)[0] ?? -1,
            ArrowLeft: () => this.#beside(at, -1),
            ArrowRight: () => this.#beside(at, 1),
        };
        if (event.key in moves) {
            const to = moves[event.key]();
            if (to >= 0 && this.boxes.has(to)) this.#moveTo(to);
        } else if (event.key === 'Enter' || event.key === ' ') {
            this.#choose(at);
        } else if (event.key === 'Escape') {
            this.#zoom(this.root);
        } else {
            return;
        }
        event.preventDefault();
    }

    #beside(node, step) {
        const row = [...this.boxes.keys()].filter((each) => this.nodes.level[each] === this.nodes.level[node]);
        return row[row.indexOf(node) + step] ?? -1;
    }

    #choose(node) {
        if (node === null) return;
        if (node === this.selected) this.#zoom(node === this.top ? this.root : node);
        else this.onSelect(this.nodes.page[node]);
    }

    #zoom(node) {
        this.top = node;
        this.draw();
    }

    #nodeUnder(event) {
        const box = this.canvas.getBoundingClientRect();
        const [x, y] = [event.clientX - box.left, event.clientY - box.top];
        for (const [node, [left, top, width]] of this.boxes) {
            if (x >= left && x < left + width && y >= top && y < top + rowHeight) return node;
        }
        return null;
    }

    #moveTo(node) {
        this.cursor = node;
        this.readout.textContent = node === null
            ? 'Width is the number of leaves below. Select a node, and again to fill the width with it.'
            : this.describe(node);
        this.#paint();
    }

    showTree(tree) {
        this.root = this.nodes.roots.get(tree);
        this.top = this.root;
        this.draw();
    }

    setScheme(scheme) {
        this.scheme = scheme;
        if (this.boxes) this.#paint();
    }

    // `path` from the root down; empty: none.
    light(path) {
        this.path = new Set(path);
        if (path.length > 0 && !path.includes(this.top)) this.top = this.root;
        this.draw();
    }

    select(node) {
        this.selected = node;
        this.#paint();
    }

    // Lays the boxes out and draws them.
    draw() {
        const width = Math.max(this.canvas.parentElement.clientWidth, 64);
        this.boxes = new Map();
        this.cutBelow = [];
        if (this.top !== undefined) this.#layOut(width);
        const levels = this.top === undefined ? 1 : this.nodes.level[this.top] + 1;
        const ratio = window.devicePixelRatio || 1;
        this.canvas.width = width * ratio;
        this.canvas.height = levels * rowHeight * ratio;
        this.canvas.style.width = `${width}px`;
        this.canvas.style.height = `${levels * rowHeight}px`;
        this.#moveTo(null);
    }

    #layOut(width) {
        const stack = [[this.top, 0, width]];
        while (stack.length > 0) {
            const [node, left, wide] = stack.pop();
            const top = (this.nodes.level[this.top] - this.nodes.level[node]) * rowHeight;
            this.boxes.set(node, [left, top, wide]);
            const row = this.nodes.children(node);
            const cut = this.nodes.isCut(node);
            if (cut) this.cutBelow.push([left, top + rowHeight, wide]);
            if (row.length === 0) continue;
            const sum = cut ? this.weight[node] : row.reduce((all, child) => all + this.weight[child], 0);
            let at = left + wide;
            for (let i = row.length - 1; i >= 0; --i) {
                const part = (wide * (cut ? 1 : this.weight[row[i]])) / sum;
                at -= part;
                stack.push([row[i], at, part]);
            }
        }
    }

    #paint() {
        const context = this.canvas.getContext('2d');
        const ratio = window.devicePixelRatio || 1;
        const style = getComputedStyle(this.canvas);
        const [ink, ground] = [style.getPropertyValue('--ink'), style.getPropertyValue('--card')];
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, this.canvas.width, this.canvas.height);
        context.textBaseline = 'middle';
        context.font = '12px system-ui, sans-serif';
        if (this.top === undefined) {
            context.fillStyle = ink;
            context.fillText('No node of this tree is in the report.', 4, rowHeight / 2);
            return;
        }
        for (const [left, top, width] of this.cutBelow) {
            context.globalAlpha = 0.15;
            context.fillStyle = ink;
            context.fillRect(left, top, Math.max(width - 1, 0.5), rowHeight / 2);
            context.globalAlpha = 1;
        }
        const lit = this.path.size > 0;
        for (const [node, box] of this.boxes) this.#paintNode(context, node, box, lit, ink);
        for (const node of [this.selected, this.cursor]) this.#outline(context, node, ink, ground);
    }

    #paintNode(context, node, [left, top, width], lit, ink) {
        const gap = width > 3 ? 1 : 0;
        context.globalAlpha = lit && !this.path.has(node) ? 0.25 : 1;
        context.fillStyle = this.scheme.palette[this.scheme.ofNode(node)];
        context.fillRect(left, top, Math.max(width - gap, lit && this.path.has(node) ? 3 : 0), rowHeight - 2);
        context.globalAlpha = 1;
        const label = number(this.nodes.page[node]);
        if (context.measureText(label).width + 8 > width) return;
        const middle = left + width / 2 - context.measureText(label).width / 2;
        const faded = lit && !this.path.has(node);
        context.fillStyle = faded ? ink : inkOn(this.scheme.palette[this.scheme.ofNode(node)]);
        context.fillText(label, middle, top + rowHeight / 2 - 1);
    }

    #outline(context, node, ink, ground) {
        const box = node === null ? undefined : this.boxes.get(node);
        if (!box) return;
        const [left, top, width] = [box[0], box[1], Math.max(box[2], 3)];
        for (const [colour, wide] of [[ground, 4], [ink, 2]]) {
            context.strokeStyle = colour;
            context.lineWidth = wide;
            context.strokeRect(left + 1, top + 1, Math.max(width - 3, 1), rowHeight - 4);
        }
    }
}
