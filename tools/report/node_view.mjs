// The way to a node as nodes and lines: a row for each level from the root down, with the
// neighbours of the node on the way, and below it its children. Each node is a button.

import { element, fill, number, place } from './element.mjs';

const [boxWidth, boxHeight, gapX, gapY] = [132, 46, 12, 40];
const moreWidth = 120;  // for what is told at both ends of a row

// At most `most` of the row, `around` among them, and how many stand before and behind.
export function windowOf(row, around, most) {
    const at = Math.max(row.indexOf(around), 0);
    const first = Math.min(Math.max(at - (most >> 1), 0), Math.max(row.length - most, 0));
    const shown = Array.from(row.slice(first, first + most));
    return { shown, before: first, behind: row.length - first - shown.length };
}

function rowsFor(nodes, node, most) {
    const path = nodes.pathTo(node);
    const rows = path.map((each, depth) => ({
        on: each,
        ...windowOf(depth === 0 ? [each] : nodes.children(path[depth - 1]), each, most),
    }));
    const below = nodes.children(node);
    if (below.length > 0) rows.push({ on: null, ...windowOf(below, below[0], most) });
    return rows;
}

// `label(node)` gives two lines of text. `onSelect(page)` is called when a node is chosen.
export function drawNodes(report, node, scheme, label, onSelect) {
    const { nodes } = report;
    if (node === null || node === undefined) {
        fill('nodes', element('p', { class: 'quiet' }, 'Select a node, or search for a key.'));
        return;
    }
    const room = Math.floor((place('nodes').clientWidth - moreWidth) / (boxWidth + gapX));
    const rows = rowsFor(nodes, node, Math.max(room, 3));
    const width = Math.max(...rows.map((row) => row.shown.length)) * (boxWidth + gapX) + moreWidth;
    const height = rows.length * (boxHeight + gapY) - gapY + 8;
    const middleOf = (row, i) => width / 2 + (i - (row.shown.length - 1) / 2) * (boxWidth + gapX);
    const topOf = (depth) => depth * (boxHeight + gapY) + 4;
    const lines = [];
    const boxes = [];
    rows.forEach((row, depth) => {
        const above = rows[depth - 1];
        const fromNode = depth === 0 ? null : above.on;
        row.shown.forEach((each, i) => {
            if (fromNode !== null) {
                const from = [middleOf(above, above.shown.indexOf(fromNode)), topOf(depth) - gapY];
                lines.push(linkTo(from, [middleOf(row, i), topOf(depth)], each === row.on));
            }
            boxes.push(boxOf(nodes, each, middleOf(row, i) - boxWidth / 2, topOf(depth), {
                scheme, label, onSelect, chosen: each === node, onPath: each === row.on,
            }));
        });
        boxes.push(...moreOf(row, middleOf, topOf(depth) + boxHeight / 2));
    });
    fill('nodes', element('svg', {
        viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': 'Nodes on the way',
    }, lines, boxes));
}

function linkTo([fromX, fromY], [toX, toY], onPath) {
    const bend = gapY / 2;
    return element('path', {
        class: onPath ? 'link on' : 'link',
        d: `M${fromX},${fromY} C${fromX},${fromY + bend} ${toX},${toY - bend} ${toX},${toY}`,
    });
}

function boxOf(nodes, node, x, y, { scheme, label, onSelect, chosen, onPath }) {
    const [first, second] = label(node);
    const choose = () => onSelect(nodes.page[node]);
    const band = element('rect', { x, y, width: 6, height: boxHeight, rx: 2 });
    band.style.fill = scheme.palette[scheme.ofNode(node)];
    return element('g', {
        class: `node${chosen ? ' chosen' : ''}${onPath ? ' on' : ''}`, role: 'button', tabindex: 0,
        'aria-pressed': chosen ? 'true' : 'false', 'data-page': nodes.page[node], onclick: choose,
        onkeydown: (event) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            choose();
        },
    },
    element('title', {}, `${first}. ${second}`),
    element('rect', { x, y, width: boxWidth, height: boxHeight, rx: 5 }), band,
    element('text', { x: x + 14, y: y + 19, class: 'strong' }, clipped(first, 17)),
    element('text', { x: x + 14, y: y + 36 }, clipped(second, 20)));
}

const clipped = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);

function moreOf(row, middleOf, y) {
    const made = [];
    const note = (x, anchor, text) => {
        made.push(element('text', { x, y, class: 'more', 'text-anchor': anchor }, text));
    };
    const edge = boxWidth / 2 + 6;
    if (row.before > 0) note(middleOf(row, 0) - edge, 'end', `${number(row.before)} \u2039`);
    if (row.behind > 0) {
        note(middleOf(row, row.shown.length - 1) + edge, 'start', `\u203a ${number(row.behind)}`);
    }
    return made;
}
