// From a key to the nodes that a search for it visits, as far down as the report lists them.

import { compareKeys } from './key_order.mjs';

// The last child whose lower fence is at most the key.
function childFor(nodes, parent, key) {
    const row = nodes.children(parent);
    let first = 0;
    let last = row.length - 1;
    while (first < last) {
        const middle = (first + last + 1) >> 1;
        const fence = nodes.fence[row[middle]];
        if (fence === null || compareKeys(fence, key) <= 0) first = middle;
        else last = middle - 1;
    }
    return row[first];
}

// The nodes from the root of the tree down; empty when the report lists none of that tree. Below a
// node whose children are not all listed only a path that was asked for goes on: `asked` are the
// keys with a path of their own.
export function pathOfKey(nodes, tree, key, asked = []) {
    const own = asked.find((each) => each.tree === tree && compareKeys(each.key, key) === 0);
    if (own) return own.path;
    const root = nodes.roots.get(tree);
    if (root === undefined || nodes.fence === null) return [];
    const path = [root];
    for (let at = root; nodes.children(at).length > 0 && !nodes.isCut(at);) {
        at = childFor(nodes, at, key);
        path.push(at);
    }
    return path;
}

// Where the key stands among `keys`, which ascend.
export function placeOf(keys, key) {
    let first = 0;
    let last = keys.length;
    while (first < last) {
        const middle = (first + last) >> 1;
        if (compareKeys(keys[middle], key) < 0) first = middle + 1;
        else last = middle;
    }
    return { index: first, found: first < keys.length && compareKeys(keys[first], key) === 0 };
}
