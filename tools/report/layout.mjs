// What stands where in a node's page: engine/FORMAT.md ("Nodes") as a list of parts.

import { decodeRuns } from './run_code.mjs';

const headerBytes = 48;
const slotsOffset = 112;
const slotBytes = 10;

// Parts [name, offset, bytes, entry], sorted by offset and without gaps; entry: whose part it is, or
// undefined.
export function partsOfPage(detail, tree, pageBytes) {
    const parts = detail.layout === 'fixed'
        ? fixedParts(detail, tree.geometry, tree.value_bytes)
        : slottedParts(detail, pageBytes);
    return closeGaps(parts, detail.layout === 'fixed' ? 'unused' : 'garbage', pageBytes);
}

function fixedParts(detail, g, valueBytes) {
    const leaf = detail.level === 0;
    const { count } = detail;
    const capacity = leaf ? g.leaf_capacity : g.inner_capacity;
    const parts = [
        ['header', 0, headerBytes],
        ['fences', headerBytes, g.keys - headerBytes],
    ];
    const column = (name, offset, bytes) => {
        for (let i = 0; i < count; ++i) parts.push([name, offset + i * bytes, bytes, i]);
    };
    for (let word = 0; word < g.words; ++word) {
        column('keys', g.keys + word * capacity * g.element_bytes, g.element_bytes);
    }
    if (leaf) {
        column('values', g.values, valueBytes);
    } else {
        column('children', g.children, 12);
        column('checksums', g.checksums, 4);
    }
    return parts;
}

function slottedParts(detail, pageBytes) {
    const parts = [
        ['header', 0, headerBytes],
        ['hints', headerBytes, slotsOffset - headerBytes],
        ['free', detail.lower, detail.upper - detail.lower],
        ['fences', pageBytes - detail.fence_bytes, detail.fence_bytes],
    ];
    for (let i = 0; i < detail.count; ++i) {
        parts.push(['slots', slotsOffset + i * slotBytes, slotBytes, i]);
    }
    if (detail.cells_at) {
        const at = decodeRuns(detail.cells_at, detail.count);
        const bytes = decodeRuns(detail.cells_bytes, detail.count);
        at.forEach((offset, i) => parts.push(['cells', offset, bytes[i], i]));
    }
    return parts;
}

function closeGaps(parts, name, pageBytes) {
    const sorted = parts.filter(([, , bytes]) => bytes > 0).sort((a, b) => a[1] - b[1]);
    const whole = [];
    let end = 0;
    for (const part of [...sorted, ['end', pageBytes, 0]]) {
        if (part[1] > end) whole.push([name, end, part[1] - end]);
        if (part[2] > 0) whole.push(part);
        end = Math.max(end, part[1] + part[2]);
    }
    return whole;
}

// From a node's figures alone, where the report has no detail of it.
export function partsFromFigures(items, fill, layout, pageBytes) {
    const start = layout === 'fixed' ? headerBytes : slotsOffset;
    const used = Math.round(((pageBytes - start) * fill) / 1000);
    return [
        ['header', 0, headerBytes],
        ...(layout === 'fixed' ? [] : [['hints', headerBytes, slotsOffset - headerBytes]]),
        ['used', start, used],
        ['free', start + used, pageBytes - start - used],
    ].filter(([, , bytes]) => bytes > 0);
}
