/**
 * The seven things the demo shows, in order. Each knows what must come out; nothing here retries until it looks good
 * except where waiting for a stated condition is the point (recovery, convergence).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import type { HostileMirror } from '../support/hostile-mirror.js';
import type { PdpProcess, Stack } from '../support/stack.js';
import type { CallOutcome, DemoClient } from './mcp-clients.js';
import { firstRelease, secondRelease } from './policies.js';
import type { Timeline } from './timeline.js';

/** What the scenario acts on. */
export interface Scene {
  readonly stack: Stack;
  readonly mirror: HostileMirror;
  readonly everything: DemoClient;
  readonly files: DemoClient;
  /** The folder the filesystem server may read; `workspace` below it is what policy allows. */
  readonly folder: string;
  readonly timeline: Timeline;
}

/**
 * Promise P6 is 60 ms at the sidecar (deadline and 10 ms; `test/integration/availability.test.ts` holds it to that).
 * This is what the client sees, with its own HTTP round trip on a machine that may be busy with other things.
 */
const DENIAL_BUDGET_MS = 120;
/** Promise P5. */
const RECOVERY_BUDGET_MS = 10_000;

const round = (ms: number): number => Math.round(ms * 10) / 10;

function describe(outcome: CallOutcome): string {
  switch (outcome.kind) {
    case 'result':
      return `result: ${outcome.text.slice(0, 100).replaceAll('\n', ' ')}`;
    case 'denied':
      return `denied: ${outcome.code}${outcome.reasonCode === undefined ? '' : ` / ${outcome.reasonCode}`}: ${outcome.message}`;
    case 'failed':
      return `failed: ${outcome.message}`;
  }
}

const deniedWith = (outcome: CallOutcome, reasonCode: string): boolean =>
  outcome.kind === 'denied' && outcome.reasonCode === reasonCode && outcome.decisionId !== undefined;

async function allowedCall({ everything, timeline }: Scene): Promise<void> {
  const outcome = await everything.call('get-sum', { a: 2, b: 40 });
  timeline.add({
    step: 1,
    title: 'An allowed tool call returns its real result',
    ok: outcome.kind === 'result' && outcome.text.includes('42'),
    expected: 'a result that contains 42',
    observed: `get-sum(2, 40) → ${describe(outcome)}`,
    ms: round(outcome.ms),
    figures: { 'call ms': round(outcome.ms) },
  });
}

async function deniedCall({ everything, timeline }: Scene): Promise<void> {
  const outcome = await everything.call('get-env', {});
  timeline.add({
    step: 2,
    title: 'A denied tool call carries a reason code and a message',
    ok: deniedWith(outcome, 'ENVIRONMENT_DISCLOSURE'),
    expected: 'denied with ENVIRONMENT_DISCLOSURE',
    observed: `get-env() → ${describe(outcome)}`,
    ms: round(outcome.ms),
    figures: outcome.kind === 'denied' ? { decision: outcome.decisionId ?? 'none' } : {},
  });
}

async function deniedArgument({ files, folder, timeline }: Scene): Promise<void> {
  const begun = performance.now();
  const inside = await files.call('read_text_file', { path: join(folder, 'workspace', 'report.txt') });
  const secret = join(folder, 'private', 'secret.txt');
  const outside = await files.call('read_text_file', { path: secret });
  const sneaky = await files.call('read_text_file', { path: `${join(folder, 'workspace')}/../private/secret.txt` });
  timeline.add({
    step: 3,
    title: 'The same tool is allowed or denied by its arguments',
    ok:
      inside.kind === 'result' &&
      deniedWith(outside, 'PATH_OUTSIDE_WORKSPACE') &&
      deniedWith(sneaky, 'PATH_OUTSIDE_WORKSPACE') &&
      existsSync(secret),
    expected: 'the workspace file is read, the other two are denied with PATH_OUTSIDE_WORKSPACE',
    observed: `workspace/report.txt → ${describe(inside)}\n             private/secret.txt → ${describe(outside)}\n             workspace/../private/secret.txt → ${describe(sneaky)}`,
    ms: round(performance.now() - begun),
    figures: { 'allowed ms': round(inside.ms), 'denied ms': round(outside.ms) },
  });
}

async function releaseFlips({ stack, everything, folder, timeline }: Scene): Promise<void> {
  let stop = false;
  let calls = 0;
  let lastAllowed = 0;
  let firstDenied = Number.POSITIVE_INFINITY;
  const strange: CallOutcome[] = [];
  const caller = (async () => {
    while (!stop) {
      const outcome = await everything.call('echo', { message: `call ${calls}` });
      calls += 1;
      if (outcome.kind === 'result') lastAllowed = performance.now();
      else if (deniedWith(outcome, 'ECHO_SUSPENDED')) firstDenied = Math.min(firstDenied, performance.now());
      else strange.push(outcome);
    }
  })();
  await eventually('calls to run', () => calls >= 20);
  const before = calls;
  const begun = performance.now();
  const published = await stack.publish(secondRelease(join(folder, 'workspace')));
  const publishedAt = performance.now();
  await eventually('the decision to flip', () => firstDenied < Number.POSITIVE_INFINITY, 10_000, 1).catch(
    () => undefined,
  );
  const settledAt = calls;
  await eventually('a few more calls', () => calls >= settledAt + 10);
  stop = true;
  await caller;
  const flipped = firstDenied < Number.POSITIVE_INFINITY;
  timeline.add({
    step: 4,
    title: 'A new signed release flips a decision while calls run',
    ok: flipped && before >= 20 && lastAllowed < firstDenied && strange.length === 0,
    expected: 'echo is allowed, then denied with ECHO_SUSPENDED, and nothing else',
    observed: flipped
      ? `release ${published.seq}: echo was allowed ${before} times, then denied; no call failed`
      : `echo never flipped${strange[0] === undefined ? '' : `; one call came back as ${describe(strange[0])}`}`,
    ms: round(performance.now() - begun),
    figures: {
      'publish command ms': round(publishedAt - begun),
      'command start to enforced ms': round(firstDenied - begun),
      'accepted to enforced ms':
        published.acceptedAt === undefined ? 'unknown' : round(firstDenied - published.acceptedAt),
      calls,
    },
  });
}

async function tamperedBundle({ stack, mirror, everything, folder, timeline }: Scene): Promise<void> {
  const begun = performance.now();
  const before = (await stack.status()).current?.seq ?? 0;
  let flips = 0;
  mirror.mutate((key, bytes) => {
    if (bytes === undefined || !key.startsWith('targets/') || !key.endsWith('.tar.gz')) return bytes;
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(changed.length >> 1) ^ 1, changed.length >> 1);
    flips += 1;
    return changed;
  });
  const published = await stack.publish(firstRelease(join(folder, 'workspace')), { version: '1.2.0' });
  const refusal = await eventually('the PDP to refuse the bundle', async () =>
    (await stack.status()).nodes.find((node) => node.state === 'refused' && node.release_seq === published.seq),
  ).catch(() => undefined);
  const outcome = await everything.call('echo', { message: 'after tampering' });
  timeline.add({
    step: 5,
    title: 'A tampered bundle is refused and the old one keeps serving',
    ok: flips > 0 && refusal !== undefined && deniedWith(outcome, 'ECHO_SUSPENDED'),
    expected: `release ${published.seq} is refused and release ${before} still denies echo`,
    observed: `one bit of the bundle was flipped on the way; the PDP says: ${refusal?.reason ?? 'nothing'}; echo → ${describe(outcome)}`,
    ms: round(performance.now() - begun),
    figures: { 'refused seq': published.seq, 'serving seq': before },
  });
  mirror.mutate();
}

async function rollback({ stack, everything, timeline }: Scene): Promise<void> {
  const begun = performance.now();
  const rolledBack = await stack.rollback('1.0.0', 'echo is needed');
  await stack.loaded(rolledBack.seq);
  const outcome = await eventually('echo to be allowed again', async () => {
    const tried = await everything.call('echo', { message: 'back again' });
    return tried.kind === 'result' ? tried : undefined;
  }).catch(() => undefined);
  timeline.add({
    step: 6,
    title: 'Rolling back publishes a higher release that points at the previous content',
    ok: outcome !== undefined && rolledBack.policyVersion === '1.0.0',
    expected: 'a higher sequence number with policy version 1.0.0, and echo allowed',
    observed: `release ${rolledBack.seq} points at version ${rolledBack.policyVersion}; echo → ${outcome === undefined ? 'still denied' : describe(outcome)}`,
    ms: round(performance.now() - begun),
    figures: { 'rollback to enforced ms': round(performance.now() - begun) },
  });
}

async function killedPdp({ stack, everything, timeline }: Scene, pdp: PdpProcess): Promise<void> {
  const begun = performance.now();
  await pdp.kill();
  const outcomes: CallOutcome[] = [];
  await eventually('the breaker to open', async () => {
    const outcome = await everything.call('echo', { message: 'anyone there?' });
    outcomes.push(outcome);
    return outcome.kind === 'denied' && outcome.code === 'PDP_BREAKER_OPEN';
  }).catch(() => undefined);
  for (let count = 0; count < 50; count += 1) outcomes.push(await everything.call('echo', { message: 'still there?' }));
  const slowest = Math.max(...outcomes.map((outcome) => outcome.ms));
  const open = outcomes.filter((outcome) => outcome.kind === 'denied' && outcome.code === 'PDP_BREAKER_OPEN');
  const median = open.map((outcome) => outcome.ms).sort((a, b) => a - b)[open.length >> 1] ?? Number.NaN;
  const back = performance.now();
  await pdp.start();
  const recovered = await eventually(
    'calls to be allowed again',
    async () => (await everything.call('echo', { message: 'welcome back' })).kind === 'result',
    RECOVERY_BUDGET_MS,
  ).then(
    () => true,
    () => false,
  );
  const recoveryMs = performance.now() - back;
  const denied = outcomes.every((outcome) => outcome.kind === 'denied');
  timeline.add({
    step: 7,
    title: 'With the PDP killed every call is denied; it recovers when the PDP is back',
    ok: denied && open.length > 0 && slowest <= DENIAL_BUDGET_MS && recovered,
    expected: `every call denied within ${DENIAL_BUDGET_MS} ms, the breaker open, recovery within ${RECOVERY_BUDGET_MS} ms`,
    observed: `${outcomes.length} calls, ${denied ? 'all denied' : 'NOT all denied'}, ${open.length} of them by the open breaker; ${recovered ? 'allowed again' : 'no recovery'}`,
    ms: round(performance.now() - begun),
    figures: {
      'slowest denial ms': round(slowest),
      'median with open breaker ms': round(median),
      'recovery ms': round(recoveryMs),
      release: (await stack.status()).current?.seq ?? 0,
    },
  });
}

/** Runs all seven steps. */
export async function runScenario(scene: Scene): Promise<void> {
  await allowedCall(scene);
  await deniedCall(scene);
  await deniedArgument(scene);
  await releaseFlips(scene);
  await tamperedBundle(scene);
  await rollback(scene);
  const [pdp] = scene.stack.pdps;
  if (pdp === undefined) throw new Error('the demo needs a PDP');
  await killedPdp(scene, pdp);
}
