import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger, PortcullisError, systemClock } from '@portcullis/runtime';
import { pdpConfig } from '../../config.js';
import { decisionRecord as record } from '../../fixtures/audit.js';
import { createFakeDistributor, type FakeDistributor } from '../../fixtures/evidence.js';
import { type Audit, openAudit } from '../open-audit.js';
import { openShipping, type Shipping } from './open-shipping.js';
import { SHIPMENT_OUTCOMES, type ShippingAlarm } from './shipper.js';

const log = createLogger({ component: 'test', level: 'silent' });
const settings = pdpConfig.shape.audit;
let dataDir: string;
let folder: string;
let distributor: FakeDistributor;
let audit: Audit;
let alarms: (ShippingAlarm | undefined)[];
let counts: Map<string, number>;
let shipping: Shipping;
let next: number;

async function open(changes: object = {}): Promise<void> {
  const config = settings.parse({ maxSegmentBytes: 4_096, ship: { everyMs: 50, batchRecords: 7 }, ...changes });
  audit = await openAudit({
    config: { ...config, mode: 'required' },
    dataDir,
    owner: 'portcullis.test/pdp/pdp-1',
    clock: systemClock,
    log,
    observer: { records: () => undefined, checkpoint: () => undefined },
  });
  shipping = await openShipping({
    config: config.ship,
    keep: config.keep,
    chain: audit.chain,
    senders: [distributor.sender],
    receiptKeys: distributor.receiptKeys,
    sign: () => ({ certificate: 'PEM', signature: 'AA==' }),
    observer: {
      shipped: (outcome) => counts.set(outcome, (counts.get(outcome) ?? 0) + 1),
      receiptRefused: () => counts.set('notReceipts', (counts.get('notReceipts') ?? 0) + 1),
      alarm: (kind) => alarms.push(kind),
      segmentsRemoved: (count) => counts.set('removed', (counts.get('removed') ?? 0) + count),
    },
    clock: systemClock,
    log,
    random: () => 0,
  });
}

async function append(count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    next += 1;
    await audit.append(record(`d-${next}`));
  }
}

const chainOnDisk = async (): Promise<string[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.join('').split('\n').slice(0, -1);
};
const ship = (timeoutMs = 5_000): Promise<void> => shipping.close(timeoutMs);

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portcullis-shipping-'));
  folder = join(dataDir, 'audit');
  distributor = createFakeDistributor();
  alarms = [];
  counts = new Map();
  next = 0;
});
afterEach(async () => {
  await audit?.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe('shipping', () => {
  test('brings the whole chain there, over segments, and says that nothing waits', async () => {
    await open();
    await append(60);
    expect((await shipping.lag()).records).toBe(60);
    await ship();
    expect(distributor.lines).toEqual(await chainOnDisk());
    expect(distributor.lines).toHaveLength(60);
    expect(await shipping.lag()).toEqual({ records: 0, bytes: 0, seconds: 0 });
    expect(distributor.shipments.every(({ lines }) => lines.length <= 7)).toBe(true);
    expect(counts.get('stored')).toBe(9);
  });

  test('introduces its key with a question and with the first record', async () => {
    await open();
    await append(10);
    await ship();
    expect(distributor.shipments.map(({ introduction }) => introduction !== undefined)).toEqual([true, true, false]);
  });

  test('goes on where the distributor is after a restart, also without the file that says so', async () => {
    await open();
    await append(20);
    await ship();
    await audit.close();
    const asked = distributor.shipments.length;
    await rm(join(folder, 'shipped'));
    await open();
    await append(3);
    await ship();
    expect(distributor.lines).toEqual(await chainOnDisk());
    expect(distributor.shipments.slice(asked).map(({ from }) => from)).toEqual([1, 21]);
  });

  test('ships anew what a distributor forgot', async () => {
    await open();
    await append(20);
    await ship();
    distributor.lines.length = 4;
    await append(1);
    await ship();
    expect(distributor.lines).toEqual(await chainOnDisk());
    expect(alarms).toEqual([]);
  });

  test('tells how long the oldest record waits while the distributor is away', async () => {
    await open();
    await append(2);
    distributor.down = 1;
    await ship();
    const lag = await shipping.lag();
    // The records of this test say when they were made.
    const made = Date.parse('2026-11-22T12:00:00.000Z');
    expect(lag).toMatchObject({ records: 2 });
    expect(lag.bytes).toBe(Buffer.byteLength(`${(await chainOnDisk()).join('\n')}\n`));
    expect(Math.abs(lag.seconds - Math.max(0, (Date.now() - made) / 1_000))).toBeLessThan(60);
    expect(counts.get('failed')).toBe(1);
  });

  test('a lost answer costs a second shipment and no second record', async () => {
    await open();
    await append(5);
    distributor.losesAnswers = 2;
    await ship();
    await ship();
    await ship();
    expect(distributor.lines).toEqual(await chainOnDisk());
  });

  test('believes no answer but the receipt for this shipment', async () => {
    await open();
    await append(3);
    await ship();
    const old = distributor.receipts.at(-1);
    distributor.noise.push(Buffer.from('forged'), old ?? new Uint8Array());
    await append(3);
    await ship();
    expect(distributor.lines).toEqual(await chainOnDisk());
    expect(counts.get('notReceipts')).toBeGreaterThanOrEqual(2);
  });

  test('runs as a task until it is stopped', async () => {
    await open();
    const stop = new AbortController();
    const running = shipping.task.run(stop.signal);
    for (let round = 0; round < 5; round += 1) {
      await append(9);
      distributor.down = round % 2;
      while (distributor.lines.length < next) await delay(5);
    }
    stop.abort();
    await running;
    expect(distributor.lines).toEqual(await chainOnDisk());
  });
});

describe('an alarm', () => {
  const fork = { seq: 3, hash: 'ff'.repeat(32) };

  test.each<[ShippingAlarm, FakeDistributor['lie']]>([
    ['mismatch', (receipt) => ({ ...receipt, end: fork })],
    ['ahead', (receipt) => ({ ...receipt, end: { seq: 99, hash: 'ab'.repeat(32) } })],
    ['refused', (receipt) => ({ ...receipt, outcome: 'CHAIN_FORKED' })],
  ])('%s stops shipping, and nothing is removed', async (kind, lie) => {
    await open({ keep: { shippedMs: 0 } });
    await append(80);
    await audit.chain.durable();
    distributor.lie = lie;
    await ship();
    expect(shipping.alarm()).toBe(kind);
    expect(alarms.at(-1)).toBe(kind);
    expect(counts.get('removed')).toBeUndefined();
    expect(await chainOnDisk()).toHaveLength(80);
    // It ends when the distributor tells the truth again.
    distributor.lie = undefined;
    await ship();
    expect(shipping.alarm()).toBeUndefined();
    const kept = await chainOnDisk();
    expect(distributor.lines).toHaveLength(80);
    expect(distributor.lines.slice(-kept.length).join('\n') === kept.join('\n')).toBe(true);
  });

  test('missing: the distributor lacks what was removed here', async () => {
    await open({ keep: { shippedMs: 0 }, checkpointMs: 100 });
    await append(80);
    while (audit.chain.signed() < 80) await delay(5);
    await ship();
    expect(counts.get('removed')).toBeGreaterThan(0);
    distributor.lines.length = 2;
    await append(1);
    await ship();
    expect(shipping.alarm()).toBe('missing');
  });
});

describe('removal', () => {
  const settled = async (): Promise<void> => {
    while (audit.chain.signed() < next) await delay(5);
  };

  test('takes shipped segments from the oldest on, and the PDP starts with the rest', async () => {
    await open({ keep: { shippedMs: 0 }, checkpointMs: 100 });
    await append(80);
    await settled();
    await ship();
    const names = await readdir(folder);
    expect(names.filter((name) => name.endsWith('.jsonl'))).toHaveLength(2);
    const [first] = names.filter((name) => name.endsWith('.jsonl')).sort();
    expect(names).toContain(first?.replace('.jsonl', '.checkpoint'));
    await audit.close();
    await open({ keep: { shippedMs: 0 } });
    await append(1);
    await ship();
    expect(distributor.lines).toHaveLength(81);
  });

  test('is off unless configured, and never touches what was not stored for good', async () => {
    await open({ checkpointMs: 100 });
    await append(80);
    await settled();
    await ship();
    await audit.close();
    const before = await readdir(folder);
    distributor.lie = (receipt) => ({ ...receipt, outcome: 'held' });
    await open({ keep: { shippedMs: 0, shippedBytes: 0 }, checkpointMs: 100 });
    await append(1);
    await settled();
    await ship();
    expect(counts.get('removed')).toBeUndefined();
    expect((await readdir(folder)).filter((name) => name.endsWith('.jsonl'))).toEqual(
      before.filter((name) => name.endsWith('.jsonl')),
    );
  });

  test('by size keeps the newest of what was stored', async () => {
    await open({ keep: { shippedBytes: 9_000 }, checkpointMs: 100 });
    await append(80);
    await settled();
    await ship();
    const kept = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'));
    // Two are never removed, and two of at most 4,096 bytes fit.
    expect(kept).toHaveLength(4);
  });
});

test('a chain at its cap denies, and goes on when shipping made room', async () => {
  await open({ keep: { shippedMs: 0 }, maxTotalBytes: 16_384, checkpointMs: 100 });
  let fault: PortcullisError | undefined;
  distributor.down = 1;
  while (fault === undefined) await append(1).catch((error: unknown) => (fault = PortcullisError.from(error)));
  expect(fault.code).toBe('ERR_AUDIT_APPEND');
  next -= 1;
  const denied = next;
  while (audit.chain.signed() < denied) await delay(5);
  // The distributor is away: nothing was shipped, so nothing is removed, and every record is refused.
  await ship();
  await expect(append(1)).rejects.toMatchObject({ code: 'ERR_AUDIT_APPEND' });
  next -= 1;
  await ship();
  expect(counts.get('removed')).toBeGreaterThan(0);
  while (next < denied + 5) await append(1).catch(() => delay(20).then(() => (next -= 1)));
  await ship();
  expect(distributor.lines).toHaveLength(denied + 5);
  expect([...counts.keys()].filter((key) => (SHIPMENT_OUTCOMES as readonly string[]).includes(key)).sort()).toEqual([
    'failed',
    'stored',
  ]);
}, 20_000);
