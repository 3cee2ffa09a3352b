import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChainFinding,
  type ChainReport,
  type Checkpoint,
  createChainVerifier,
  type NoteVerifier,
  openCheckpoint,
  openNoteVerifier,
} from '@portcullis/policy/evidence';
import { chainFiles, readLines, unreadable } from './chain-files.js';

/** What to verify a chain against. */
export interface VerifyOptions {
  /** Checkpoint files, besides those that lie in the audit folder. */
  readonly checkpoints: readonly string[];
  /** The public key, `<name>+<id>+<key>`; without it no checkpoint is believed. */
  readonly keyFile: string | undefined;
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
  const { checkpoints, findings } = await believedCheckpoints(path, options);
  const verifier = createChainVerifier({ checkpoints });
  for (const file of files) {
    for await (const { text, line, torn } of readLines(file)) {
      if (torn) verifier.torn({ file, line });
      else verifier.line(text, { file, line });
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
  { checkpoints: named, keyFile }: VerifyOptions,
): Promise<{ readonly checkpoints: readonly Checkpoint[]; readonly findings: readonly ChainFinding[] }> {
  if (keyFile === undefined) return { checkpoints: [], findings: [] };
  const key = await readKey(keyFile);
  const checkpoints: Checkpoint[] = [];
  const findings: ChainFinding[] = [];
  for (const file of new Set([...named, ...(await ownCheckpoints(path))])) {
    const opened = openCheckpoint(key, await readText(file));
    if (opened.ok) checkpoints.push(opened.checkpoint);
    else findings.push({ code: 'CHECKPOINT_INVALID', message: `the checkpoint is not valid: ${opened.message}`, file });
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
