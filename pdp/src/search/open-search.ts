/** Search as it is configured. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { createSealer } from '../session/sealer.js';
import { createPageTokens, type PageTokens } from './page-token.js';
import type { SearchConfig } from './search-config.js';

const KEY_BYTES = 32;

/** Its tokens. @throws PortcullisError kind `invalid` when the key cannot be used. */
export async function openPageTokens(config: SearchConfig, clock: Clock): Promise<PageTokens> {
  const { tokenKeyFile, tokenSeconds } = config;
  const key = tokenKeyFile === undefined ? randomBytes(KEY_BYTES) : await readKey(tokenKeyFile);
  return createPageTokens(createSealer(key, 'portcullis search pages'), clock, tokenSeconds);
}

async function readKey(file: string): Promise<Buffer> {
  const unusable = (message: string, cause?: unknown): PortcullisError =>
    new PortcullisError('ERR_SEARCH_KEY', 'invalid', message, { cause, details: { file } });
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw unusable('the key of page tokens cannot be read', cause);
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES) throw unusable('the key of page tokens is not 32 bytes in base64');
  return key;
}
