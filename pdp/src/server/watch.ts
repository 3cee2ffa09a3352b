/** `Watch`: the current state first, then every change. A slow watcher gets the newest state, never a backlog. */

import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { type Epochs, toWireWatchEvent, type Wire } from '@portcullis/proto';
import { type Logger, PortcullisError } from '@portcullis/runtime';
import type { AnswerCount } from '../approvals/answer-count.js';
import type { ActiveReleases, ReleaseState } from '../bundles/active.js';
import type { EpochSource } from '../epochs/epochs.js';
import { guarded, logFault, statusOf } from './guard.js';
import type { ServerObserver } from './observer.js';
import type { OpenStreams } from './open-streams.js';
import type { CallerReader } from './peer.js';

/** What the handler needs. */
export interface WatchParts {
  readonly callers: CallerReader;
  readonly releases: Pick<ActiveReleases, 'state' | 'onChange'>;
  readonly epochs: EpochSource;
  /** Counts what people answered here. */
  readonly answers: AnswerCount;
  readonly streams: OpenStreams;
  readonly observer: ServerObserver;
  readonly log: Logger;
}

/** The handler. */
export function createWatch(parts: WatchParts): handleServerStreamingCall<Wire.WatchRequest__Output, Wire.WatchEvent> {
  return (call) => {
    const fail = (fault: PortcullisError): void => {
      logFault(parts.log, fault, 'Watch failed');
      if (!call.destroyed && !call.writableEnded) call.emit('error', statusOf(fault));
    };
    call.on('error', () => undefined);
    guarded(() => {
      const caller = parts.callers.callerOf(call);
      let isSending = false;
      let isOutdated = false;
      let sent = '';
      const send = (): void => {
        if (call.destroyed || call.writableEnded) return;
        if (!caller.isValidNow()) {
          fail(
            new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'the certificate is not valid any more'),
          );
          return;
        }
        if (isSending) {
          isOutdated = true;
          return;
        }
        isOutdated = false;
        const report = {
          ...reportOf(parts.releases.state(), parts.epochs.current()),
          approvals: parts.answers.current(),
        };
        // A release moves an epoch as well; one change is one event.
        const text = JSON.stringify(report);
        if (text === sent) return;
        sent = text;
        isSending = true;
        call.write(toWireWatchEvent(report), () => {
          isSending = false;
          if (isOutdated) send();
        });
      };
      parts.observer.streamOpened('watch');
      const changed = guarded(send, fail);
      const stopListening = [
        parts.releases.onChange(changed),
        parts.epochs.onChange(changed),
        parts.answers.onChange(changed),
      ];
      const remove = parts.streams.add({ leave: () => call.end() });
      let isClosed = false;
      const close = (): void => {
        if (isClosed) return;
        isClosed = true;
        for (const stop of stopListening) stop();
        remove();
        parts.observer.streamClosed('watch');
      };
      call.on('close', close);
      call.on('cancelled', close);
      call.on('finish', close);
      send();
    }, fail)();
  };
}

function reportOf(state: ReleaseState, epochs: Epochs): Parameters<typeof toWireWatchEvent>[0] {
  return {
    epochs: { ...epochs, release_seq: state.releaseSeq },
    bundle_digest: state.bundleDigest,
    policy_version: state.policyVersion,
    // A PDP without a release denies everything, like one whose release has expired.
    freshness: state.freshness === 'none' ? 'expired' : state.freshness,
  };
}
