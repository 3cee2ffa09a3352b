import { describe, expect, test } from '@jest/globals';
import { createNameRegister, fileNameFault } from './file-name.js';

describe('fileNameFault', () => {
  test.each(['a', '.manifest', 'a/b/c.json', 'a..b', 'ä/é.json', 'a b', '%2e%2e/x'])('accepts %j', (name) => {
    expect(fileNameFault(name, 8)).toBeUndefined();
  });

  test.each([
    { name: '', says: 'empty' },
    { name: '/etc/passwd', says: 'absolute' },
    { name: '../x', says: '".."' },
    { name: 'a/../../x', says: '".."' },
    { name: './x', says: '"."' },
    { name: 'a//b', says: 'empty segment' },
    { name: 'a/', says: 'empty segment' },
    { name: 'C:/x', says: 'drive' },
    { name: 'a\\..\\b', says: 'backslash' },
    { name: 'a\0b', says: 'control' },
    { name: 'a\nb', says: 'control' },
    { name: 'a\u009fb', says: 'control' },
    { name: 'e\u0301', says: 'NFC' },
    { name: '\ud800', says: 'NFC' },
    { name: 'a./b', says: 'dot or a blank' },
    { name: 'a /b', says: 'dot or a blank' },
    { name: '...', says: 'dot or a blank' },
    { name: 'a/b/c/d/e/f/g/h/i', says: '8 levels' },
    { name: 'x'.repeat(256), says: '255 bytes' },
    { name: 'é'.repeat(128), says: '255 bytes' },
  ])('refuses $name', ({ name, says }) => {
    expect(fileNameFault(name, 8)).toContain(says);
  });
});

describe('the register of names', () => {
  test.each([
    { names: ['a/b', 'a/c', 'b'], last: undefined },
    { names: ['a', 'a'], last: 'twice' },
    { names: ['a/B', 'a/b'], last: 'collides with the file "a/B"' },
    { names: ['A/x', 'a/y'], last: 'collides with the folder "A"' },
    { names: ['a', 'a/b'], last: 'collides with the file "a"' },
    { names: ['a/b', 'a'], last: 'collides with the folder "a"' },
    { names: ['STRASSE', 'straße'], last: 'collides' },
    { names: ['ǆ', 'ǅ'], last: 'collides' },
  ])('$names', ({ names, last }) => {
    const register = createNameRegister();
    const faults = names.map((name) => register.add(name));
    expect(faults.slice(0, -1)).toEqual(names.slice(1).map(() => undefined));
    if (last === undefined) expect(faults.at(-1)).toBeUndefined();
    else expect(faults.at(-1)).toContain(last);
  });
});
