// Where on a grid the n-th page stands: in rows, or along a Hilbert curve, which keeps neighbours of
// the file neighbours of the picture. The grid is a rectangle; the curve fills it as a row of
// squares, each of which it enters at its upper left corner and leaves at its upper right one.

// The point of the Hilbert curve of `side` (a power of two) at distance n.
export function hilbertPoint(side, n) {
    let x = 0;
    let y = 0;
    for (let s = 1; s < side; s *= 2) {
        const right = n & 2 ? 1 : 0;
        const down = (n & 1) ^ right;
        if (down === 0) {
            if (right === 1) [x, y] = [s - 1 - x, s - 1 - y];
            [x, y] = [y, x];
        }
        x += s * right;
        y += s * down;
        n = Math.floor(n / 4);
    }
    return [x, y];
}

export function hilbertDistance(side, x, y) {
    let n = 0;
    for (let s = side / 2; s >= 1; s /= 2) {
        const right = (x & s) > 0 ? 1 : 0;
        const down = (y & s) > 0 ? 1 : 0;
        n += s * s * ((3 * right) ^ down);
        if (down === 0) {
            if (right === 1) [x, y] = [s - 1 - (x & (s - 1)), s - 1 - (y & (s - 1))];
            else [x, y] = [x & (s - 1), y & (s - 1)];
            [x, y] = [y, x];
        } else {
            [x, y] = [x & (s - 1), y & (s - 1)];
        }
    }
    return n;
}

// Cells of fewer units may have a fraction of one: the picture is scaled then, and fills the room.
const wholeFrom = 4;

// The largest cells, at most `most` units, with which `cells` of them fit width x height units.
function rowsGrid(cells, width, height, most) {
    for (let size = most; size >= wholeFrom; --size) {
        const columns = Math.max(1, Math.floor(width / size));
        const rows = Math.ceil(cells / columns);
        if (rows * size <= height) return { columns, rows, size };
    }
    let columns = Math.ceil(Math.sqrt((cells * width) / height));
    while (Math.ceil(cells / columns) * (width / columns) > height) ++columns;
    return { columns, rows: Math.ceil(cells / columns), size: width / columns };
}

function hilbertGrid(cells, width, height, most) {
    let best = null;
    for (let side = 1; side <= 4096; side *= 2) {
        const squares = Math.ceil(cells / (side * side));
        let size = Math.min(width / (squares * side), height / side, most);
        if (size >= wholeFrom) size = Math.floor(size);
        if (!best || size > best.size) best = { columns: squares * side, rows: side, size };
    }
    return best;
}

// A grid for `cells` cells: columns, rows, the size of a cell, and the way between cells and places.
export function gridFor(order, cells, width, height, most) {
    const count = Math.max(cells, 1);
    if (order !== 'hilbert') {
        const grid = rowsGrid(count, width, height, most);
        const { columns } = grid;
        return {
            ...grid,
            placeOf: (cell) => [cell % columns, Math.floor(cell / columns)],
            cellAt: (x, y) => y * columns + x,
        };
    }
    const grid = hilbertGrid(count, width, height, most);
    const side = grid.rows;
    return {
        ...grid,
        placeOf: (cell) => {
            const square = Math.floor(cell / (side * side));
            const [x, y] = hilbertPoint(side, cell % (side * side));
            return [square * side + x, y];
        },
        cellAt: (x, y) => Math.floor(x / side) * side * side + hilbertDistance(side, x % side, y),
    };
}
