import { PortcullisError } from '../errors/portcullis-error.js';

/** The fault for bytes beyond a caller's cap. */
export function oversize(key: string, maxBytes: number): PortcullisError {
  return new PortcullisError('ERR_CHANNEL_OVERSIZE', 'corrupt', 'object is larger than allowed', {
    details: { key, maxBytes },
  });
}

/** The fault for a call that its signal ended: `timeout` when it was a deadline, else `unavailable`. */
export function ended(signal: AbortSignal): PortcullisError {
  const fault = PortcullisError.from(signal.reason, 'ERR_CHANNEL_ABORTED');
  const kind = fault.kind === 'timeout' ? 'timeout' : 'unavailable';
  return new PortcullisError('ERR_CHANNEL_ABORTED', kind, 'channel call was ended by its signal', { cause: fault });
}

/** Whatever an adapter's library threw, as a fault of the channel: `unavailable` unless it is known better. */
export function channelFault(error: unknown, signal?: AbortSignal): PortcullisError {
  if (PortcullisError.is(error)) return error;
  if (signal?.aborted === true) return ended(signal);
  const fault = PortcullisError.from(error, 'ERR_CHANNEL_UNAVAILABLE');
  const kind = fault.kind === 'timeout' ? 'timeout' : 'unavailable';
  return new PortcullisError('ERR_CHANNEL_UNAVAILABLE', kind, fault.message, { cause: error });
}

/** Settles as `work` does, or rejects as soon as `signal` aborts; a late failure of `work` is dropped. */
export async function orEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    throw ended(signal);
  }
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(ended(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/** The fault of a shipment whose only answer was not acceptable. */
export function unacceptable(): PortcullisError {
  return new PortcullisError('ERR_CHANNEL_ANSWER', 'corrupt', 'the answer to a shipment is not acceptable');
}
