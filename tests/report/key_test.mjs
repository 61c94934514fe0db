// Keys from text to normal form and back. keys.json is what the engine's own functions say of the
// same keys: tests/tool_report_test.cpp holds them to it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { compareKeys, keyOf } from '../../tools/report/key_order.mjs';
import { hexadecimal, keyText } from '../../tools/report/key_text.mjs';
import { bytesOfHex } from '../../tools/report/run_code.mjs';

const keys = JSON.parse(readFileSync(new URL('keys.json', import.meta.url)));

test('keys have the normal form that the engine gives them', () => {
    for (const [type, text, hex] of keys) {
        assert.equal(hexadecimal(keyOf(type, text)), hex, `${type} ${text}`);
    }
});

test('keys are printed as the command line prints them', () => {
    for (const [type, text, hex] of keys) {
        assert.equal(keyText(type, bytesOfHex(hex), 'text'), text, `${type} ${hex}`);
    }
});

test('the order of normal forms is the order of the keys', () => {
    const ascending = {
        i64: ['-9223372036854775808', '-2', '-1', '0', '1', '9223372036854775807'],
        f64: ['-inf', '-1e+300', '-1', '-1e-300', '0', '1e-300', '0.5', '1', 'inf'],
        string: ['', 'a', 'a\\x00', 'aa', 'b', '\\xff'],
        'tuple(string,u8)': ['a,1', 'a,2', 'a\\x00,0', 'aa,0', 'b,0'],
    };
    for (const [type, texts] of Object.entries(ascending)) {
        texts.slice(1).forEach((text, i) => {
            assert.ok(compareKeys(keyOf(type, texts[i]), keyOf(type, text)) < 0, `${type} ${text}`);
        });
    }
    assert.equal(compareKeys(keyOf('f64', '-0'), keyOf('f64', '0')), 0);
});

test('text that is no key of the type is refused with what was expected', () => {
    const wrong = [
        ['u64', '', 'whole number without sign'], ['u64', '-1', 'without sign'], ['u8', '256', 'from 0 to 255'],
        ['u64', '18446744073709551616', 'from 0 to'], ['i8', '128', 'from -128 to 127'], ['i8', '1.5', 'whole'],
        ['f64', 'nan', 'a number'], ['f64', '1x', 'a number'], ['bool', '1', 'true or false'],
        ['hex', 'xyz', 'hexadecimal'], ['hex', '11112222333344445', '16'], ['bytes(2)', 'abc', '4 hexadecimal'],
        ['string', 'a\\q', '\\xNN'], ['tuple(u8,u8)', '1', '2 parts'], ['tuple(u8,u8)', '1,2,3', '2 parts'],
    ];
    for (const [type, text, expected] of wrong) {
        assert.throws(() => keyOf(type, text), (failure) => failure.message.includes(expected), `${type} ${text}`);
    }
});

test('nothing that moves a cursor or turns the reading direction is printed as it is', () => {
    const hostile = ['\u0000', '\u001b[2J', '\u009b', '\u202e', '\u2028', '\u200f', '\ufeff', '\r'];
    for (const text of hostile) {
        for (const type of ['string', 'bytes', 'color', 'tuple(string,string)']) {
            const shown = keyText(type, new TextEncoder().encode(`abcdefghijkl${text}`), 'text');
            assert.match(shown, /^abcdefghijkl(\\x[0-9a-f]{2}|\\r|\[2J)+$/, type);
        }
    }
});

test('bytes that are mostly no text are shown in hexadecimal, and as the style says', () => {
    const bytes = bytesOfHex('00017f80fe61');
    assert.equal(keyText('bytes', bytes), '0x00017f80fe61');
    assert.equal(keyText('bytes', bytes, 'hex'), '00017f80fe61');
    assert.equal(keyText('bytes', bytes, 'base64'), 'AAF/gP5h');
    assert.equal(keyText('u64', bytesOfHex('0102')), '\\x01\\x02', 'a key of another width');
    assert.equal(keyText('tuple(string,u8)', bytesOfHex('6162')), 'ab', 'a tuple that never ends');
});
