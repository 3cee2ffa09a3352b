import { createDistributorMetrics } from '@portcullis/distributor';
import { createPdpMetrics } from '@portcullis/pdp';
import {
  createRegistry,
  type HistogramSpec,
  type MetricSpec,
  type Registry,
  SECONDS_BUCKETS,
} from '@portcullis/runtime';
import { createSidecarMetrics } from '@portcullis/sidecar';
import { code, codes, markdownPage, type Page, table } from './page.js';

/** A metric as its service registers it. */
export interface RegisteredMetric {
  /** With the service's prefix. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Every label with its closed list of values; an empty list marks a label of an `_info` gauge. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** With what each `follow…` of a service is called: they register metrics too, and none may be left out. */
type Followed<M> = {
  readonly [K in keyof M as K extends `follow${string}` ? K : never]: M[K] extends (...given: infer A) => unknown
    ? A
    : never;
};

function follow<M extends object>(metrics: M, followed: Followed<M>): void {
  for (const [name, given] of Object.entries<readonly unknown[]>(followed)) {
    const method: unknown = Reflect.get(metrics, name);
    if (typeof method === 'function') Reflect.apply(method, metrics, given);
  }
}

const unread = (): never => {
  throw new Error('nothing is scraped here');
};

const SERVICES = {
  portcullis_pdp: (registry: Registry) =>
    follow(createPdpMetrics(registry), {
      followKills: [{ seq: unread, inForce: unread }],
      followRelease: [{ channel: '', state: unread, ageSeconds: unread }],
      followCache: [unread],
      followShipping: [unread],
    }),
  portcullis_sidecar: (registry: Registry) =>
    follow(createSidecarMetrics(registry), { followCache: [unread], followWaiting: [unread] }),
  portcullis_distributor: (registry: Registry) => follow(createDistributorMetrics(registry), {}),
} as const satisfies Record<string, (registry: Registry) => void>;

/** The metrics of every service by prefix, found by registering them on an empty registry. */
export function registeredMetrics(): ReadonlyMap<string, readonly RegisteredMetric[]> {
  return new Map(Object.entries(SERVICES).map(([prefix, register]) => [prefix, record(prefix, register)]));
}

function record(prefix: string, register: (registry: Registry) => void): readonly RegisteredMetric[] {
  const registry = createRegistry(prefix);
  const found: RegisteredMetric[] = [];
  const note = (kind: RegisteredMetric['kind'], spec: MetricSpec<string>): void => {
    found.push({ name: `${prefix}_${spec.name}`, kind, help: spec.help, labels: spec.labels ?? {} });
  };
  const { counter, gauge, histogram } = registry;
  register(
    Object.assign(registry, {
      counter: <L extends string>(spec: MetricSpec<L>) => {
        note('counter', spec);
        return counter(spec);
      },
      gauge: <L extends string>(spec: MetricSpec<L>) => {
        note('gauge', spec);
        return gauge(spec);
      },
      histogram: <L extends string>(spec: HistogramSpec<L>) => {
        note('histogram', spec);
        return histogram(spec);
      },
    }),
  );
  return found;
}

function labelsOf(metric: RegisteredMetric): string {
  return Object.entries(metric.labels)
    .map(([label, values]) => (values.length === 0 ? `${code(label)}: any` : `${code(label)}: ${codes(values)}`))
    .join('; ');
}

/** `docs/reference/metrics.md`. */
export function metricsPage(): Page {
  const common = createRegistry('portcullis')
    .getMetricsAsArray()
    .map((metric) => [code(metric.name), metric.help]);
  return markdownPage('docs/reference/metrics.md', 'Metrics', [
    'Every service answers `GET /metrics` on its admin port. Names are `portcullis_<service>_<thing>_<unit>`, units are ' +
      'base units, counters end in `_total`. The labels of a metric never change, their values come from the closed lists ' +
      'below, and every combination exists at 0 before its first event. Tenants, agents, tools and policies are evidence ' +
      '(decision records), never labels.',
    `Histograms of seconds have the boundaries ${SECONDS_BUCKETS.join(', ')}: exactly at the budgets of 5 ms and 50 ms.`,
    ...[...registeredMetrics()].flatMap(([prefix, metrics]) => [
      `## ${prefix}`,
      table(
        ['metric', 'kind', 'labels', 'meaning'],
        metrics.map((metric) => [code(metric.name), metric.kind, labelsOf(metric), metric.help]),
      ),
    ]),
    '## Every service',
    table(['metric', 'meaning'], common),
  ]);
}
