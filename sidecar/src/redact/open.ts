/** Makes the redactor of a process. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import type { RedactionConfig } from './config.js';
import { createLook } from './look.js';
import { createPresidio } from './ner/presidio.js';
import { createRedactor, type Redactor, type RedactorOptions } from './redactor.js';

const KEY_BYTES = 32;

/** A redactor, and the end of its connections. */
export type OpenedRedactor = Redactor & { close(): void };

/**
 * Reads the key of `hash`, or makes one.
 * @throws PortcullisError when the configured file cannot be read or is too short
 */
export async function openRedactor(
  config: RedactionConfig,
  parts: Pick<RedactorOptions, 'clock' | 'observer' | 'noted'>,
): Promise<OpenedRedactor> {
  const hashKey = await readKey(config.hashKeyFile);
  const { ner } = config;
  const finder = ner === undefined ? undefined : createPresidio(ner, await readAuthorities(ner.caFile));
  const look = ner === undefined || finder === undefined ? undefined : createLook(finder, ner);
  return { ...createRedactor({ ...parts, config, hashKey, look }), close: () => finder?.close() };
}

async function readAuthorities(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  return readFile(file).catch((cause: unknown) => {
    throw new PortcullisError(
      'ERR_CREDENTIAL_MISSING',
      'invalid',
      'redaction.ner.caFile must name a readable PEM file',
      {
        details: { source: file },
        cause,
      },
    );
  });
}

async function readKey(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) return randomBytes(KEY_BYTES);
  const unusable = (cause?: unknown): PortcullisError =>
    new PortcullisError(
      'ERR_CREDENTIAL_MISSING',
      'invalid',
      `redaction.hashKeyFile must name a readable file of at least ${KEY_BYTES} random bytes`,
      { details: { source: file }, ...(cause === undefined ? {} : { cause }) },
    );
  const key = await readFile(file).catch((thrown: unknown) => {
    throw unusable(thrown);
  });
  if (key.length < KEY_BYTES) throw unusable();
  return key;
}
