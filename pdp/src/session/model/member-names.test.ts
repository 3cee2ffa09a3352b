import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { leavesOf } from './leaves.js';
import { snakeCase } from './member-names.js';
import { isPrincipal } from './principals.js';
import { isFetch, isOneTimeCode, roleOf } from './roles.js';

test.each([
  ['user_email', 'user_email'],
  ['userEmail', 'user_email'],
  ['UserEMail', 'user_e_mail'],
  ['user-email', 'user_email'],
  ['User Email', 'user_email'],
  ['pageURL', 'page_url'],
  ['URLOfPage', 'url_of_page'],
  ['line2Text', 'line2_text'],
])('%s is read as %s', (name, expected) => {
  expect(snakeCase(name)).toBe(expected);
});

describe('a name means the same however it is written', () => {
  test.each([
    ['userEmail', 'ann@corp.example', 'destination'],
    ['callback-url', 'https://corp.example/a', 'destination'],
    ['newPassword', 'hunter2', 'credential'],
    ['messageBody', 'Hello', 'payload'],
    ['startDay', '2025-01-11', 'plain'],
    ['orderId', 7, 'identity'],
  ])('to a call: %s', (name, value, role) => {
    expect(roleOf({ effect: 'write' }, name, value)).toBe(role);
  });
  test('a declaration is looked up as it was written', () => {
    expect(roleOf({ effect: 'write', arguments: { userEmail: 'payload' } }, 'userEmail', 'x')).toBe('payload');
  });
  test.each(['pageUrl', 'filePath', 'File-Path'])('to a fetch: %s', (name) => {
    const request = { tool: { name: 'read', arguments: { [name]: 'x' } } } as unknown as CanonicalRequest;
    expect(isFetch(request)).toBe(true);
  });
  test('to a code', () => {
    expect(isOneTimeCode('verificationCode', '482913')).toBe(true);
  });
  test('to the author of an item', () => {
    expect(isPrincipal('sentBy', undefined)).toBe(true);
  });
  test.each(['messageBody', 'order-comment', 'userReview'])('to members in which people write: %s', (name) => {
    expect(leavesOf({ [name]: 'K-99' }).filter(({ text }) => text === 'K-99')).toMatchObject([{ kind: 'prose' }]);
  });
});
