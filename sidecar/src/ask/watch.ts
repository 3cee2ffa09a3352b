/** Follows one PDP's epochs: the current state first, then every change. Starts over for ever, with back-off. */

import { type Client, type ClientReadableStream, Metadata } from '@grpc/grpc-js';
import type { WatchReport } from '@portcullis/proto';
import { createBackoff } from './backoff.js';
import type { PdpConfig } from './config.js';
import type { Wire } from './wire.js';

/** A running watch. */
export interface EpochWatch {
  /** Leaves the stream for a new one, over whatever connection the client now has. */
  restart(): void;
  close(): void;
}

/** What a watch needs. */
export interface EpochWatchOptions {
  /** The client to use when a stream is opened. */
  readonly client: () => Client;
  readonly wire: Wire;
  readonly config: Pick<PdpConfig, 'reconnectMinMs' | 'reconnectMaxMs'>;
  /** A well-formed event. Must not throw. */
  readonly report: (report: WatchReport) => void;
  /** The stream is gone: what was reported may be out of date. Must not throw. */
  readonly lost: () => void;
  /** What was reported may be out of date, if only for a moment; also with every `lost`. Must not throw. */
  readonly interrupted: () => void;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** Starts watching. */
export function watchEpochs(options: EpochWatchOptions): EpochWatch {
  const { wire, report, lost, interrupted } = options;
  const backoff = createBackoff(options.config.reconnectMinMs, options.config.reconnectMaxMs);
  let stream: ClientReadableStream<Buffer> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const open = (): void => {
    const mine = options
      .client()
      .makeServerStreamRequest(
        wire.watchPath,
        identity,
        identity,
        wire.watchRequest,
        new Metadata({ waitForReady: true }),
      );
    stream = mine;
    const leave = (): void => {
      if (stream !== mine) return;
      stream = undefined;
      mine.cancel();
      interrupted();
      lost();
      if (!closed) timer = setTimeout(open, backoff.next());
    };
    mine.on('data', (bytes: Buffer) => {
      if (stream !== mine) return;
      const event = wire.decodeWatch(bytes);
      if (event === undefined) {
        leave();
        return;
      }
      backoff.reset();
      report(event);
    });
    mine.on('error', leave);
    mine.on('end', leave);
  };
  open();

  return {
    restart() {
      if (closed) return;
      clearTimeout(timer);
      const old = stream;
      open();
      old?.cancel();
      interrupted();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      const old = stream;
      stream = undefined;
      old?.cancel();
    },
  };
}
