import { expect, test } from '@jest/globals';
import { createTokenVault } from './token-vault.js';

const LIMITS = { tokenTtlMs: 1_000, maxTokens: 2, maxSessions: 2 };

function vaultAt() {
  let now = 0;
  const vault = createTokenVault(LIMITS, { monotonic: () => now });
  return {
    vault,
    pass(ms: number) {
      now += ms;
    },
  };
}

test('one value has one placeholder, and only its own session and server know it', () => {
  const { vault } = vaultAt();
  const book = vault.book('s', 'files');
  expect(book.tokenOf('4111', 'CREDIT_CARD', true)).toBe('[CARD_1]');
  expect(book.tokenOf('4111', 'CREDIT_CARD', true)).toBe('[CARD_1]');
  expect(vault.book('s', 'files').original('[CARD_1]')).toBe('4111');
  expect(vault.book('s', 'mail').original('[CARD_1]')).toBeUndefined();
  expect(vault.book('t', 'files').original('[CARD_1]')).toBeUndefined();
});

test('what a server said is not given back, until the agent has said it itself', () => {
  const book = vaultAt().vault.book('s', 'files');
  const token = book.tokenOf('4111', 'CREDIT_CARD', false);
  expect([book.original(token), book.isEmpty]).toEqual([undefined, true]);
  expect(book.tokenOf('4111', 'CREDIT_CARD', true)).toBe(token);
  expect(book.original(token)).toBe('4111');
});

test('a full book gives placeholders that stand for nothing', () => {
  const book = vaultAt().vault.book('s', 'files');
  for (const value of ['1', '2']) book.tokenOf(value, 'CREDIT_CARD', true);
  expect(book.tokenOf('3', 'CREDIT_CARD', true)).toBe('[CARD]');
  expect(book.original('[CARD]')).toBeUndefined();
});

test('books are forgotten after their time, and the one used longest ago when there are too many', () => {
  const { vault, pass } = vaultAt();
  vault.book('a', 'files').tokenOf('1', 'CREDIT_CARD', true);
  vault.book('b', 'files').tokenOf('1', 'CREDIT_CARD', true);
  vault.book('a', 'files');
  vault.book('c', 'files');
  expect(vault.book('b', 'files').isEmpty).toBe(true);
  vault.book('a', 'files').tokenOf('1', 'CREDIT_CARD', true);
  pass(1_001);
  expect(vault.book('a', 'files').isEmpty).toBe(true);
});
