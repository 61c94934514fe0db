// Bars with their table behind them.

import { behind, element, number, table } from './element.mjs';

// Size b of a histogram in powers of two has b bits: 0, 1, 2-3, 4-7.
export function bitsLabel(bits) {
    if (bits < 2) return String(bits);
    const least = 2 ** (bits - 1);
    return `${number(least)}\u2013${number(2 * least - 1)}`;
}

export const tenthLabel = (tenth) => `${tenth * 10}\u2013${tenth * 10 + 10} %`;

// The buckets from the first to the last that is not empty: [label, count].
export function usedBuckets(counts, labelOf) {
    const first = counts.findIndex((count) => count > 0);
    if (first < 0) return [];
    let last = counts.length - 1;
    while (counts[last] === 0) --last;
    return counts.slice(first, last + 1).map((count, i) => [labelOf(first + i), count]);
}

const [barWidth, barGap, chartHeight] = [34, 6, 96];

// `colourOf(i, count of bars)` colours a bar.
export function histogram(title, unit, bars, colourOf) {
    if (bars.every(([, count]) => count === 0)) {
        return element('figure', {}, element('figcaption', {}, title),
            element('p', { class: 'quiet' }, 'nothing to count'));
    }
    const most = Math.max(...bars.map(([, count]) => count), 1);
    const width = bars.length * (barWidth + barGap);
    const drawn = bars.map(([label, count], i) => {
        const height = count === 0 ? 0 : Math.max((count / most) * chartHeight, 1.5);
        const x = i * (barWidth + barGap);
        const bar = element('rect', {
            x, y: 14 + chartHeight - height, width: barWidth, height, rx: 2,
        }, element('title', {}, `${label}: ${number(count)} ${unit}`));
        bar.style.fill = colourOf(i, bars.length);
        const short = label.replace(/\u2013.*/, '').replace(/ .*/, '');
        return [bar,
            element('text', { x: x + barWidth / 2, y: 10 + chartHeight - height, 'text-anchor': 'middle' },
                count === 0 ? '' : shortNumber(count)),
            element('text', { x: x + barWidth / 2, y: chartHeight + 30, 'text-anchor': 'middle' },
                shortNumber(Number(short.replaceAll(',', ''))))];
    });
    return element('figure', {}, element('figcaption', {}, title),
        element('svg', {
            viewBox: `0 0 ${width} ${chartHeight + 36}`, width, height: chartHeight + 36, role: 'img',
            'aria-label': `${title}: ${bars.length} bars, the table below has their figures`,
        }, drawn),
        behind(table(title, ['', `>${unit}`], bars.map(([label, count]) => [label, number(count)]))));
}

export function shortNumber(value) {
    const units = ['', 'k', 'M', 'G', 'T'];
    let unit = 0;
    for (; value >= 1000 && unit + 1 < units.length; ++unit) value /= 1000;
    const text = unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1);
    return text.replace(/\.0$/, '') + units[unit];
}
