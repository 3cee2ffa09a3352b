/** The audit chain that the configuration describes, and its way to the distributor. */

import { join } from 'node:path';
import { type Clock, type ServiceContext, signStatement, type TlsMaterial } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import { type Audit, openAudit } from '../audit/open-audit.js';
import { openShipping, type Shipping } from '../audit/shipping/open-shipping.js';
import { createReceiptKeys } from '../bundles/receipt-keys.js';
import type { PdpConfig } from '../config.js';
import type { PdpMetrics } from '../metrics.js';

/** Opens the chain; `undefined` when nothing is to be recorded. */
export async function openConfiguredAudit(
  { audit, dataDir, node, trustDomain }: PdpConfig,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: ServiceContext['log']; readonly metrics: PdpMetrics },
): Promise<Audit | undefined> {
  const { mode } = audit;
  if (mode === 'off') {
    log.warn('Decisions are not recorded: audit.mode is off');
    return undefined;
  }
  const owner = `${trustDomain}/pdp/${node}`;
  return openAudit({ config: { ...audit, mode }, dataDir, owner, clock, log, observer: metrics });
}

/** Opens the way; `undefined` when there is none. */
export async function openConfiguredShipping(
  { audit: { ship, keep }, dataDir, trustDomain }: PdpConfig,
  { chain }: Audit,
  parts: {
    readonly channels: readonly ChannelReader[];
    readonly pinnedRoot: Uint8Array;
    readonly tls: TlsMaterial;
    readonly clock: Clock;
    readonly log: ServiceContext['log'];
    readonly metrics: PdpMetrics;
  },
): Promise<Shipping | undefined> {
  const senders = parts.channels.flatMap(({ sender }) => (sender === undefined ? [] : [sender]));
  if (!ship.enabled || senders.length === 0) {
    parts.log.warn('Evidence stays on this machine: it is not shipped');
    return undefined;
  }
  const { pinnedRoot, tls, clock, log, metrics } = parts;
  const shipping = await openShipping({
    config: ship,
    keep,
    chain,
    senders,
    receiptKeys: createReceiptKeys({ pinnedRoot, rootsDir: join(dataDir, 'roots'), trustDomain, clock }),
    sign: (statement) => signStatement(tls.current(), statement),
    observer: metrics,
    clock,
    log,
    random: Math.random,
  });
  metrics.followShipping(shipping.lag);
  return shipping;
}
