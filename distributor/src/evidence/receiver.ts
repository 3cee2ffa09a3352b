/**
 * Takes shipments in: who ships, what was signed, whether it is the chain that is stored, and only then the store. What is
 * wrong with a chain is kept and told, and stops that chain alone.
 */

import {
  type ChainEnd,
  type ChainFinding,
  createChainVerifier,
  GENESIS,
  introductionText,
  type OpenedShipment,
  openShipment,
  parseWriterName,
  type Receipt,
  type ReceiptOutcome,
  readRecord,
} from '@portcullis/policy/evidence';
import { parsePeerIdentity } from '@portcullis/proto';
import { type Clock, LOG_FIELD, type Logger, PortcullisError, type SignedStatement } from '@portcullis/runtime';
import { type TakeShipment, unpackBytes } from '@portcullis/runtime/channel';
import type { EvidenceStore, StoredRecord } from './store.js';

/** What becomes of a shipment. */
export const EVIDENCE_OUTCOMES = ['stored', 'asked', 'gap', 'finding', 'refused', 'failed'] as const;
/** What became of a shipment. */
export type EvidenceOutcome = (typeof EVIDENCE_OUTCOMES)[number];

/** Who counts. */
export interface EvidenceObserver {
  evidence(outcome: EvidenceOutcome): void;
  /** Records that were stored now, and not before. */
  evidenceStored(records: number): void;
}

/** What the receiver is made of. */
export interface EvidenceReceiverParts {
  readonly store: EvidenceStore;
  /** Whether what the store has survives this process: only then may writers remove it. */
  readonly durable: boolean;
  readonly trustDomain: string;
  /** Who states this by a certificate; `undefined` when nobody that is known does. */
  readonly identify: (statement: string, signed: SignedStatement) => string | undefined;
  /** Signs with the keys of the role `timestamp`. */
  readonly sign: (receipt: Receipt) => Uint8Array;
  readonly observer: EvidenceObserver;
  readonly clock: Clock;
  readonly log: Logger;
}

/** After unpacking, in bytes: one record of the largest size, or a shipment of many. */
const MAX_UNPACKED_BYTES = 8 * 1024 * 1024;
const MAX_RECORDS = 10_000;
/** Of one shipment; the first says where to look. */
const MAX_FINDINGS = 10;

interface Ruling {
  readonly outcome: EvidenceOutcome;
  readonly end: ChainEnd | undefined;
  readonly finding?: ChainFinding;
}

/** The receiver. Shipments of one writer are taken in one after the other. */
export function createEvidenceReceiver(parts: EvidenceReceiverParts): TakeShipment {
  const { store, observer, log } = parts;
  const lanes = new Map<string, Promise<unknown>>();
  const startedAt = parts.clock.now();
  /** When each writer whose chain is stored was last heard, by its own clock. */
  const latest = new Map<string, number>();

  const requireNode = async (shipment: OpenedShipment, node: string | undefined): Promise<void> => {
    const name = parseWriterName(shipment.writer);
    if (name === undefined || name.trustDomain !== parts.trustDomain) throw foreign('its writer is not of this domain');
    if (node !== undefined) {
      if (node !== name.node) throw foreign('a node may ship its own chain only');
      return;
    }
    // A chain that is known was introduced with its first record, and nobody else has its key.
    if (shipment.from > 1 || (await store.end(shipment.writer)) !== undefined) return;
    const { introduction } = shipment;
    const id = introduction && parts.identify(introductionText(shipment.verifierKey), introduction);
    const peer = id === undefined ? undefined : parsePeerIdentity(id, parts.trustDomain);
    if (peer?.kind !== 'pdp' || peer.name !== name.node) throw foreign('no certificate says whose chain it is');
  };

  const keep = async (writer: string, end: ChainEnd | undefined, found: readonly ChainFinding[]): Promise<Ruling> => {
    const now = new Date(parts.clock.now());
    for (const finding of found.slice(0, MAX_FINDINGS)) await store.finding(writer, finding, now);
    const [finding] = found;
    log.error({ writer, [LOG_FIELD.details]: { ...finding } }, 'Evidence is not the chain that was stored before');
    return { outcome: 'finding', end, ...(finding === undefined ? {} : { finding }) };
  };

  /** Compares the end that a writer says to have with what is stored. */
  const answer = async ({ writer, at, end: { size, head }, checkpoint }: OpenedShipment): Promise<Ruling> => {
    const end = await store.end(writer);
    if (end === undefined || size > end.seq || size === 0) return { outcome: 'asked', end };
    const [ours] = size === end.seq ? [end] : await store.read(writer, size, 1);
    if (ours?.seq === size && ours.hash !== head) {
      const message = `record ${size} is not the one that the writer's checkpoint names`;
      return keep(writer, end, [{ code: 'CHECKPOINT_MISMATCH', message, seq: size }]);
    }
    // A question that was recorded and is asked again says less than is true today; it proves nothing.
    const isNew = at > (latest.get(writer) ?? startedAt);
    if (isNew) latest.set(writer, at);
    if (size < end.seq && isNew) {
      const message = `the writer has ${size} records, and ${end.seq} are stored`;
      return keep(writer, end, [{ code: 'CHAIN_TRUNCATED', message, seq: size }]);
    }
    if (size === end.seq) await store.checkpoint(writer, end, checkpoint);
    return { outcome: 'asked', end };
  };

  const takeRecords = async (shipment: OpenedShipment): Promise<Ruling> => {
    const { writer, from, lines, end: at, checkpoint } = shipment;
    const end = await store.end(writer);
    if (from > (end?.seq ?? 0) + 1) return { outcome: 'gap', end };
    const { records, findings } = verify(shipment, end);
    if (findings.length > 0) return keep(writer, end, findings);
    let stored: ChainEnd;
    try {
      stored = await store.append(writer, records);
    } catch (error) {
      const fault = PortcullisError.from(error);
      if (fault.code === 'ERR_EVIDENCE_GAP') return { outcome: 'gap', end: await store.end(writer) };
      if (fault.code !== 'ERR_EVIDENCE_FORK') throw fault;
      const seq = typeof fault.details['seq'] === 'number' ? fault.details['seq'] : from;
      const message = `record ${seq} is stored, and the writer has another one under this number`;
      return keep(writer, end, [{ code: 'CHAIN_FORKED', message, seq }]);
    }
    await store.checkpoint(writer, { seq: at.size, hash: at.head }, checkpoint);
    latest.set(writer, Math.max(shipment.at, latest.get(writer) ?? startedAt));
    observer.evidenceStored(Math.max(0, Math.min(lines.length, stored.seq - (end?.seq ?? 0))));
    return { outcome: 'stored', end: stored };
  };

  const inTurn = <T>(writer: string, work: () => Promise<T>): Promise<T> => {
    const done = (lanes.get(writer) ?? Promise.resolve()).then(work);
    const settled = done
      .catch(() => undefined)
      .finally(() => {
        if (lanes.get(writer) === settled) lanes.delete(writer);
      });
    lanes.set(writer, settled);
    return done;
  };

  return async ({ bytes, node }) => {
    try {
      const opened = openShipment(await unpackBytes(bytes, MAX_UNPACKED_BYTES));
      if (!opened.ok) throw foreign(opened.message);
      const { shipment } = opened;
      if (shipment.lines.length > MAX_RECORDS) throw foreign('it has too many records');
      await requireNode(shipment, node);
      const ruling = await inTurn(shipment.writer, () =>
        shipment.lines.length === 0 ? answer(shipment) : takeRecords(shipment),
      );
      observer.evidence(ruling.outcome);
      const outcome: ReceiptOutcome = ruling.finding?.code ?? (parts.durable ? 'stored' : 'held');
      const end = ruling.end ?? { seq: 0, hash: GENESIS };
      return parts.sign({ writer: shipment.writer, id: shipment.id, end, outcome });
    } catch (error) {
      const fault = PortcullisError.from(error, 'ERR_EVIDENCE_STORE');
      observer.evidence(fault.kind === 'unauthenticated' || fault.kind === 'corrupt' ? 'refused' : 'failed');
      throw fault;
    }
  };
}

/** The records, and whether they are links of the chain that ends so. */
function verify(
  { writer, from, lines, end: at }: OpenedShipment,
  end: ChainEnd | undefined,
): { readonly records: readonly StoredRecord[]; readonly findings: readonly ChainFinding[] } {
  const before = from === 1 ? undefined : from - 1 === end?.seq ? end : claimedBefore(from, lines[0]);
  const verifier = createChainVerifier({
    checkpoints: [at],
    maxFindings: MAX_FINDINGS,
    ...(before === undefined ? {} : { after: { ...before, writer } }),
  });
  const records: StoredRecord[] = [];
  for (const [index, line] of lines.entries()) {
    const record = verifier.line(line);
    if (record !== undefined) records.push({ seq: from + index, hash: line.slice(-66, -2), line });
  }
  const report = verifier.finish();
  const findings = [...report.findings];
  if (findings.length === 0 && (report.first !== from || report.writer !== writer)) {
    findings.push({
      code: 'RECORD_OUT_OF_PLACE',
      message: `record ${report.first ?? 0} came as record ${from}`,
      seq: from,
    });
  }
  return { records, findings };
}

/** For records that are stored already: whether they are the same, the store says. */
function claimedBefore(from: number, line: string | undefined): ChainEnd | undefined {
  const reading = readRecord(line ?? '');
  return reading.ok ? { seq: from - 1, hash: reading.link.prev } : undefined;
}

function foreign(reason: string): PortcullisError {
  return new PortcullisError('ERR_EVIDENCE_REFUSED', 'unauthenticated', `shipment refused: ${reason}`);
}
