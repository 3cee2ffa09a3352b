/**
 * Inputs that a strict JSON parser must refuse, with the reason it must give, and inputs that it must accept. Our own
 * table, sorted as JSONTestSuite sorts its `n_` files (structure, array, object, number, string, encoding), plus what
 * contracts §1 refuses beyond RFC 8259: duplicate and prototype keys, lone surrogates, unsafe integers, depth, size.
 */

/** Why an input is refused; `parseStrictJson` names these. */
export type RefusalKind =
  | 'encoding'
  | 'syntax'
  | 'duplicate_key'
  | 'prototype_key'
  | 'depth'
  | 'size'
  | 'number'
  | 'surrogate';

/** One input. */
export interface StrictCase {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One input to refuse. `kinds` are the reasons that are right where an input is wrong in more than one way. */
export interface RefusedCase extends StrictCase {
  readonly kinds: readonly RefusalKind[];
}

const utf8 = new TextEncoder();

function printable(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}...` : text);
}

function texts(group: string, kinds: readonly RefusalKind[], inputs: readonly string[]): readonly RefusedCase[] {
  return inputs.map((text) => ({ name: `${group} ${printable(text)}`, bytes: utf8.encode(text), kinds }));
}

function bytes(group: string, kinds: readonly RefusalKind[], inputs: readonly (readonly [string, string])[]): readonly RefusedCase[] {
  return inputs.map(([name, hex]) => ({
    name: `${group} ${name}`,
    bytes: new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    kinds,
  }));
}

const STRUCTURE = texts('structure', ['syntax'], [
  '', ' ', '\n', '[', ']', '{', '}', '[[', '{{', '[}', '{]', '[]]', '{}}', '[{', '{[', '[{}', '[1}', '{"a":1]', '][', '}{',
  '<null>', '<.>', '*', '@', '#{}', '(1)', '`a`', '~', '=', '?', '[{"a":[', '{"a":{"b":', '"a', "'a'", 'a', 'abc', 'å'.repeat(3),
]);

const TRAILING = texts('trailing', ['syntax'], [
  '{}x', '[]x', '1 2', '1]', '{}{}', '[][]', '{} []', '""""', '"a"b', 'null null', 'true,', '[1],', '{"a":1},', '{"a":1}#',
  '{"a":1}//', '{"a":1}/**/', '{"a":1}}', '[1]\u0000', '{}\u0000', '1\u0000', '{"a":"b"}/', '[1]\u000c', '[1]\u000b', '[1]\u00a0', '[1]\u2028',
]);

const ARRAY = texts('array', ['syntax'], [
  '[,]', '[,1]', '[1,]', '[1,,2]', '[1,,]', '["",]', '["",,]', '["x",,]', '[1 2]', '[1 true]', '["a" "b"]', '[1:2]', '["":1]', '[1;2]',
  '[1,\n1\n,1', '["a",\n4\n,1,', '[x', '["x"', '[3[4]]', '[*]', '[\u000ba]', '["a\u000c"]\\f', '[\u000c]', '[\u00a0]', '[\u2060]', '[1,\ufeff2]', '[a', '[nul]', '[undefined]', '[(1)]',
]);

const OBJECT = texts('object', ['syntax'], [
  '{,}', '{"a"}', '{"a":}', '{"a",}', '{"a":1,}', '{"a":1,,"b":2}', '{,"a":1}', '{"a" 1}', '{"a"::1}', '{"a":1 "b":2}', '{"a":1;"b":2}', '{:1}',
  '{a:1}', "{'a':1}", '{1:1}', '{null:1}', '{true:1}', '{[]:1}', '{{}:1}', '{"a":1', '{"a":', '{"a', '{"', '{"a":1,"b', '{"a":"b', '{"a"=1}',
  '{"a":/*c*/1}', '{/**/}', '{"a":1,//c\n"b":2}', '{"a":x}', '{"a" : 1,, }', '{9999E9999:1}', '{"x", null}', '{"x"::"b"}', '{key: "value"}', '{"a":a}',
]);

const LITERAL = texts('literal', ['syntax'], [
  'nul', 'nulll', 'Null', 'NULL', 'tru', 'truee', 'True', 'TRUE', 'fals', 'falsee', 'False', 'FALSE', 'nan', 'NaN', '[NaN]', 'Infinity', '-Infinity',
  '[Infinity]', '[-Infinity]', '+Infinity', 'inf', '-inf', '[+Inf]', 'undefined', 'None', '[nu\nll]', '[tr ue]', 'none', 'yes',
]);

const NUMBER_SYNTAX = texts('number', ['syntax'], [
  '+1', '+0', '++1', '--1', '-', '[-]', '-a', '- 1', '01', '00', '-01', '-00', '012', '-012', '1.', '-1.', '.1', '-.1', '.', '-.', '0.', '1.e1',
  '0.e1', '1e', '1E', '1e+', '1e-', '1E+', '1ee1', '1e1e1', '1e1.5', '0e', '0e+', '1.0e', '1.0e+', '1.0e-', '0.3e', '0x1', '0x', '0X42', '0b1', '0o7',
  '1_000', '1,000', '1 000', '1a', '-1x', '1.2.3', '1.2a', '1.8011670033376514H-308', '2.e3', '2.e+3', '2.e-3', '-2.', '9.e+', '123\u0000', '\uff11', '[1+2]', '[-foo]', '1n', '1f', '1.0f', '٣', '-0.', '$1',
]);

const NUMBER_RANGE = texts('number', ['number'], [
  '9007199254740992', '-9007199254740992', '9007199254740993', '-9007199254740993', '18446744073709551615', '9223372036854775807',
  '-9223372036854775808', '100000000000000000000', '1e400', '-1e400', '1E400', '1e+400', '[1e309]', '[-1e309]', '{"a":1e999}',
  '123123e100000', '-123123e100000', '1.5e+9999', '[-1e+9999]', `1${'0'.repeat(400)}`, `[${'9'.repeat(1000)}]`, `0.4e${'0'.repeat(50)}9999`,
]);

const STRING_SYNTAX = texts('string', ['syntax'], [
  '"\\"', '"\\', '"\\x00"', '"\\x41"', '"\\a"', '"\\v"', '"\\0"', '"\\\'"', '"\\ "', '"\\\n"', '"\\u"', '"\\u0"', '"\\u00"', '"\\u004"', '"\\u00G0"', '"\\uGGGG"',
  '"\\u 041"', '"\\U0041"', '"\\u+041"', '"\\u-041"', '"\\u{41}"', '"\\u00e', '"\\ud83d\\', '"\\ud83d\\u', '"\\\u00e9"', '"\\\ud83d\ude00"', '"\u0000"', '"a\u0000b"', '"\u0001"', '"\u001f"', '"\n"', '"\r"', '"\t"', '"\b"', '"\f"', '"a\nb"',
  '"', '""a', '"a""b"', "'", "''", "'a'", '\\"a\\"', '"a\\', '["\\u0041', '\u2018a\u2019', '"\\x', '"\\u12', '["a\u001bb"]', '{"\n":1}', '{"a\\xb":1}', '{"\\":1}',
]);

const SURROGATE = texts('surrogate', ['surrogate'], [
  '"\\ud800"', '"\\udbff"', '"\\udc00"', '"\\udfff"', '"\\uD800"', '"\\uDFAA"', '"a\\ud83d"', '"\\ud83da"', '"\\ud83d\\n"', '"\\ud83d\\ud83d"', '"\\ud83d\\u0041"', '"\\ude00\\ud83d"', '"\\ud83d \\ude00"',
  '{"\\ud800":1}', '{"\\udfaa":0}', '["\\udada"]', '["\\ud888\\u1234"]', '["\\ud800\\ud800\\n"]', '["\\ud800\\n"]', '["\\udd1e\\ud834"]', '"\\ud83d\\\\ude00"',
]);

const DUPLICATE = texts('duplicate', ['duplicate_key'], [
  '{"a":1,"a":2}', '{"a":1,"a":1}', '{"a":1,"b":2,"a":3}', '{"":1,"":2}', '{"a":1,"\\u0061":2}', '{"\\u0061":1,"a":2}', '{"a/b":1,"a\\/b":2}', '{"\\n":1,"\\u000a":2}',
  '{"\ud83d\ude00":1,"\\ud83d\\ude00":2}', '{"é":1,"\\u00e9":2}', '{"x":{"a":1,"a":2}}', '[{"a":1,"a":2}]', '[[[{"k":null,"k":null}]]]', '{"a":{"b":1},"a":{"b":2}}', '{"a":[],"c":{},"a":[]}',
  '{"\\"":1,"\\u0022":2}', '{"\\\\":1,"\\u005c":2}', '{"a":1 ,\n"a" : 2}', '{"a":{"a":{"a":1,"a":2}}}', '{"0":1,"0":2}',
]);

const PROTOTYPE = texts('prototype', ['prototype_key'], [
  '{"__proto__":{}}', '{"__proto__":null}', '{"constructor":1}', '{"prototype":1}', '{"a":{"__proto__":{"admin":true}}}', '[{"constructor":{"prototype":{}}}]',
  '{"\\u005f_proto__":1}', '{"__proto\\u005f_":1}', '{"constr\\u0075ctor":1}', '{"\\u0070rototype":1}',
]);

const ENCODING = bytes('encoding', ['encoding'], [
  ['lone continuation byte', '22 80 22'],
  ['lone 0xbf', '22 bf 22'],
  ['0xff', '22 ff 22'],
  ['0xfe', '22 fe 22'],
  ['latin-1 e acute', '5b 22 e9 22 5d'],
  ['truncated two-byte', '22 c3 22'],
  ['truncated three-byte', '22 e2 82 22'],
  ['truncated four-byte', '22 f0 9f 98 22'],
  ['two-byte ended by the input', '22 c3'],
  ['four-byte ended by the input', '22 f0 9f'],
  ['overlong slash, 2 bytes', '22 c0 af 22'],
  ['overlong NUL, 2 bytes', '22 c0 80 22'],
  ['overlong 0xc1', '22 c1 bf 22'],
  ['overlong slash, 3 bytes', '22 e0 80 af 22'],
  ['overlong 3 bytes, largest', '22 e0 9f bf 22'],
  ['overlong 4 bytes', '22 f0 80 80 af 22'],
  ['overlong 4 bytes, largest', '22 f0 8f bf bf 22'],
  ['5 bytes', '22 f8 88 80 80 80 22'],
  ['6 bytes', '22 fc 83 bf bf bf bf 22'],
  ['beyond U+10FFFF', '22 f4 90 80 80 22'],
  ['0xf5', '22 f5 80 80 80 22'],
  ['surrogate U+D800 as 3 bytes', '22 ed a0 80 22'],
  ['surrogate U+DFFF as 3 bytes', '22 ed bf bf 22'],
  ['surrogate pair as CESU-8', '22 ed a0 bd ed b8 80 22'],
  ['UTF-8 BOM, object', 'ef bb bf 7b 7d'],
  ['UTF-8 BOM alone', 'ef bb bf'],
  ['UTF-8 BOM twice', 'ef bb bf ef bb bf 31'],
  ['UTF-16LE with BOM', 'ff fe 5b 00 22 00 e9 00 22 00 5d 00'],
  ['UTF-16BE with BOM', 'fe ff 00 5b 00 5d'],
  ['in a key', '7b 22 80 22 3a 31 7d'],
  ['after an escape', '22 5c 6e ff 22'],
  ['second of two strings', '5b 22 61 22 2c 22 ff 22 5d'],
]);

/** Wrong both as UTF-8 and as JSON; either reason is a right one, and an answer is never right. */
const ENCODING_OR_SYNTAX = bytes('encoding', ['encoding', 'syntax'], [
  ['UTF-16LE without BOM', '5b 00 22 00 e9 00 22 00 5d 00'],
  ['UTF-16BE without BOM', '00 5b 00 22 00 e9 00 22 00 5d'],
  ['incomplete BOM', 'ef bb 7b 7d'],
  ['a byte alone', 'e5'],
  ['a letter before invalid UTF-8 in an array', '5b 61 e5 5d'],
  ['invalid UTF-8 as an element', '5b ff 5d'],
  ['inside an integer', '5b 31 32 33 e5 5d'],
  ['inside an exponent', '5b 31 65 31 e5 5d'],
  ['at the start of an integer', '5b 30 e5 5d'],
  ['after e', '5b 30 65 e5 5d'],
  ['inside an escape', '5b 22 5c 75 e5 22 5d'],
  ['as an escaped character', '5b 22 5c e5 22 5d'],
  ['as a key with a trailing comma', '7b 22 b9 22 3a 22 30 22 2c 7d'],
  ['between tokens', '5b 31 2c ff 32 5d'],
  ['after the value', '7b 7d ff'],
  ['NUL first', '00 7b 7d'],
  ['NUL only', '00'],
  ['NUL between tokens', '5b 00 31 5d'],
  ['UTF-32LE', '5b 00 00 00 5d 00 00 00'],
]);

/** Deep enough to overflow the stack of a recursive parser, whatever its size. */
const BOTTOMLESS = 100_000;
const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

/** The default depth of `parseStrictJson` (contracts §1). */
export const MAX_DEPTH = 64;

const DEPTH = [
  ...texts('depth', ['depth'], [
    nested('[', ']', MAX_DEPTH + 1),
    nested('[', ']', BOTTOMLESS),
    '{"a":'.repeat(MAX_DEPTH + 1) + '1' + '}'.repeat(MAX_DEPTH + 1),
    '{"a":'.repeat(BOTTOMLESS) + '1' + '}'.repeat(BOTTOMLESS),
    '[{"a":'.repeat(BOTTOMLESS / 2) + '1' + '}]'.repeat(BOTTOMLESS / 2),
  ]),
  // Never closed: too deep long before it is found to be incomplete.
  ...texts('depth, never closed', ['depth', 'syntax'], [
    '['.repeat(BOTTOMLESS),
    '{"a":'.repeat(BOTTOMLESS),
    '[{"":'.repeat(BOTTOMLESS / 2),
    ']'.repeat(BOTTOMLESS),
  ]),
];

/** Everything that must be refused. */
export const REFUSED: readonly RefusedCase[] = [
  ...STRUCTURE, ...TRAILING, ...ARRAY, ...OBJECT, ...LITERAL, ...NUMBER_SYNTAX, ...NUMBER_RANGE, ...STRING_SYNTAX,
  ...SURROGATE, ...DUPLICATE, ...PROTOTYPE, ...ENCODING, ...ENCODING_OR_SYNTAX, ...DEPTH,
];

/** Everything that must be accepted, with the value that `JSON.parse` gives. */
export const ACCEPTED: readonly StrictCase[] = [
  '{}', '[]', '""', '0', '-0', '1', '-1', '1.5', '-1.5e3', '1E2', '1e+2', '1e-2', '0.1', '0e1', '0E+1', '1e-400', '123.456e78', 'null', 'true', 'false', ' \t\r\n1 \t\r\n',
  '9007199254740991', '-9007199254740991', '1e300', '0.0000000000000000000000000000000001', '[1,2,3]', '[[],{},[[]]]', '{"a":1}', '{"":0}', '{"a":{"b":[1,{"c":null}]}}', '{"a":1,"A":2}',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0041"', '"\\u00e9"', '"é"', '"\ud83d\ude00"', '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\u007f"', '"\u2028\u2029"', '"\ufeff"', '"\\ufeff"', '"\uffff"', '"\\uffff"', '"\\u0000"', '"\u{10ffff}"',
  '{"é":1,"e\u0301":2}', '{"proto":1,"Constructor":2,"__proto":3}', '["__proto__","constructor","prototype"]', '{"toString":1,"hasOwnProperty":2}', '"//not a comment"', '"[{"', '[" "]', '{ "a" : [ 1 , 2 ] }',
  '{"\\"":1,"\\\\":2}', '{"a\\u0000b":1}', '[-0.0,0.0]', nested('[', ']', MAX_DEPTH), '{"a":'.repeat(MAX_DEPTH) + '1' + '}'.repeat(MAX_DEPTH), `"${'a'.repeat(100_000)}"`,
].map((text) => ({ name: printable(text), bytes: utf8.encode(text) }));
