import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChainFinding,
  type ChainReport,
  type ChainVerifier,
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
  return resultOf(verifier.finish(), { checkpoints, findings });
}

/**
 * Verifies the lines of an exported chain, which begin with its checkpoints.
 * @throws PortcullisError `ERR_CLI_SOURCE` when a file that was named cannot be read.
 */
export async function verifyLines(lines: AsyncIterable<string>, options: VerifyOptions): Promise<VerifyResult> {
  const believed = await openBeliever(options);
  let verifier: ChainVerifier | undefined;
  const begin = (): ChainVerifier =>
    createChainVerifier({
      checkpoints: believed.checkpoints,
      tombstones: options.allowErased ? 'accept' : 'refuse',
    });
  for await (const text of lines) {
    const note = checkpointOn(text);
    if (note === undefined) {
      verifier ??= begin();
      verifier.line(text);
    } else if (verifier === undefined) believed.take(note, {});
  }
  return resultOf((verifier ?? begin()).finish(), believed);
}

function resultOf(report: ChainReport, { checkpoints, findings }: Believed): VerifyResult {
  const invalid = findings.length > 0;
  return {
    ...report,
    ok: report.ok && !invalid,
    provenTo: invalid ? 0 : report.provenTo,
    findings: [...report.findings, ...findings],
    checkpoints: checkpoints.map(({ size }) => size),
  };
}

interface Believed {
  readonly checkpoints: readonly Checkpoint[];
  readonly findings: readonly ChainFinding[];
}

interface Believer extends Believed {
  take(note: string, place: LinePlace): void;
}

/** Opens checkpoints with the key, those that were named first; without a key none is believed. */
async function openBeliever({ keyFile, checkpoints: named }: VerifyOptions): Promise<Believer> {
  const checkpoints: Checkpoint[] = [];
  const findings: ChainFinding[] = [];
  if (keyFile === undefined) return { checkpoints, findings, take: () => undefined };
  const key = await readKey(keyFile);
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
  for (const file of new Set(named)) take(await readText(file), { file });
  return { checkpoints, findings, take };
}

async function believedCheckpoints(path: string, files: readonly string[], options: VerifyOptions): Promise<Believed> {
  const believed = await openBeliever(options);
  if (options.keyFile === undefined) return believed;
  for (const file of await ownCheckpoints(path)) {
    if (!options.checkpoints.includes(file)) believed.take(await readText(file), { file });
  }
  for (const file of files) {
    for await (const { text, line, torn } of readLines(file)) {
      const note = checkpointOn(text);
      // An export begins with its checkpoints, and a PDP's own segment has none.
      if (note === undefined || torn) break;
      believed.take(note, { file, line });
    }
  }
  if (believed.checkpoints.length + believed.findings.length === 0) {
    throw unreadable(`there is no checkpoint beside ${path}: pass --checkpoint FILE`);
  }
  return believed;
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
