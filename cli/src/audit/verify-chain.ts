import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChainFinding,
  type ChainReport,
  type Checkpoint,
  createChainVerifier,
  type LinePlace,
  type NoteVerifier,
  openCheckpoint,
  openNoteVerifier,
} from '@portcullis/policy/evidence';
import { chainFiles, checkpointOn, readLines, unreadable } from './chain-files.js';

/** What to verify a chain against. */
export interface VerifyOptions {
  /** Checkpoint files, besides those that lie in the audit folder. */
  readonly checkpoints: readonly string[];
  /** The public key, `<name>+<id>+<key>`; without it no checkpoint is believed. */
  readonly keyFile: string | undefined;
  /** Whether records may have been erased; otherwise a tombstone is a finding. */
  readonly allowErased: boolean;
}

/** A report, and which checkpoints it rests on. */
export interface VerifyResult extends ChainReport {
  /** Sizes of the checkpoints that were believed. */
  readonly checkpoints: readonly number[];
}

/**
 * Verifies a folder of segments, or one segment.
 * @throws PortcullisError `ERR_CLI_SOURCE` when something that was named cannot be read.
 */
export async function verifyChain(path: string, options: VerifyOptions): Promise<VerifyResult> {
  const files = await chainFiles(path);
  const { checkpoints, findings } = await believedCheckpoints(path, files, options);
  const verifier = createChainVerifier({ checkpoints, tombstones: options.allowErased ? 'accept' : 'refuse' });
  for (const file of files) {
    for await (const { text, line, torn } of readLines(file)) {
      if (torn) verifier.torn({ file, line });
      else if (checkpointOn(text) === undefined) verifier.line(text, { file, line });
    }
  }
  const report = verifier.finish();
  const invalid = findings.length > 0;
  return {
    ...report,
    ok: report.ok && !invalid,
    provenTo: invalid ? 0 : report.provenTo,
    findings: [...report.findings, ...findings],
    checkpoints: checkpoints.map(({ size }) => size),
  };
}

async function believedCheckpoints(
  path: string,
  files: readonly string[],
  { checkpoints: named, keyFile }: VerifyOptions,
): Promise<{ readonly checkpoints: readonly Checkpoint[]; readonly findings: readonly ChainFinding[] }> {
  if (keyFile === undefined) return { checkpoints: [], findings: [] };
  const key = await readKey(keyFile);
  const checkpoints: Checkpoint[] = [];
  const findings: ChainFinding[] = [];
  const take = (note: string, place: LinePlace): void => {
    const opened = openCheckpoint(key, note);
    if (opened.ok) checkpoints.push(opened.checkpoint);
    else
      findings.push({
        code: 'CHECKPOINT_INVALID',
        message: `the checkpoint is not valid: ${opened.message}`,
        ...place,
      });
  };
  for (const file of new Set([...named, ...(await ownCheckpoints(path))])) take(await readText(file), { file });
  for (const file of files) {
    for await (const { text, line, torn } of readLines(file)) {
      const note = checkpointOn(text);
      // An export begins with its checkpoints, and a PDP's own segment has none.
      if (note === undefined || torn) break;
      take(note, { file, line });
    }
  }
  if (checkpoints.length + findings.length === 0) {
    throw unreadable(`there is no checkpoint beside ${path}: pass --checkpoint FILE`);
  }
  return { checkpoints, findings };
}

async function readKey(file: string): Promise<NoteVerifier> {
  const key = openNoteVerifier(await readText(file));
  if (key === undefined) {
    throw unreadable(`--key: ${file} holds no Ed25519 verifier key: expected <name>+<id>+<key>, as in checkpoint.vkey`);
  }
  return key;
}

async function ownCheckpoints(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [];
  return (await readdir(path))
    .filter((name) => name === 'checkpoint' || name.endsWith('.checkpoint'))
    .sort()
    .map((name) => join(path, name));
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(`${file} cannot be read`, cause);
  }
}
