// A page drawn byte for byte: a canvas of 64 bytes a row (more for large pages), each part in its
// colour, neighbouring entries in two shades. Pointing at a byte says what it belongs to.

import { channels, okabeIto } from './colour.mjs';
import { behind, element, number, table } from './element.mjs';

const rows = 64;
const [cellWidth, cellHeight] = [5, 4];

const colours = {
    header: okabeIto.purple, fences: okabeIto.orange, hints: okabeIto.yellow, slots: okabeIto.blue,
    keys: okabeIto.blue, cells: okabeIto.sky, values: okabeIto.sky, used: okabeIto.sky,
    children: okabeIto.green, checksums: okabeIto.yellow, free: null, unused: null,
    garbage: '#98a2ae',
};

function summed(parts) {
    const bytes = new Map();
    for (const [name, , size] of parts) bytes.set(name, (bytes.get(name) ?? 0) + size);
    return [...bytes];
}

// `entryText(i)` names an entry.
export function layoutView(parts, pageBytes, freeColour, entryText) {
    const across = pageBytes / rows;
    const width = Math.min(cellWidth * 64, 320);
    const canvas = element('canvas', {
        class: 'layout', width: across, height: rows, role: 'img',
        'aria-label': `Layout of the page: ${summed(parts).map((each) => each.join(' ')).join(', ')} bytes`,
    });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${rows * cellHeight}px`;
    const context = canvas.getContext('2d');
    const image = context.createImageData(across, rows);
    const owner = new Array(pageBytes);
    for (const part of parts) {
        const [name, offset, bytes, entry] = part;
        const colour = channels(colours[name] ?? freeColour);
        const shade = entry !== undefined && entry % 2 === 1 ? 0.8 : 1;
        for (let at = offset; at < Math.min(offset + bytes, pageBytes); ++at) {
            image.data.set([...colour.map((part8) => part8 * shade), 255], 4 * at);
            owner[at] = part;
        }
    }
    context.putImageData(image, 0, 0);
    const readout = element('p', { class: 'readout' }, 'Point at a byte.');
    canvas.addEventListener('pointermove', (event) => {
        const x = Math.floor((event.offsetX / width) * across);
        const y = Math.floor(event.offsetY / cellHeight);
        const at = y * across + x;
        const part = owner[at];
        if (!part) return;
        const [name, offset, bytes, entry] = part;
        const whose = entry === undefined ? '' : `, entry ${entry}${entryText(entry)}`;
        readout.textContent = `${name}${whose}: bytes ${offset} to ${offset + bytes - 1}`;
    });
    const legend = element('ul', { class: 'legend' }, summed(parts).map(([name, bytes]) => {
        const swatch = element('span', { class: 'swatch' });
        swatch.style.backgroundColor = colours[name] ?? freeColour;
        return element('li', {}, swatch, name, element('small', {}, ` ${number(bytes)}`));
    }));
    return [canvas, readout, legend,
        behind(table('Bytes by part', ['part', '>bytes'],
            summed(parts).map(([name, bytes]) => [name, number(bytes)])))];
}
