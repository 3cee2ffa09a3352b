/** What the PDPs that are watched say is in force now. */

import { isBehind, sameEpochs, type WatchReport } from '@portcullis/proto';

/** The newest report of each PDP whose watch is up. */
export interface KnownEpochs {
  /** Takes a report. True when anything moved that decisions may depend on. */
  watched(endpoint: string, report: WatchReport): boolean;
  /** The watch of this PDP is interrupted. True when it was up. */
  unwatched(endpoint: string): boolean;
  /** Whether any PDP is watched that serves a release. */
  readonly serves: boolean;
  /** What this PDP serves; nothing unless it is watched and serves a release. */
  of(endpoint: string): WatchReport | undefined;
  /** Whether some watched PDP has seen what these epochs have not. */
  overtook(epochs: WatchReport['epochs']): boolean;
}

/** Watches none. */
export function createKnownEpochs(): KnownEpochs {
  const reports = new Map<string, WatchReport>();
  const overtook = (epochs: WatchReport['epochs']): boolean =>
    [...reports.values()].some((report) => isBehind(epochs, report.epochs));
  const serving = (report: WatchReport | undefined): report is WatchReport =>
    report !== undefined && report.freshness !== 'expired' && report.epochs.release_seq >= 1;
  return {
    watched(endpoint, report) {
      const before = reports.get(endpoint);
      const isNews =
        before === undefined
          ? [...reports.values()].some((known) => isBehind(known.epochs, report.epochs))
          : !sameEpochs(before.epochs, report.epochs) || before.bundle_digest !== report.bundle_digest;
      reports.set(endpoint, report);
      return isNews || !serving(report);
    },
    unwatched: (endpoint) => reports.delete(endpoint),
    get serves() {
      for (const report of reports.values()) if (serving(report)) return true;
      return false;
    },
    of(endpoint) {
      const report = reports.get(endpoint);
      return serving(report) ? report : undefined;
    },
    overtook,
  };
}
