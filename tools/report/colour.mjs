// Colours that people with any kind of sight tell apart: the eight of Okabe and Ito for kinds, the
// scale viridis for amounts, greys for what nobody uses. A scheme gives each cell of the map a
// number of its palette, and the legend that explains them.

export const okabeIto = {
    orange: '#e69f00', sky: '#56b4e9', green: '#009e73', yellow: '#f0e442',
    blue: '#0072b2', vermillion: '#d55e00', purple: '#cc79a7',
};
const greys = {
    light: { free: '#dfe3e8', none: '#c3c9d1', held: '#98a2ae', lost: '#1b1f24' },
    dark: { free: '#2c333c', none: '#3d4651', held: '#69747f', lost: '#f4f6f8' },
};

// Ten points of viridis, from dark violet to yellow.
const viridisPoints = [
    [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
    [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
];

// `part` from 0 to 1.
export function viridis(part) {
    const at = Math.min(Math.max(part, 0), 1) * (viridisPoints.length - 1);
    const low = Math.min(Math.floor(at), viridisPoints.length - 2);
    const mixed = viridisPoints[low].map((from, i) => {
        return Math.round(from + (viridisPoints[low + 1][i] - from) * (at - low));
    });
    return `#${mixed.map((part8) => part8.toString(16).padStart(2, '0')).join('')}`;
}

export function channels(colour) {
    return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

// Black or white, whichever reads better on the colour.
export function inkOn(colour) {
    const [red, green, blue] = channels(colour);
    return 0.3 * red + 0.59 * green + 0.11 * blue > 130 ? '#000000' : '#ffffff';
}

// What the words of page_use (engine/page_fact.hpp) mean to a reader.
export const useNames = {
    meta: 'meta page', leaf: 'leaf', inner: 'inner node', extent_data: 'large value',
    extent_sums: 'checksums of large values', image: 'free-space list', free: 'free',
    pending: 'held for the older meta', lost: 'no owner found', missing: 'behind the file\u2019s end',
};

export function useColours(theme) {
    const grey = greys[theme];
    return {
        meta: okabeIto.purple, leaf: okabeIto.sky, inner: okabeIto.blue,
        extent_data: okabeIto.green, extent_sums: okabeIto.yellow, image: okabeIto.orange,
        free: grey.free, pending: grey.held, lost: grey.lost, missing: grey.none,
    };
}

const treeHues = ['sky', 'orange', 'green', 'blue', 'yellow', 'purple'];

// Colours of the trees, the largest first; the rest of them share a grey.
export function treeColours(trees, theme) {
    const colours = new Array(trees.length + 1).fill(greys[theme].held);
    const pagesOf = (tree) => tree.pages.leaf + tree.pages.inner + tree.pages.large_value;
    const largest = trees.map((tree, i) => [pagesOf(tree), i]).sort((a, b) => b[0] - a[0]);
    largest.slice(0, treeHues.length).forEach(([, i], rank) => {
        colours[i] = okabeIto[treeHues[rank]];
    });
    return colours;
}

export const fillSteps = 20;   // fill is told in steps of 5 %
export const ageSteps = 24;    // age in powers of two of transactions

// A scheme: `ofCell(cell)` and `ofNode(node)` give an index into `palette`; `legend` is either items
// [label, colour, pages] or a scale [from, to, colour of a part].
export function schemeFor(by, report, theme) {
    return schemes[by](report, theme);
}

const damaged = 'damaged';

const schemes = {
    kind(report, theme) {
        const colours = useColours(theme);
        const palette = [...report.uses.map((use) => colours[use]), okabeIto.vermillion];
        const bad = palette.length - 1;
        return {
            palette,
            ofCell: (cell) => (report.isDamaged(cell) ? bad : report.useOf(cell)),
            ofNode: (node) => {
                if (report.nodes.unsound.has(node)) return bad;
                return report.uses.indexOf(report.nodes.level[node] === 0 ? 'leaf' : 'inner');
            },
            legend: [
                ...report.uses.map((use, i) => [useNames[use], palette[i], report.counts[i]]),
                [damaged, palette[bad], report.damaged_pages],
            ].filter(([, , pages]) => pages > 0),
        };
    },

    tree(report, theme) {
        const colours = treeColours(report.trees, theme);
        const palette = [greys[theme].free, ...colours];
        const legend = report.trees
            .map((tree, i) => [tree.label, palette[i + 1], report.pagesOfTree(i), i])
            .filter(([, , pages]) => pages > 0)
            .sort((a, b) => b[2] - a[2]);
        const others = legend.splice(8);
        if (others.length > 0) {
            const pages = others.reduce((sum, each) => sum + each[2], 0);
            legend.push([`${others.length} more trees`, greys[theme].held, pages]);
        }
        return {
            palette,
            ofCell: (cell) => report.treeOf(cell),
            ofNode: (node) => report.nodes.tree[node] + 1,
            legend: [...legend, ['of no tree', palette[0], report.pagesOfNoTree]],
        };
    },

    fill(report, theme) {
        const steps = Array.from({ length: fillSteps + 1 }, (_, i) => viridis(i / fillSteps));
        return {
            palette: [greys[theme].free, ...steps],
            ofCell: (cell) => report.fillOf(cell),
            ofNode: (node) => 1 + Math.round((report.nodes.fill[node] / 1000) * fillSteps),
            scale: ['empty', 'full', viridis],
            legend: [['no payload of its own', greys[theme].free, null]],
        };
    },

    age(report, theme) {
        const last = Math.max(1, report.oldestAge - 1);
        const steps = Array.from({ length: ageSteps + 1 }, (_, i) => viridis(1 - i / last));
        return {
            palette: [greys[theme].free, ...steps],
            ofCell: (cell) => report.ageOf(cell),
            ofNode: (node) => ageStep(report.nodes.age[node]),
            scale: [`${ageLabel(report.oldestAge)} ago`, 'by the newest transaction', viridis],
            legend: [['not known', greys[theme].free, null]],
        };
    },

    state(report, theme) {
        const grey = greys[theme];
        const states = [
            ['in use and sound', okabeIto.green], [damaged, okabeIto.vermillion],
            ['free', grey.free], ['held for the older meta', okabeIto.yellow],
            ['no owner found', grey.lost], ['behind the file\u2019s end', okabeIto.purple],
        ];
        const ofUse = { free: 2, pending: 3, lost: 4, missing: 5 };
        const pages = new Array(states.length).fill(0);
        report.uses.forEach((use, i) => {
            pages[ofUse[use] ?? 0] += report.counts[i];
        });
        pages[0] -= report.damaged_in_use;
        pages[1] = report.damaged_pages;
        return {
            palette: states.map(([, colour]) => colour),
            ofCell: (cell) => (report.isDamaged(cell) ? 1 : ofUse[report.uses[report.useOf(cell)]] ?? 0),
            ofNode: (node) => (report.nodes.unsound.has(node) ? 1 : 0),
            legend: states.map(([label, colour], i) => [label, colour, pages[i]])
                .filter((each) => each[2] > 0),
        };
    },
};

// The step of an age as the columns hold it: 0 not known, 1 the newest transaction, 2 one before,
// 3 two or three, 4 four to seven.
export function ageStep(age) {
    return age === 0 ? 0 : Math.min(ageSteps + 1, 1 + Math.ceil(Math.log2(age)));
}

export function ageLabel(step) {
    if (step <= 1) return 'no transaction';
    const least = 2 ** (step - 2);
    if (step === 2) return '1 transaction';
    if (step > ageSteps) return `${least.toLocaleString('en')} transactions or more`;
    return `${least.toLocaleString('en')} to ${(2 * least - 1).toLocaleString('en')} transactions`;
}
