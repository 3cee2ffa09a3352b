/** What the HTTP surface tells the metrics. */

/** The routes by what they are for; closed list, labels of a metric. `other` is every unknown path. */
export const HTTP_ROUTES = [
  'evaluate',
  'authzen_evaluation',
  'authzen_evaluations',
  'authzen_search',
  'authzen_requests',
  'authzen_metadata',
  'approvals',
  'grants',
  'kill',
  'quotas',
  'reviews',
  'other',
] as const;
/** A route. */
export type HttpRoute = (typeof HTTP_ROUTES)[number];

/** Every status that is answered; closed list, labels of a metric. */
export const HTTP_STATUSES = [
  '200',
  '201',
  '202',
  '400',
  '401',
  '403',
  '404',
  '405',
  '408',
  '409',
  '410',
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

/** A path that exists. */
export interface KnownRoute {
  readonly route: HttpRoute;
  /** For the header `Allow`. */
  readonly method: string;
  /** For operators, by their certificate alone; agents and gateways use the others. */
  readonly operators?: true;
}

const PATHS: Readonly<Record<string, KnownRoute>> = {
  '/v1/policy/evaluate': { route: 'evaluate', method: 'POST' },
  '/access/v1/evaluation': { route: 'authzen_evaluation', method: 'POST' },
  '/access/v1/evaluations': { route: 'authzen_evaluations', method: 'POST' },
  '/access/v1/search/subject': { route: 'authzen_search', method: 'POST' },
  '/access/v1/search/resource': { route: 'authzen_search', method: 'POST' },
  '/access/v1/search/action': { route: 'authzen_search', method: 'POST' },
  '/access/v1/requests': { route: 'authzen_requests', method: 'POST' },
  '/.well-known/authzen-configuration': { route: 'authzen_metadata', method: 'GET' },
  '/v1/kill': { route: 'kill', method: 'GET, PUT', operators: true },
  '/v1/quotas': { route: 'quotas', method: 'GET', operators: true },
  '/v1/reviews': { route: 'reviews', method: 'GET', operators: true },
};

/** Paths with an id in them. */
const PATTERNS: readonly (readonly [pattern: RegExp, route: KnownRoute])[] = [
  [/^\/access\/v1\/requests\/[^/]+$/, { route: 'authzen_requests', method: 'GET' }],
  [/^\/v1\/approvals(\/[^/]+)?$/, { route: 'approvals', method: 'GET' }],
  [/^\/v1\/approvals\/[^/]+\/(approve|deny|revoke)$/, { route: 'approvals', method: 'POST' }],
  [/^\/v1\/grants$/, { route: 'grants', method: 'GET, POST' }],
  [/^\/v1\/grants\/preview$/, { route: 'grants', method: 'POST' }],
  [/^\/v1\/grants\/[^/]+$/, { route: 'grants', method: 'GET' }],
  [/^\/v1\/grants\/[^/]+\/revoke$/, { route: 'grants', method: 'POST' }],
  [/^\/v1\/reviews\/[^/]+\/close$/, { route: 'reviews', method: 'POST', operators: true }],
];

/** The route of a URL, whatever the method; `undefined` for what does not exist. */
export function routeOf(url: string): KnownRoute | undefined {
  const path = url.split('?', 1)[0] ?? '';
  if (Object.hasOwn(PATHS, path)) return PATHS[path];
  return PATTERNS.find(([pattern]) => pattern.test(path))?.[1];
}

/** The label of a status; what is not in the list is a defect of ours and counted as one. */
export function statusLabel(status: number): HttpStatus {
  return HTTP_STATUSES.find((known) => known === String(status)) ?? '500';
}
