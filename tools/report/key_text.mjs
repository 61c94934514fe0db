// Keys in normal form, written as people read them, by the type that the catalog names. What comes
// from a file never becomes a control character: engine/key_text.hpp and tools/escape.hpp have the
// rules.

import { isFloat, isInteger, partsOf, widthOf } from './key_order.mjs';

export function hexadecimal(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Characters that move the cursor, end the line or turn the reading direction.
function isControl(code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x061c ||
        (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
        (code >= 0x2060 && code <= 0x206f) || code === 0xfeff;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// The printable character at `at`: its text and its bytes; null when there is none.
function characterAt(bytes, at) {
    const lead = bytes[at];
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    try {
        const text = strict.decode(bytes.subarray(at, at + length));
        return isControl(text.codePointAt(0)) ? null : { text, length };
    } catch {
        return null;
    }
}

const named = { 0x0a: '\\n', 0x0d: '\\r', 0x09: '\\t' };

// The text, and how many of the bytes stand in it as they are.
function escaped(bytes, inTuple) {
    let text = '';
    let plain = 0;
    for (let at = 0; at < bytes.length;) {
        const character = characterAt(bytes, at);
        if (character && character.text !== '\\' && !(inTuple && character.text === ',')) {
            text += character.text;
            plain += character.length;
            at += character.length;
            continue;
        }
        if (character?.text === '\\') {
            text += '\\\\';
            ++plain;
        } else {
            text += named[bytes[at]] ?? `\\x${hexadecimal(bytes.subarray(at, at + 1))}`;
        }
        ++at;
    }
    return { text, plain };
}

function base64(bytes) {
    return btoa(String.fromCharCode(...bytes));
}

function plainText(bytes, style) {
    if (style === 'hex') return hexadecimal(bytes);
    if (style === 'base64') return base64(bytes);
    const { text, plain } = escaped(bytes, false);
    return style === 'text' || plain * 4 >= bytes.length * 3 ? text : `0x${hexadecimal(bytes)}`;
}

// The shorter of the two spellings, as the command line prints it: 0.5, 1e+05.
function floatText(bytes) {
    const negative = bytes[0] < 0x80;
    const stored = bytes.map((byte, i) => (negative ? byte ^ 0xff : i === 0 ? byte ^ 0x80 : byte));
    const view = new DataView(stored.buffer);
    const number = bytes.length === 4 ? view.getFloat32(0) : view.getFloat64(0);
    if (!Number.isFinite(number)) return number > 0 ? 'inf' : number < 0 ? '-inf' : 'nan';
    // The fewest digits that lead back to the same number.
    let spelled = number;
    for (let digits = 1; bytes.length === 4 && digits <= 9; ++digits) {
        spelled = Number(number.toPrecision(digits));
        if (Math.fround(spelled) === number) break;
    }
    const scientific = spelled.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
    const fixed = String(spelled);
    return fixed.length <= scientific.length && !fixed.includes('e') ? fixed : scientific;
}

function numberOf(bytes) {
    return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

// One part of `type`; null when the bytes are none.
function partText(type, bytes, inTuple) {
    const width = widthOf(type);
    if (width === 0) return escaped(bytes, inTuple).text;
    if (bytes.length !== width) return null;
    if (type === 'hex') return numberOf(bytes).toString(16).toUpperCase();
    if (type === 'bool') return bytes[0] > 1 ? null : bytes[0] === 1 ? 'true' : 'false';
    if (isFloat(type)) return floatText(bytes);
    if (!isInteger(type)) return hexadecimal(bytes);
    const half = type[0] === 'i' ? 1n << BigInt(8 * width - 1) : 0n;
    return String(numberOf(bytes) - half);
}

// The bytes of a part that ends with 00 00, and where the next one begins; null when it never ends.
function takeDelimited(bytes, at) {
    const part = [];
    for (let i = at; i + 1 < bytes.length; ++i) {
        if (bytes[i] !== 0) {
            part.push(bytes[i]);
        } else if (bytes[i + 1] === 0xff) {
            part.push(0);
            ++i;
        } else {
            return bytes[i + 1] === 0 ? { part: Uint8Array.from(part), end: i + 2 } : null;
        }
    }
    return null;
}

function tupleText(parts, bytes) {
    const words = [];
    let at = 0;
    for (let i = 0; i < parts.length; ++i) {
        const width = widthOf(parts[i]);
        let part = width === 0 ? bytes.subarray(at) : bytes.subarray(at, at + width);
        let end = at + part.length;
        if (width === 0 && i + 1 < parts.length) {
            const taken = takeDelimited(bytes, at);
            if (!taken) return null;
            ({ part, end } = taken);
        }
        const word = partText(parts[i], part, true);
        if (word === null) return null;
        words.push(word);
        at = end;
    }
    return at === bytes.length ? words.join(',') : null;
}

// `style` is how text and bytes are shown: auto, text, hex or base64. What is no key of the type is
// written like bytes.
export function keyText(type, bytes, style = 'auto') {
    if (type === 'string' || type === 'bytes') return plainText(bytes, style);
    const parts = partsOf(type);
    const text = parts.length > 1 ? tupleText(parts, bytes) : partText(parts[0], bytes, false);
    return text ?? escaped(bytes, false).text;
}
