/** What every carrier of shipments promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { ShipmentReceiver, ShipmentSender, TakeShipment } from './shipments.js';

/** Both ends of one fresh carrier. */
export interface ShipmentPair {
  readonly sender: ShipmentSender;
  readonly receiver: ShipmentReceiver;
}

/** One promise of the port. */
export interface ShipmentContractCase {
  readonly name: string;
  readonly check: (pair: ShipmentPair) => Promise<void>;
}

const PATIENCE_MS = 8_000;
const LANE = 'lane1';
let made = 0;

const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
const read = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const newId = (): string => {
  made += 1;
  return `id-${process.pid}-${made}`;
};

/** Serves while `work` runs. */
async function serving<T>({ receiver }: ShipmentPair, take: TakeShipment, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const served = receiver.serve(take, stop.signal);
  try {
    return await work();
  } finally {
    stop.abort();
    await served;
  }
}

/** Ships as a PDP does: again, under a new id, until there is an answer. */
async function shipUntilAnswered({ sender }: ShipmentPair, content: string, lane = LANE): Promise<string> {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    let answer: string | undefined;
    const accept = (bytes: Uint8Array): boolean => {
      answer = read(bytes);
      return true;
    };
    const signal = AbortSignal.any([deadline, AbortSignal.timeout(1_500)]);
    await sender.ship({ lane, id: newId(), bytes: text(content) }, accept, signal).catch(() => undefined);
    if (answer !== undefined) return answer;
    assert.ok(!deadline.aborted, `no answer to ${content}`);
    await delay(20);
  }
}

async function faultOf(work: Promise<unknown>): Promise<PortcullisError> {
  const outcome: unknown = await work.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );
  assert.ok(PortcullisError.is(outcome), `not a fault: ${String(outcome)}`);
  return outcome;
}

const echo: TakeShipment = async ({ bytes }) => text(`answer to ${read(bytes)}`);

/** The contract. */
export const shipmentContract: readonly ShipmentContractCase[] = [
  {
    name: 'brings a shipment over and its answer back',
    check: (pair) =>
      serving(pair, echo, async () => {
        assert.equal(await shipUntilAnswered(pair, 'one'), 'answer to one');
        assert.equal(await shipUntilAnswered(pair, 'two'), 'answer to two');
      }),
  },
  {
    name: 'keeps lanes apart that ship at once',
    check: (pair) =>
      serving(pair, echo, async () => {
        const lanes = Array.from({ length: 12 }, (_, index) => `lane${index}`);
        const answers = await Promise.all(lanes.map((lane) => shipUntilAnswered(pair, lane, lane)));
        assert.deepEqual(
          answers,
          lanes.map((lane) => `answer to ${lane}`),
        );
      }),
  },
  {
    name: 'ends by its signal when nobody takes shipments in',
    check: async ({ sender }) => {
      const signal = AbortSignal.timeout(300);
      const fault = await faultOf(sender.ship({ lane: LANE, id: newId(), bytes: text('x') }, () => true, signal));
      assert.ok(['unavailable', 'timeout'].includes(fault.kind), fault.message);
    },
  },
  {
    name: 'does not take an answer for a receipt that the sender does not accept',
    check: (pair) =>
      serving(pair, echo, async () => {
        await shipUntilAnswered(pair, 'warm');
        const signal = AbortSignal.timeout(500);
        const fault = await faultOf(
          pair.sender.ship({ lane: LANE, id: newId(), bytes: text('x') }, () => false, signal),
        );
        assert.ok(['unavailable', 'timeout', 'corrupt'].includes(fault.kind), fault.message);
      }),
  },
  {
    name: 'answers in the end when taking in failed at first',
    check: async (pair) => {
      let failures = 2;
      const take: TakeShipment = async (shipment) => {
        failures -= 1;
        if (failures >= 0) throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', 'the store is down');
        return echo(shipment);
      };
      await serving(pair, take, async () => assert.equal(await shipUntilAnswered(pair, 'x'), 'answer to x'));
    },
  },
  {
    name: 'gives no answer to what is refused, and goes on with the next',
    check: async (pair) => {
      const take: TakeShipment = async (shipment) => {
        if (read(shipment.bytes) !== 'bad') return echo(shipment);
        throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unauthenticated', 'not believed');
      };
      await serving(pair, take, async () => {
        await shipUntilAnswered(pair, 'warm');
        const signal = AbortSignal.timeout(500);
        await faultOf(pair.sender.ship({ lane: LANE, id: newId(), bytes: text('bad') }, () => true, signal));
        assert.equal(await shipUntilAnswered(pair, 'good'), 'answer to good');
      });
    },
  },
  {
    name: 'refuses what no carrier may carry',
    check: async ({ sender }) => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      for (const wrong of [{ lane: 'a.b' }, { lane: '' }, { lane: '>' }, { id: 'a b' }, { id: '*' }]) {
        const shipment = { lane: LANE, id: newId(), bytes: text('x'), ...wrong };
        assert.equal((await faultOf(sender.ship(shipment, () => true, signal))).kind, 'invalid');
      }
      const large = { lane: LANE, id: newId(), bytes: new Uint8Array(1_000_001) };
      assert.equal((await faultOf(sender.ship(large, () => true, signal))).code, 'ERR_CHANNEL_OVERSIZE');
    },
  },
];
