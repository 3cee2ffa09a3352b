/** Names of the log fields that every process uses. Domain words live with the domain. */
export const LOG_FIELD = {
  component: 'component',
  peer: 'peer',
  durationMs: 'duration_ms',
  error: 'err',
  code: 'code',
  kind: 'kind',
  details: 'details',
  address: 'address',
  transport: 'transport',
  task: 'task',
  step: 'step',
  signal: 'signal',
  file: 'file',
  path: 'path',
  reason: 'reason',
  version: 'version',
} as const;
