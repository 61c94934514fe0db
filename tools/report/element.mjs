// Elements of the page. All text becomes text nodes, so nothing that a file holds is ever read as
// markup; the page has no other way to make elements.

const svgNames = new Set(['svg', 'g', 'rect', 'path', 'line', 'circle', 'text', 'title']);

// `attributes`: on... are listeners, false and null are left out. `children`: elements and text.
export function element(name, attributes = {}, ...children) {
    const made = svgNames.has(name)
        ? document.createElementNS('http://www.w3.org/2000/svg', name)
        : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (value === false || value === null || value === undefined) continue;
        if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
        else made.setAttribute(key, value === true ? '' : value);
    }
    for (const child of children.flat(Infinity)) {
        if (child !== null && child !== undefined && child !== false) made.append(child);
    }
    return made;
}

export const place = (id) => document.getElementById(id);

export function fill(id, ...children) {
    place(id).replaceChildren(...children.flat(Infinity).filter((child) => child));
}

export const number = (value) => value.toLocaleString('en');

export function percent(part, whole) {
    return whole === 0 ? '\u2013' : `${((100 * part) / whole).toFixed(1)} %`;
}

export function byteSize(bytes) {
    const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.length; ++unit) bytes /= 1024;
    return unit === 0 ? `${number(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`
        : `${bytes.toFixed(1)} ${units[unit]}`;
}

// A table; headings that begin with '>' stand at the right, and so do their columns.
export function table(caption, headings, rows) {
    const right = headings.map((heading) => heading.startsWith('>'));
    const cell = (name, content, i) => {
        return element(name, { class: right[i] && 'right', scope: name === 'th' && 'col' }, content);
    };
    return element('table', {},
        element('caption', {}, caption),
        element('thead', {}, element('tr', {}, headings.map((heading, i) => {
            return cell('th', heading.replace(/^>/, ''), i);
        }))),
        element('tbody', {}, rows.map((row) => {
            return element('tr', {}, row.map((content, i) => cell('td', content, i)));
        })));
}

// A picture's figures, folded away below it.
export function behind(tableElement) {
    return element('details', { class: 'behind' },
        element('summary', {}, 'As a table'), element('div', { class: 'scroll' }, tableElement));
}
