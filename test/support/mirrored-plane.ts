/**
 * A distributor and PDPs with a hostile mirror on the way to each: what it shows a PDP is the distributor's, or a
 * repository of which the test holds the keys.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeView } from '@portcullis/cli';
import { request } from 'undici';
import { connectPdp, type PdpVoice } from './ask-pdp.js';
import { eventually } from './eventually.js';
import { type HostileMirror, type Mutation, startHostileMirror } from './hostile-mirror.js';
import { rssMb } from './process-figures.js';
import { createSignedRepository, type SignedRepository } from './signed-repository.js';
import { AGENT, CHANNEL, ENV, type PdpProcess, type Stack, startStack } from './stack.js';
import { answers, draftOf, policies } from './tampered-release.js';

/** P5. */
export const RECOVERY_MS = 10_000;

/** A PDP, its mirror, and what is known of it. */
export interface MirroredPdp {
  readonly process: PdpProcess;
  readonly mirror: HostileMirror;
  readonly voice: PdpVoice;
  /** Everything that it says now that is the same whenever the same is asked of the same release. */
  answers(): Promise<readonly unknown[]>;
  /** Of the release that it decides by; 0 without one. */
  seq(): Promise<number>;
  /** Waits for a release to be enforced. */
  inForce(seq: number): Promise<void>;
  /** What the distributor knows of its trouble; `undefined` when it has none. */
  trouble(): Promise<string | undefined>;
  expectTrouble(reason: RegExp): Promise<void>;
  /** What the distributor knows of its freshness. */
  freshness(): Promise<string | undefined>;
  /** Resident, in MiB. */
  memory(): number;
  /** How many releases it has put in force since it was started. */
  activations(): Promise<number>;
  /** Lets it see again what it follows. */
  honest(): void;
  /** Serves `mutation` until it has ended a look in which it was given one of the keys that `isMet` names. */
  underAttack(isMet: (key: string) => boolean, mutation: Mutation): Promise<void>;
}

/** Where the PDPs of a plane differ. */
export interface MirroredPdpOptions {
  /** Where its releases come from. */
  readonly follows: 'distributor' | 'test';
  readonly freshness?: 'standard' | 'strict';
}

/** The running system. Release 1 is in force everywhere. */
export interface MirroredPlane {
  readonly stack: Stack;
  /** In the order of the options. */
  readonly pdps: readonly MirroredPdp[];
  /** What PDPs read that follow the test. */
  readonly repository: SignedRepository;
  close(): Promise<void>;
}

/** Starts it. */
export async function startMirroredPlane(options: readonly MirroredPdpOptions[]): Promise<MirroredPlane> {
  const mirrors: HostileMirror[] = [];
  const repository = createSignedRepository(ENV, CHANNEL);
  repository.release(await draftOf('1.0.0', 'read'));
  const honest = (index: number): void => {
    const isOwn = options[index]?.follows === 'test';
    mirrors[index]?.mutate(isOwn ? (key) => repository.objects().get(key) : undefined);
  };
  let ownRoot = '';
  const stack = await startStack({
    pdps: options.length,
    pollMs: 100,
    // Long enough that what is replayed has not expired: it has to be refused for what it is.
    timestamp: { lifetimeMs: 600_000, refreshMs: 1_000 },
    pdp: { limits: { decisionDeadlineMs: 2_000 } },
    releaseUrl: async (index, target, files) => {
      const started = await startHostileMirror(
        target,
        files.tls({ kind: 'distributor', name: 'distributor' }),
        files.tls({ kind: 'pdp', name: `pdp-${index + 1}` }),
      );
      mirrors.push(started);
      ownRoot = join(files.folder, 'own-root.json');
      writeFileSync(ownRoot, repository.pinnedRoot);
      honest(index);
      return started.url;
    },
    bundles: (index) => ({
      syncTimeoutMs: 2_000,
      ...(options[index]?.follows === 'test' ? { rootFile: ownRoot } : {}),
      freshness: options[index]?.freshness ?? 'standard',
    }),
  });
  const pdps: MirroredPdp[] = [];
  for (const [index, mirror] of mirrors.entries()) {
    const process = stack.pdps[index];
    if (process === undefined) throw new Error(`there is no PDP ${index}`);
    const voice = await connectPdp(process.endpoint, stack.tls({ kind: 'agent', ...AGENT }));
    pdps.push(mirroredPdp(stack, process, mirror, voice, () => honest(index)));
  }
  await stack.publish(policies('1.0.0', 'read'));
  await Promise.all(pdps.map((pdp) => pdp.inForce(1)));
  return {
    stack,
    pdps,
    repository,
    async close() {
      for (const { voice } of pdps) await voice.close();
      await stack.close();
      for (const each of mirrors) await each.close();
    },
  };
}

function mirroredPdp(
  stack: Stack,
  process: PdpProcess,
  mirror: HostileMirror,
  voice: PdpVoice,
  honest: () => void,
): MirroredPdp {
  const { name } = process;
  const status = async (): Promise<NodeView | undefined> =>
    (await stack.status()).nodes.find(({ node }) => node === name);
  const seq = async (): Promise<number> => (await voice.ask('read')).seq;
  const trouble = async (): Promise<string | undefined> => (await status())?.reason;
  return {
    process,
    mirror,
    voice,
    answers: () => answers(voice),
    seq,
    async inForce(wanted) {
      await eventually(`${name} to enforce ${wanted}`, async () => (await seq()) === wanted, RECOVERY_MS);
    },
    trouble,
    async expectTrouble(reason) {
      let last: string | undefined;
      await eventually(`${name} to report ${reason}`, async () => {
        last = await trouble();
        return last !== undefined && reason.test(last);
      }).catch((cause: unknown) => {
        throw new Error(`${name} reports ${last ?? 'no trouble'}, not ${reason}`, { cause });
      });
    },
    freshness: async () => (await status())?.freshness,
    async activations() {
      const { body } = await request(`http://${process.addresses['admin'] ?? ''}/metrics`);
      const series = 'portcullis_pdp_bundle_activations_total{outcome="activated"}';
      const line = (await body.text()).split('\n').find((candidate) => candidate.startsWith(series));
      return Number(line?.split(' ').at(-1));
    },
    memory: () => rssMb(process.pid),
    honest,
    async underAttack(isMet, mutation) {
      let isHit = false;
      let isOver = false;
      mirror.mutate((key, bytes) => {
        // Every look begins with the question for a newer root.
        if (isHit && key.endsWith('.root.json')) isOver = true;
        if (isMet(key)) isHit = true;
        return mutation(key, bytes);
      });
      await eventually('a look under attack to end', () => isOver, 20_000);
    },
  };
}
