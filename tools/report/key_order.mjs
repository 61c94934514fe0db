// Keys as they are typed, turned into normal form: the bytes whose unsigned order is the order of
// the keys. The rules are those of engine/FORMAT.md ("Types"), the spelling is that of the command
// line: engine/key_text.hpp.

const integers = { u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8 };
const floats = { f32: 4, f64: 8 };

// The parts of a tuple type, those of nested ones in their place; any other type is its own part.
export function partsOf(type) {
    if (!type.startsWith('tuple(') || !type.endsWith(')')) return [type];
    const inside = type.slice(6, -1);
    const parts = [];
    let depth = 0;
    let start = 0;
    for (let i = 0; i <= inside.length; ++i) {
        const letter = inside[i];
        if (i === inside.length || (letter === ',' && depth === 0)) {
            parts.push(...partsOf(inside.slice(start, i)));
            start = i + 1;
        } else if (letter === '(') {
            ++depth;
        } else if (letter === ')') {
            --depth;
        }
    }
    return parts;
}

// Bytes of every key of a type that is no tuple; 0 when they vary.
export function widthOf(type) {
    const array = /^bytes\((\d+)\)$/.exec(type);
    if (array) return Number(array[1]);
    if (type === 'hex') return 8;
    if (type === 'bool') return 1;
    return integers[type] ?? floats[type] ?? 0;
}

export function isInteger(type) {
    return type in integers;
}
export function isFloat(type) {
    return type in floats;
}

// As memcmp, a shorter one first where it is the beginning of the other.
export function compareKeys(a, b) {
    const common = Math.min(a.length, b.length);
    for (let i = 0; i < common; ++i) {
        if (a[i] !== b[i]) return a[i] - b[i];
    }
    return a.length - b.length;
}

function bigEndian(number, width) {
    const bytes = new Uint8Array(width);
    for (let i = width - 1; i >= 0; --i, number >>= 8n) bytes[i] = Number(number & 0xffn);
    return bytes;
}

function integerKey(type, text) {
    const signed = type[0] === 'i';
    const width = integers[type];
    if (!(signed ? /^-?\d+$/ : /^\d+$/).test(text)) {
        throw new Error(signed ? 'a whole number' : 'a whole number without sign');
    }
    const number = BigInt(text);
    const half = 1n << BigInt(8 * width - 1);
    const [least, most] = signed ? [-half, half - 1n] : [0n, 2n * half - 1n];
    if (number < least || number > most) throw new Error(`a number from ${least} to ${most}`);
    return bigEndian(signed ? number + half : number, width);
}

function floatKey(type, text) {
    const plain = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
    if (!plain && !/^-?inf(inity)?$/i.test(text)) throw new Error('a number such as -1.5e3');
    const infinite = text.startsWith('-') ? -Infinity : Infinity;
    // Adding 0 makes one zero of the two.
    const number = (plain ? Number(text) : infinite) + 0;
    const width = floats[type];
    const bytes = new Uint8Array(width);
    const view = new DataView(bytes.buffer);
    if (width === 4) view.setFloat32(0, number);
    else view.setFloat64(0, number);
    const negative = bytes[0] >= 0x80;
    return bytes.map((byte, i) => (negative ? byte ^ 0xff : i === 0 ? byte ^ 0x80 : byte));
}

function digitsKey(text, width) {
    if (text.length !== 2 * width || !/^[0-9a-f]*$/i.test(text)) {
        throw new Error(`${2 * width} hexadecimal digits`);
    }
    return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const escapes = { '\\': 0x5c, n: 0x0a, r: 0x0d, t: 0x09 };

function textKey(text) {
    const bytes = [];
    const encoder = new TextEncoder();
    const pattern = /\\x([0-9a-f]{2})|\\([\\nrt])|[^\\]+|\\/gi;
    for (const [whole, digits, letter] of text.matchAll(pattern)) {
        if (digits !== undefined) bytes.push(Number.parseInt(digits, 16));
        else if (letter !== undefined) bytes.push(escapes[letter]);
        else if (whole === '\\') throw new Error('\\\\ for each backslash, or \\n, \\r, \\t, \\xNN');
        else bytes.push(...encoder.encode(whole));
    }
    return Uint8Array.from(bytes);
}

function partKey(type, text) {
    if (type === 'hex') {
        const digits = text.replace(/^0x/i, '');
        if (!/^[0-9a-f]{1,16}$/i.test(digits)) throw new Error('up to 16 hexadecimal digits');
        return bigEndian(BigInt(`0x${digits}`), 8);
    }
    if (type === 'bool') {
        if (text !== 'true' && text !== 'false') throw new Error('true or false');
        return Uint8Array.of(text === 'true' ? 1 : 0);
    }
    if (isInteger(type)) return integerKey(type, text);
    if (isFloat(type)) return floatKey(type, text);
    const width = widthOf(type);
    return width === 0 ? textKey(text) : digitsKey(text, width);
}

// A part of varying width that is not the last: 00 is written 00 FF, and the end is 00 00.
function delimited(bytes) {
    const out = [];
    for (const byte of bytes) {
        out.push(byte);
        if (byte === 0) out.push(0xff);
    }
    return [...out, 0, 0];
}

// The key that `text` names. Throws an error that says what was expected.
export function keyOf(type, text) {
    const parts = partsOf(type);
    if (parts.length === 1) return partKey(parts[0], text);
    const words = text.split(',');
    if (words.length !== parts.length) {
        throw new Error(`${parts.length} parts, a comma between them, \\x2c for a comma inside`);
    }
    const bytes = [];
    parts.forEach((part, i) => {
        const key = partKey(part, words[i]);
        const last = i + 1 === parts.length;
        bytes.push(...(last || widthOf(part) !== 0 ? key : delimited(key)));
    });
    return Uint8Array.from(bytes);
}
