/**
 * A user-space TCP proxy that misbehaves on command: the faults a network has and loopback hasn't.
 */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/**
 * What the proxy does with bytes.
 * - `pass`: forwards them.
 * - `black_hole`: accepts and swallows them, both ways; nobody is told.
 * - `refuse`: closes new and existing connections at once.
 */
export type FaultMode = 'pass' | 'black_hole' | 'refuse';

/** A running proxy. */
export interface FaultProxy {
  /** `host:port` to connect to. */
  readonly address: string;
  /** Connections that were opened to it so far. */
  readonly accepted: number;
  /** Switches the behaviour for new and existing connections. */
  set(mode: FaultMode, options?: { readonly delayMs?: number }): void;
  close(): Promise<void>;
}

/** Starts a proxy on loopback in front of `target` (`host:port`). */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const [host = '127.0.0.1', port = '0'] = target.split(':');
  let mode: FaultMode = 'pass';
  let delayMs = 0;
  let accepted = 0;
  const pairs = new Set<readonly [Socket, Socket]>();

  const relay = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => {
      if (mode === 'black_hole') return;
      if (delayMs === 0) to.write(chunk);
      else setTimeout(() => to.writable && to.write(chunk), delayMs);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      if (mode !== 'black_hole') to.destroy();
    });
  };

  const server = createServer((downstream) => {
    accepted += 1;
    if (mode === 'refuse') {
      downstream.destroy();
      return;
    }
    const upstream = connect({ host, port: Number(port) });
    const pair = [downstream, upstream] as const;
    pairs.add(pair);
    downstream.on('close', () => pairs.delete(pair));
    relay(downstream, upstream);
    relay(upstream, downstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const dropAll = (): void => {
    for (const [downstream, upstream] of pairs) {
      downstream.destroy();
      upstream.destroy();
    }
    pairs.clear();
  };
  return {
    address,
    get accepted() {
      return accepted;
    },
    set(next, options = {}) {
      mode = next;
      delayMs = options.delayMs ?? 0;
      if (mode === 'refuse') dropAll();
    },
    async close() {
      dropAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
