import type { Command } from 'commander';
import { type DistributorEvidence, openDistributorEvidence } from '../audit/distributor-evidence.js';
import { usageFault } from '../faults.js';
import { type ConnectionFlags, connectDistributor, loadContext } from '../release/connection.js';
import type { Shell } from '../shell.js';
import { withDistributorFlags } from './release-flags.js';

/** Where records are read: a path of this machine, or a distributor. */
export interface EvidenceFlags extends ConnectionFlags {
  readonly writer?: string;
}

/** Adds the flags of verbs that read from a distributor as well. */
export function withEvidenceFlags(verb: Command): Command {
  return withDistributorFlags(verb).option('--writer <WRITER>', 'whose chain, where a distributor is asked');
}

/**
 * Refuses a path and a distributor at once.
 * @throws PortcullisError `ERR_CLI_USAGE`.
 */
export function oneSource(path: string | undefined, flags: EvidenceFlags): void {
  if (path !== undefined && (flags.distributor ?? flags.writer) !== undefined) {
    throw usageFault('PATH and --distributor or --writer: expected only one of them');
  }
}

/** The chain that is asked for. @throws PortcullisError `ERR_CLI_USAGE` when none is named. */
export function writerOf({ writer }: EvidenceFlags): string {
  if (writer !== undefined) return writer;
  throw usageFault('--writer: expected whose chain; "portcullis audit writers" lists them. For files: name a PATH');
}

/** Opens the connection, runs the work, closes the connection. */
export async function withEvidence<T>(
  shell: Shell,
  flags: ConnectionFlags,
  work: (evidence: DistributorEvidence) => Promise<T>,
): Promise<T> {
  const connection = await connectDistributor(loadContext(flags));
  try {
    return await work(openDistributorEvidence(connection, shell.signal));
  } finally {
    await connection.close();
  }
}
