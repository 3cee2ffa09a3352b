/**
 * The kill lists that a PDP accepted, on its own disk: what was stopped stays so after a restart. A file that is damaged
 * keeps the PDP from starting, because nobody could tell any more what it must deny.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';
import { writeDurably } from '../bundles/durable-file.js';

const FORMAT = 'portcullis.kills/1';
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

const fileSchema = z
  .strictObject({
    format: z.literal(FORMAT),
    env: z.string(),
    /** Who could sign when the lists were accepted. */
    signers: z.string(),
    /** Exact signed bytes; several when different lists of one `seq` were seen. */
    lists: z.array(base64).readonly(),
    /** Lists whose kills a newer list lifts, until that is recorded. */
    lingering: z.array(base64).readonly(),
  })
  .readonly();

/** What is kept. */
export interface KeptKills {
  readonly signers: string;
  readonly lists: readonly Uint8Array[];
  readonly lingering: readonly Uint8Array[];
}

/** Where it is kept. */
export interface KillFile {
  /** `undefined` before the first. @throws PortcullisError `ERR_KILL_STATE`, kind `corrupt`, when it cannot be believed. */
  read(): Promise<KeptKills | undefined>;
  /** It has survived a power cut once this resolves. */
  write(kept: KeptKills): Promise<void>;
}

/** A file of one environment. */
export function openKillFile(path: string, env: string): KillFile {
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
        throw corrupt('the kill lists cannot be read', error);
      }
      const newline = text.indexOf('\n');
      const body = text.slice(newline + 1);
      if (newline < 0 || text.slice(0, newline) !== checksum(body)) throw corrupt('the kill lists are damaged');
      const parsed = fileSchema.safeParse(JSON.parse(body));
      if (!parsed.success) throw corrupt('the kill lists have an unknown form', parsed.error);
      if (parsed.data.env !== env) throw corrupt(`the kill lists are those of ${parsed.data.env}`);
      const { signers, lists, lingering } = parsed.data;
      return { signers, lists: lists.map(decode), lingering: lingering.map(decode) };
    },
    async write({ signers, lists, lingering }) {
      const body = JSON.stringify({
        format: FORMAT,
        env,
        signers,
        lists: lists.map(encode),
        lingering: lingering.map(encode),
      });
      await writeDurably(path, Buffer.from(`${checksum(body)}\n${body}`));
    },
  };
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function decode(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function corrupt(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError('ERR_KILL_STATE', 'corrupt', message, cause === undefined ? {} : { cause });
}
