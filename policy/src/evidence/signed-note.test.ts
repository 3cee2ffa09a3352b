import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { openCheckpoint, signCheckpoint } from './checkpoint.js';
import { openNoteSigner, openNoteVerifier } from './signed-note.js';

const PEM = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
const OTHER = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
const signer = openNoteSigner('example.com/log', PEM);
const HEAD = 'ab'.repeat(32);

function verifierOf(key: string): NonNullable<ReturnType<typeof openNoteVerifier>> {
  const verifier = openNoteVerifier(key);
  if (verifier === undefined) throw new Error('no verifier');
  return verifier;
}
const verifier = verifierOf(signer.verifierKey);

describe('a signed note', () => {
  // The key and the note of the documentation of golang.org/x/mod/sumdb/note, which the format comes from.
  const KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const NOTE =
    'If you think cryptography is the answer to your problem,\n' +
    "then you don't know what your problem is.\n" +
    '\n' +
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

  test('by somebody else is understood', () => {
    expect(verifierOf(KEY).open(NOTE)).toBe(NOTE.slice(0, NOTE.indexOf('\n\n') + 1));
    expect(verifierOf(KEY).open(NOTE.replace('answer', 'Answer'))).toBeUndefined();
  });

  test('has the key id of the specification', () => {
    const [, id = '', key = ''] = signer.verifierKey.split('+');
    const typed = Buffer.from(signer.verifierKey.slice('example.com/log+'.length + id.length + 1), 'base64');
    const expected = createHash('sha256').update('example.com/log\n').update(typed).digest('hex').slice(0, 8);
    expect(key.length).toBeGreaterThan(0);
    expect(id).toBe(expected);
    expect(typed[0]).toBe(1);
  });

  test('opens with its key, beside signatures of others, and not without', () => {
    const note = signer.sign('text\n\nmore\n');
    expect(verifier.open(note)).toBe('text\n\nmore\n');
    const witness = openNoteSigner('witness', OTHER).sign('text\n\nmore\n').split('\n').at(-2) ?? '';
    expect(verifier.open(`${note}${witness}\n`)).toBe('text\n\nmore\n');
    expect(verifierOf(openNoteSigner('example.com/log', OTHER).verifierKey).open(note)).toBeUndefined();
  });

  test.each([
    ['a changed text', (note: string) => note.replace('text', 'texT')],
    ['no signature', (note: string) => note.slice(0, note.indexOf('\n\n') + 2)],
    ['no end', (note: string) => note.slice(0, -1)],
    ['a line that is no signature', (note: string) => `${note}rubbish\n`],
    ['another name', (note: string) => note.replace('example.com/log', 'example.com/lag')],
    ['nothing', () => ''],
  ])('does not open with %s', (_name, change) => {
    expect(verifier.open(change(signer.sign('text\n')))).toBeUndefined();
  });

  test.each(['no end', 'a\u0000b\n', 'a\ud800\n'])('is not made of %j', (text) => {
    expect(() => signer.sign(text)).toThrow(TypeError);
  });

  test.each(['', 'a b', 'a+b'])('is not signed as %j', (name) => {
    expect(() => openNoteSigner(name, PEM)).toThrow(TypeError);
  });

  test.each([
    ['another id', signer.verifierKey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['a key of another type', signer.verifierKey.replace(/\+AS?/, '+BB')],
    ['nothing', ''],
  ])('has no verifier of %s', (_name, key) => {
    expect(openNoteVerifier(key)).toBeUndefined();
  });

  test('is not signed by a key of another kind', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(() => openNoteSigner('name', ec)).toThrow('Ed25519');
  });
});

describe('a checkpoint', () => {
  test('is origin, size and hash on a line each', () => {
    const note = signCheckpoint(signer, { size: 42, head: HEAD });
    expect(note.startsWith(`example.com/log\n42\n${Buffer.from(HEAD, 'hex').toString('base64')}\n\n\u2014 `)).toBe(
      true,
    );
    expect(openCheckpoint(verifier, note)).toEqual({
      ok: true,
      checkpoint: { origin: 'example.com/log', size: 42, head: HEAD },
    });
  });

  test.each([
    ['about another chain', signer.sign('other\n1\nAAAA\n'), 'about other'],
    [
      'of a size with a sign',
      signer.sign(`example.com/log\n+1\n${Buffer.alloc(32).toString('base64')}\n`),
      'not a checkpoint',
    ],
    ['of a short hash', signer.sign('example.com/log\n1\nAAAA\n'), 'not a checkpoint'],
    ['signed by nobody', 'example.com/log\n1\nAAAA\n', 'no right signature'],
  ])('%s is refused', (_name, note, message) => {
    expect(openCheckpoint(verifier, note)).toEqual({ ok: false, message: expect.stringContaining(message) });
  });
});
