/** What a distributor says about the evidence that it has, asked as a publisher. */

import { existsSync, readFileSync } from 'node:fs';
import { createLogger, openTlsMaterial, undiciDispatcher } from '@portcullis/runtime';
import { request } from 'undici';
import { segmentsOf } from './audit-segments.js';
import type { Stack } from './stack.js';

/** A writer as the distributor lists it. */
export interface EvidenceWriter {
  readonly writer: string;
  readonly end: { readonly seq: number; readonly hash: string };
  readonly provenTo: number;
  readonly findings: number;
}

interface ListedWriter extends Omit<EvidenceWriter, 'provenTo'> {
  readonly proven_to: number;
}

/** Asks; `close` when done. */
export interface EvidenceView {
  writers(): Promise<readonly EvidenceWriter[]>;
  /** That of a PDP of the stack; undefined when nothing of it is known. */
  writer(node: string): Promise<EvidenceWriter | undefined>;
  close(): Promise<void>;
}

/** Opens a view of a stack's distributor. */
export async function openEvidenceView(stack: Stack): Promise<EvidenceView> {
  const log = createLogger({ component: 'test', level: 'silent' });
  const material = await openTlsMaterial(stack.tls({ kind: 'publisher', name: 'publisher' }), { log });
  const dispatcher = undiciDispatcher(material, { acceptServer: () => true });
  const writers = async (): Promise<readonly EvidenceWriter[]> => {
    const answer = await request(`${stack.distributor.url}/v1/audit/writers`, { dispatcher });
    const body = (await answer.body.json()) as { readonly writers: readonly ListedWriter[] };
    if (answer.statusCode !== 200) throw new Error(JSON.stringify(body));
    return body.writers.map(({ proven_to: provenTo, ...writer }) => ({ ...writer, provenTo }));
  };
  return {
    writers,
    writer: async (node) => (await writers()).find(({ writer }) => writer.includes(`/pdp/${node}/`)),
    async close() {
      material.close();
      await dispatcher.destroy();
    },
  };
}

/** The last record of a chain on disk: its hash commits to all before it. Undefined without a whole record. */
export function chainEndOf(auditDir: string): { readonly seq: number; readonly hash: string } | undefined {
  const lines = segmentsOf(auditDir).flatMap((file) =>
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [],
  );
  const line = lines.at(-1);
  if (line === undefined) return undefined;
  const { seq, hash } = JSON.parse(line) as { readonly seq: number; readonly hash: string };
  return { seq, hash };
}

/** The value of a gauge or counter of a service, by its whole name with labels. */
export async function metricOf(adminAddress: string, name: string): Promise<number> {
  const answer = await request(`http://${adminAddress}/metrics`);
  const line = (await answer.body.text()).split('\n').find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(name.length + 1));
}
