/** What the HTTP surface tells the metrics. */

/** The routes by what they are for; closed list, labels of a metric. `other` is every unknown path. */
export const HTTP_ROUTES = [
  'evaluate',
  'authzen_evaluation',
  'authzen_evaluations',
  'authzen_metadata',
  'kill',
  'quotas',
  'other',
] as const;
/** A route. */
export type HttpRoute = (typeof HTTP_ROUTES)[number];

/** Every status that is answered; closed list, labels of a metric. */
export const HTTP_STATUSES = [
  '200',
  '400',
  '401',
  '404',
  '405',
  '408',
  '409',
  '413',
  '415',
  '431',
  '500',
  '503',
] as const;
/** A status. */
export type HttpStatus = (typeof HTTP_STATUSES)[number];

/** Who counts what happens on the surface. */
export interface HttpObserver {
  httpAnswered(route: HttpRoute, status: HttpStatus, seconds: number): void;
}

/** What is known of a path. */
export interface KnownPath {
  readonly route: HttpRoute;
  readonly method: 'GET' | 'POST' | 'GET, PUT';
  /** For operators, by their certificate alone; agents and gateways use the others. */
  readonly operators?: true;
}

const PATHS: Readonly<Record<string, KnownPath>> = {
  '/v1/policy/evaluate': { route: 'evaluate', method: 'POST' },
  '/access/v1/evaluation': { route: 'authzen_evaluation', method: 'POST' },
  '/access/v1/evaluations': { route: 'authzen_evaluations', method: 'POST' },
  '/.well-known/authzen-configuration': { route: 'authzen_metadata', method: 'GET' },
  '/v1/kill': { route: 'kill', method: 'GET, PUT', operators: true },
  '/v1/quotas': { route: 'quotas', method: 'GET', operators: true },
};

/** The route of a URL, whatever the method; `undefined` for what does not exist. */
export function routeOf(url: string): KnownPath | undefined {
  const path = url.split('?', 1)[0] ?? '';
  return Object.hasOwn(PATHS, path) ? PATHS[path] : undefined;
}

/** The label of a status; what is not in the list is a defect of ours and counted as one. */
export function statusLabel(status: number): HttpStatus {
  return HTTP_STATUSES.find((known) => known === String(status)) ?? '500';
}
