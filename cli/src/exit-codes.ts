import type { PortcullisError } from '@portcullis/runtime';

/** Why the process ended; stable, printed by `portcullis --help`. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  policyInvalid: 3,
  testsFailed: 4,
  notConverged: 5,
  refused: 6,
  findings: 7,
  interrupted: 130,
} as const;
/** An exit code. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** One line per exit code, for `--help` and the reference. */
export const EXIT_MEANINGS = [
  [EXIT.ok, 'done'],
  [
    EXIT.failure,
    'failed: something could not be read, written or reached; a release lacks signatures; fmt --check found files to rewrite',
  ],
  [EXIT.usage, 'the command line or the connection settings are wrong; hook blocks'],
  [EXIT.policyInvalid, 'the policies, a bundle or a request are invalid; every problem was printed'],
  [EXIT.testsFailed, 'policy tests failed, or a coverage or mutation threshold was not reached'],
  [EXIT.notConverged, 'released, or stopped with kill, but not every PDP took it in time'],
  [EXIT.refused, 'the distributor, or the PDP, refused'],
  [
    EXIT.findings,
    'lint found errors, diff --exit-code answers that change, audit a broken chain, or risk scan anything',
  ],
  [EXIT.interrupted, 'interrupted'],
] as const satisfies readonly (readonly [ExitCode, string])[];

const EXIT_OF_CODE: ReadonlyMap<string, ExitCode> = new Map([
  ['ERR_CLI_USAGE', EXIT.usage],
  ['ERR_CONFIG_INVALID', EXIT.usage],
  ['ERR_CLI_REFUSED', EXIT.refused],
]);

/** The exit code for a fault; every code without a row of its own is a plain failure. */
export function exitCodeOf(fault: PortcullisError): ExitCode {
  return EXIT_OF_CODE.get(fault.code) ?? EXIT.failure;
}
