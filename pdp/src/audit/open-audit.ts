/** The audit of a PDP, put together: key, tail, chain, log, checkpoints. */

import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChainEnd,
  type DecisionEntry,
  GENESIS,
  type NoteSigner,
  openNoteVerifier,
  sealDecision,
} from '@portcullis/policy/evidence';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import { writeDurably } from '../bundles/durable-file.js';
import type { PdpConfig } from '../config.js';
import type { AuditRecord, DecisionSink } from '../pipeline/ports.js';
import { openAuditKey } from './audit-key.js';
import { openChainFiles } from './chain-files.js';
import { type Checkpointer, startCheckpointer } from './checkpointer.js';
import { createEvidenceLog, type RecordObserver } from './evidence-log.js';
import { resumeChain } from './resume.js';
import { openSegmentFolder } from './segments.js';

/** What becomes of a checkpoint. */
export const CHECKPOINT_OUTCOMES = ['signed', 'failed'] as const;

/** Who counts what the audit does. */
export interface AuditObserver extends RecordObserver {
  checkpoint(outcome: (typeof CHECKPOINT_OUTCOMES)[number]): void;
}

/** The chain, for whoever ships it. */
export interface AuditChain {
  readonly folder: string;
  readonly signer: NoteSigner;
  /** The last record that was written. */
  last(): ChainEnd;
  /** Syncs, and resolves to a record up to which all are on the disk. */
  durable(): Promise<ChainEnd>;
  /** How many records the checkpoint on disk covers. */
  signed(): number;
}

/** The audit, running. */
export interface Audit extends DecisionSink {
  readonly chain: AuditChain;
  append(record: AuditRecord): Promise<void>;
  /** Writes what is pending, signs the end, closes. */
  close(): Promise<void>;
}

/** What opening needs. */
export interface OpenAuditOptions {
  readonly config: PdpConfig['audit'] & { readonly mode: 'required' | 'best_effort' };
  readonly dataDir: string;
  /** What the writer's name begins with. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: AuditObserver;
}

/** File of the public key. */
export const PUBLIC_KEY_FILE = 'checkpoint.vkey';
/** File of the private key, in the data folder. */
export const KEY_FILE = 'audit-key.pem';
const REHEARSALS = 200;

/**
 * Goes on with the chain, or begins it.
 * @throws PortcullisError kind `unavailable` when the folder cannot be used, `corrupt` when what is there is not the
 * chain that this PDP wrote.
 */
export async function openAudit(options: OpenAuditOptions): Promise<Audit> {
  try {
    return await open(options);
  } catch (error) {
    if (PortcullisError.is(error)) throw error;
    throw new PortcullisError('ERR_AUDIT_APPEND', 'unavailable', 'the audit folder cannot be used', { cause: error });
  }
}

/** The first sealing takes milliseconds, which the first decision does not have. The records go nowhere. */
function rehearseSealing(writer: string): void {
  const entry: DecisionEntry = {
    decision_id: '',
    request_digest: '',
    effect: 'deny',
    deny: ['INTERNAL_ERROR'],
    tenant: '',
    agent: '',
    tool: { server: '', name: '', operation: '' },
    bundle_digest: '',
    policy_version: '',
    release_seq: 0,
    matched: [{ policy: '', layer: 'tenant', effect: 'deny' }],
    timings_us: { evaluation: 0 },
    at: '',
  };
  let prev = GENESIS;
  for (let seq = 1; seq <= REHEARSALS; seq += 1) {
    prev = sealDecision(entry, { record_id: randomUUID(), writer, seq, prev }).hash;
  }
}

/** Not again when it is there: a PDP must be able to start on a full volume. */
async function publishKey(file: string, text: string): Promise<void> {
  const there = await readFile(file, 'utf8').catch(() => undefined);
  if (there !== text) await writeDurably(file, Buffer.from(text));
}

async function open({ config, dataDir, owner, clock, log, observer }: OpenAuditOptions): Promise<Audit> {
  const folder = config.dir ?? join(dataDir, 'audit');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const signer = await openAuditKey(join(dataDir, KEY_FILE), owner);
  await publishKey(join(folder, PUBLIC_KEY_FILE), `${signer.verifierKey}\n`);
  const verifier = openNoteVerifier(signer.verifierKey);
  if (verifier === undefined) throw new PortcullisError('ERR_AUDIT_KEY', 'internal', 'the key does not verify itself');

  rehearseSealing(signer.name);
  const resumed = await resumeChain(folder, verifier, String(clock.now()));
  if (resumed.torn !== undefined) {
    const { file, bytes } = resumed.torn;
    log.error({ [LOG_FIELD.file]: file, [LOG_FIELD.details]: { bytes } }, 'Torn end of the audit chain kept aside');
  }
  let checkpointer: Checkpointer | undefined;
  const chain = openChainFiles({
    folder: openSegmentFolder(folder),
    writer: signer.name,
    newRecordId: randomUUID,
    last: resumed.last,
    segment: resumed.segment,
    maxSegmentBytes: config.maxSegmentBytes,
    maxTotalBytes: config.maxTotalBytes,
    clock,
    onSegment: (before) => checkpointer?.segmentBegins(before),
  });
  const written = createEvidenceLog(chain, config, {
    records: (outcome, count) => {
      observer.records(outcome, count);
      if (outcome === 'recorded') checkpointer?.added(count);
    },
  });
  const running = startCheckpointer(
    {
      signer,
      durable: written.durable,
      write: (name, text) => writeDurably(join(folder, name), Buffer.from(text)),
      everyMs: config.checkpointMs,
      everyRecords: config.checkpointRecords,
      onOutcome: (outcome, error) => {
        observer.checkpoint(outcome);
        if (outcome === 'failed') log.warn({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Checkpoint failed');
      },
    },
    resumed.signedSize,
    resumed.boundaries,
  );
  checkpointer = running;
  let closing: Promise<void> | undefined;
  return {
    chain: { folder, signer, last: chain.last, durable: written.durable, signed: running.signed },
    append: written.append,
    close: () => {
      closing ??= (async () => {
        await running.stop();
        await running.sign();
        await written.close();
      })();
      return closing;
    },
  };
}
