/** Takes evidence in over a channel, and signs what PDPs are told about it. */

import { noteSigner, type Receipt, receiptSignerName, signReceipt } from '@portcullis/policy/evidence';
import type { Task } from '@portcullis/runtime';
import type { ChannelWriter, TakeShipment } from '@portcullis/runtime/channel';
import type { OnlineKeys } from '../release/online-keys.js';
import type { RootMetadata } from '../repository/state.js';

/** Serves one channel; nothing when it carries no shipments. */
export function evidenceTasks(channels: readonly ChannelWriter[], take: TakeShipment): readonly Task[] {
  return channels.flatMap(({ transport, receiver }) =>
    receiver === undefined
      ? []
      : [{ name: `evidence over ${transport}`, run: (signal: AbortSignal) => receiver.serve(take, signal) }],
  );
}

/** Signs receipts with the keys that sign timestamps now. They sign JSON that begins with a brace, and no receipt does. */
export function createReceiptSigner(
  trustDomain: string,
  keys: () => { readonly keys: OnlineKeys; readonly root: RootMetadata },
): (receipt: Receipt) => Uint8Array {
  const name = receiptSignerName(trustDomain);
  return (receipt) => {
    const now = keys();
    const signers = now
      .keys('timestamp', now.root)
      .map((key) =>
        noteSigner(name, Buffer.from(String(key.publicKey.keyVal['public']), 'hex'), (bytes) =>
          Buffer.from(key.sign(bytes).sig, 'hex'),
        ),
      );
    return signReceipt(signers, receipt);
  };
}
