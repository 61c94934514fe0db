// The code in which columns of numbers stand in the report: each number in letters to the base 26,
// its last digit a capital, and behind it, where the number stands more than once in a row, how
// often. "AbC12" is 0, then twelve times 28. Plain letters need no escaping and no decompression.
// tools/run_code.cpp writes it.

const capital = 65;
const small = 97;
const nine = 57;

// The numbers in `text`, into an array of `Type`. Throws when there are not `length` of them.
export function decodeRuns(text, length, Type = Float64Array) {
    const numbers = new Type(length);
    let filled = 0;
    let at = 0;
    while (at < text.length) {
        let value = 0;
        let code = text.charCodeAt(at++);
        for (; code >= small; code = text.charCodeAt(at++)) value = value * 26 + (code - small);
        value = value * 26 + (code - capital);
        let count = 0;
        while (at < text.length && text.charCodeAt(at) <= nine) {
            count = count * 10 + (text.charCodeAt(at++) - 48);
        }
        const end = filled + Math.max(count, 1);
        // A digit that is no letter makes a value that is no number.
        if (!(end <= length) || !(value >= 0)) break;
        numbers.fill(value, filled, end);
        filled = end;
        if (at === text.length && filled === length) return numbers;
    }
    if (text === '' && length === 0) return numbers;
    throw new Error(`a column of ${length} numbers is broken at number ${filled}`);
}

// Differences between neighbours, folded so that small ones of either sign are small numbers.
export function undoDifferences(numbers) {
    let last = 0;
    return numbers.map((folded) => {
        last += folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
        return last;
    });
}

export function bytesOfHex(text) {
    const bytes = new Uint8Array(text.length / 2);
    for (let i = 0; i < bytes.length; ++i) {
        bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
    }
    return bytes;
}

// Keys parted by commas: how many bytes each shares with the one before, as a number in letters,
// then its other bytes in hexadecimal. An empty part is no key at all: an open fence.
export function decodeKeys(text, length) {
    const keys = new Array(length).fill(null);
    let before = new Uint8Array(0);
    const parts = length === 0 ? [] : text.split(',');
    if (parts.length !== length) throw new Error(`${parts.length} keys where ${length} belong`);
    parts.forEach((part, i) => {
        if (part === '') return;
        const digits = part.search(/[A-Z]/) + 1;
        const shared = decodeRuns(part.slice(0, digits), 1)[0];
        const rest = bytesOfHex(part.slice(digits));
        const key = new Uint8Array(shared + rest.length);
        key.set(before.subarray(0, shared));
        key.set(rest, shared);
        keys[i] = key;
        before = key;
    });
    return keys;
}
