// The page map: a canvas with a cell for each page, in rows or along a curve, coloured by a scheme.
// A second canvas above it shows the cell under the pointer or the keyboard's cursor, the selected
// page, and a lit path. A lens shows the cells around the cursor where they are too small to see.
//
// Keys: arrows move the cursor, with Shift ten cells; Home and End go to the ends; Enter selects.

import { channels, useNames } from './colour.mjs';
import { element, number, place } from './element.mjs';
import { gridFor } from './curve.mjs';

const cellMost = 26;
const heightMost = 520;
const lensCells = 13;

export class PageMap {
    // `onSelect(page)` is called when a page is chosen.
    constructor(report, onSelect) {
        this.report = report;
        this.onSelect = onSelect;
        this.canvas = place('map-canvas');
        this.marks = place('map-marks');
        this.readout = place('map-readout');
        this.lens = place('map-lens');
        this.order = 'rows';
        this.cursor = null;
        this.selected = null;
        this.path = [];
        this.#listen();
    }

    #listen() {
        const { marks } = this;
        marks.addEventListener('pointermove', (event) => this.#moveTo(this.#cellUnder(event)));
        marks.addEventListener('pointerleave', () => this.#moveTo(null));
        marks.addEventListener('click', (event) => {
            const cell = this.#cellUnder(event);
            if (cell !== null) this.onSelect(this.report.firstPageOf(cell));
        });
        marks.addEventListener('keydown', (event) => this.#onKey(event));
        marks.addEventListener('focus', () => this.#moveTo(this.cursor ?? this.selected ?? 0));
    }

    #onKey(event) {
        const { columns } = this.grid;
        const last = this.report.cells - 1;
        const far = event.shiftKey ? 10 : 1;
        const at = this.cursor ?? 0;
        const [x, y] = this.grid.placeOf(at);
        const beside = (dx, dy) => {
            const [toX, toY] = [x + dx * far, y + dy * far];
            if (toX < 0 || toY < 0 || toX >= columns || toY >= this.grid.rows) return at;
            const cell = this.grid.cellAt(toX, toY);
            return cell > last ? at : cell;
        };
        const along = this.order === 'rows';
        const moves = {
            ArrowLeft: () => (along ? at - far : beside(-1, 0)),
            ArrowRight: () => (along ? at + far : beside(1, 0)),
            ArrowUp: () => beside(0, -1), ArrowDown: () => beside(0, 1),
            Home: () => 0, End: () => last,
        };
        if (event.key in moves) {
            this.#moveTo(Math.min(Math.max(moves[event.key](), 0), last));
        } else if (event.key === 'Enter' || event.key === ' ') {
            this.onSelect(this.report.firstPageOf(at));
        } else {
            return;
        }
        event.preventDefault();
    }

    // The cell under the pointer; null outside.
    #cellUnder(event) {
        const box = this.marks.getBoundingClientRect();
        const x = Math.floor((event.clientX - box.left) / this.cellWidth);
        const y = Math.floor((event.clientY - box.top) / this.cellWidth);
        if (x < 0 || y < 0 || x >= this.grid.columns || y >= this.grid.rows) return null;
        const cell = this.grid.cellAt(x, y);
        return cell < this.report.cells ? cell : null;
    }

    #moveTo(cell) {
        this.cursor = cell;
        this.readout.textContent = cell === null ? this.hint : this.describe(cell);
        this.#drawMarks();
        this.#drawLens();
    }

    get hint() {
        const { grain } = this.report;
        const cells = grain === 1 ? 'Each cell is a page.'
            : `Each cell stands for ${grain} pages; it shows the first of them, or the first damaged one.`;
        return `${cells} Point at one, or move with the arrow keys; click or press Enter to see inside.`;
    }

    describe(cell) {
        const { report } = this;
        const [first, last] = [report.firstPageOf(cell), report.lastPageOf(cell)];
        const node = report.nodes.ofPage.get(first);
        const parts = [first === last ? `Page ${number(first)}` : `Pages ${number(first)} to ${number(last)}`];
        parts.push(useNames[report.uses[report.useOf(cell)]]);
        const tree = report.treeOf(cell);
        if (tree !== 0) parts.push(`of ${report.treeLabel(tree - 1)}`);
        if (node !== undefined) {
            parts.push(`level ${report.nodes.level[node]}`, `${number(report.nodes.items[node])} items`);
        }
        if (report.fillText(cell)) parts.push(report.fillText(cell));
        if (report.isDamaged(cell)) parts.push('DAMAGED');
        return parts.join(', ');
    }

    setOrder(order) {
        this.order = order;
        this.layOut();
    }

    // Fits the grid into the room that the page gives it, and draws everything.
    layOut() {
        const width = Math.max(this.canvas.parentElement.clientWidth, 64);
        const ratio = window.devicePixelRatio || 1;
        const height = Math.min(heightMost, Math.max(240, window.innerHeight * 0.6));
        const room = [width * ratio, height * ratio];
        this.grid = gridFor(this.order, this.report.cells, ...room.map(Math.floor), cellMost * ratio);
        this.cellWidth = this.grid.size / ratio;
        for (const canvas of [this.canvas, this.marks]) {
            canvas.width = Math.ceil(this.grid.columns * this.grid.size);
            canvas.height = Math.ceil(this.grid.rows * this.grid.size);
            canvas.style.width = `${canvas.width / ratio}px`;
            canvas.style.height = `${canvas.height / ratio}px`;
        }
        this.canvas.parentElement.style.height = this.canvas.style.height;
        this.#draw();
    }

    setScheme(scheme) {
        this.scheme = scheme;
        if (this.grid) this.#draw();
    }

    // One pixel a cell, which drawing then enlarges.
    #paint() {
        const { columns, rows } = this.grid;
        const small = document.createElement('canvas');
        [small.width, small.height] = [columns, rows];
        const context = small.getContext('2d');
        const image = context.createImageData(columns, rows);
        const pixels = new Uint32Array(image.data.buffer);  // red in the lowest byte
        const palette = this.scheme.palette.map((colour) => {
            const [red, green, blue] = channels(colour);
            return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
        });
        for (let cell = 0; cell < this.report.cells; ++cell) {
            const [x, y] = this.grid.placeOf(cell);
            pixels[y * columns + x] = palette[this.scheme.ofCell(cell)];
        }
        context.putImageData(image, 0, 0);
        return small;
    }

    #draw() {
        this.small = this.#paint();
        const context = this.canvas.getContext('2d');
        const { width, height } = this.canvas;
        const { size } = this.grid;
        context.clearRect(0, 0, width, height);
        context.imageSmoothingEnabled = !Number.isInteger(size);
        context.imageSmoothingQuality = 'high';
        context.drawImage(this.small, 0, 0, this.grid.columns * size, this.grid.rows * size);
        if (this.cellWidth >= 5) this.#cutLines(context, size, width, height);
        this.#moveTo(this.cursor);
    }

    #cutLines(context, size, width, height) {
        const gap = size >= 12 ? 2 : 1;
        for (let x = size - gap; x < width; x += size) context.clearRect(x, 0, gap, height);
        for (let y = size - gap; y < height; y += size) context.clearRect(0, y, width, gap);
    }

    select(page) {
        this.selected = page === null ? null : this.report.cellOfPage(page);
        this.#drawMarks();
    }

    // The pages of a path, from the root down.
    light(pages) {
        this.path = pages.map((page) => this.report.cellOfPage(page));
        this.#drawMarks();
    }

    #middle(cell) {
        const [x, y] = this.grid.placeOf(cell);
        return [(x + 0.5) * this.grid.size, (y + 0.5) * this.grid.size];
    }

    #drawMarks() {
        if (!this.grid) return;
        const ratio = window.devicePixelRatio || 1;
        const context = this.marks.getContext('2d');
        context.clearRect(0, 0, this.marks.width, this.marks.height);
        const style = getComputedStyle(this.marks);
        const [ink, ground] = [style.getPropertyValue('--ink'), style.getPropertyValue('--card')];
        if (this.path.length > 0) this.#drawPath(context, ratio, ink, ground);
        if (this.selected !== null && !this.path.includes(this.selected)) {
            this.#ring(context, this.selected, 3 * ratio, ink, ground);
        }
        if (this.cursor !== null) this.#ring(context, this.cursor, 1.5 * ratio, ink, ground);
    }

    #ring(context, cell, width, ink, ground) {
        const ratio = window.devicePixelRatio || 1;
        const [x, y] = this.#middle(cell);
        const half = Math.max(this.grid.size / 2, 4 * ratio);
        for (const [colour, wide] of [[ground, width + 2 * ratio], [ink, width]]) {
            context.strokeStyle = colour;
            context.lineWidth = wide;
            context.strokeRect(x - half, y - half, 2 * half, 2 * half);
        }
    }

    #drawPath(context, ratio, ink, ground) {
        context.fillStyle = ground;
        context.globalAlpha = 0.5;
        context.fillRect(0, 0, this.marks.width, this.marks.height);
        context.globalAlpha = 1;
        context.lineJoin = 'round';
        for (const [colour, width] of [[ground, 5 * ratio], [ink, 2 * ratio]]) {
            context.strokeStyle = colour;
            context.lineWidth = width;
            context.beginPath();
            this.path.forEach((cell) => context.lineTo(...this.#middle(cell)));
            context.stroke();
        }
        const radius = Math.max(this.grid.size / 2, 9 * ratio);
        context.textAlign = 'center';
        context.textBaseline = 'middle';
        context.font = `600 ${Math.round(radius * 1.2)}px system-ui, sans-serif`;
        this.path.forEach((cell, i) => {
            const [x, y] = this.#middle(cell);
            context.beginPath();
            context.arc(x, y, radius, 0, 2 * Math.PI);
            context.fillStyle = ink;
            context.fill();
            context.fillStyle = ground;
            context.fillText(String(i + 1), x, y + ratio / 2);
        });
    }

    // The cells around the cursor, enlarged, where a cell is less than four pixels wide.
    #drawLens() {
        const shown = this.cursor !== null && this.cellWidth < 4;
        this.lens.hidden = !shown;
        if (!shown) return;
        const context = this.lens.getContext('2d');
        const [x, y] = this.grid.placeOf(this.cursor);
        const { width } = this.lens;
        const half = (lensCells - 1) / 2;
        // At the side where the cursor is not.
        this.lens.classList.toggle('left', x > this.grid.columns / 2);
        context.clearRect(0, 0, width, width);
        context.imageSmoothingEnabled = false;
        context.drawImage(this.small, x - half, y - half, lensCells, lensCells, 0, 0, width, width);
        const cell = width / lensCells;
        context.strokeStyle = getComputedStyle(this.lens).getPropertyValue('--ink');
        context.lineWidth = 2;
        context.strokeRect(half * cell, half * cell, cell, cell);
    }
}

export function legendOf(scheme, total) {
    const items = scheme.legend.map(([label, colour, pages]) => {
        const swatch = element('span', { class: 'swatch' });
        swatch.style.backgroundColor = colour;
        const share = pages === null ? '' : ` ${number(pages)}`;
        return element('li', {}, swatch, label, element('small', {}, share));
    });
    if (scheme.scale) items.unshift(scaleOf(scheme.scale));
    return element('ul', { class: 'legend', 'aria-label': `Legend, ${number(total)} pages` }, items);
}

function scaleOf([from, to, colourOf]) {
    const bar = element('span', { class: 'scale' });
    const stops = Array.from({ length: 10 }, (_, i) => colourOf(i / 9));
    bar.style.backgroundImage = `linear-gradient(to right, ${stops.join(', ')})`;
    return element('li', {}, element('small', {}, from), bar, element('small', {}, to));
}
