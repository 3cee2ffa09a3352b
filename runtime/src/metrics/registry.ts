import { Counter, Gauge, Histogram, Registry as PromRegistry } from 'prom-client';
import { registerProcessMetrics } from './process-metrics.js';

/** Histogram boundaries for durations in seconds, with boundaries exactly at the budgets of 5 ms and 50 ms. */
export const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] as const;

/** Every label with the closed list of its values. Identifiers (agent, tenant, policy) are evidence, not labels. */
export type LabelValues<L extends string> = Readonly<Record<L, readonly string[]>>;

/** What a metric is. `name` gets the registry's prefix. */
export interface MetricSpec<L extends string> {
  /** `<thing>_<unit>`, with `_total` for counters. */
  readonly name: string;
  readonly help: string;
  /** Every combination is set to zero at once, so that a series exists before its first event. */
  readonly labels?: LabelValues<L>;
}

/** What a histogram is. */
export interface HistogramSpec<L extends string> extends MetricSpec<L> {
  /** Default {@link SECONDS_BUCKETS}. */
  readonly buckets?: readonly number[];
}

/** A prom-client registry that makes prefixed metrics with closed label lists. Injected, never global. */
export interface Registry extends PromRegistry {
  counter<L extends string = never>(spec: MetricSpec<L>): Counter<L>;
  gauge<L extends string = never>(spec: MetricSpec<L>): Gauge<L>;
  histogram<L extends string = never>(spec: HistogramSpec<L>): Histogram<L>;
}

function combinations<L extends string>(labels: LabelValues<L> | undefined): Record<L, string>[] {
  let rows: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries<readonly string[]>(labels ?? {})) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value })));
  }
  return rows;
}

function labelNames<L extends string>(spec: MetricSpec<L>): L[] {
  return Object.keys(spec.labels ?? {}) as L[];
}

/**
 * Makes a registry whose metrics are called `<prefix>_<name>`, with process metrics and `portcullis_build_info`.
 * @param prefix e.g. `portcullis_pdp`.
 */
export function createRegistry(
  prefix: string,
  build: { readonly service: string; readonly version: string } = { service: prefix, version: 'unknown' },
): Registry {
  const registry = new PromRegistry();
  const registers = [registry];
  const common = <L extends string>(spec: MetricSpec<L>) => ({
    name: `${prefix}_${spec.name}`,
    help: spec.help,
    labelNames: labelNames(spec),
    registers,
  });

  new Gauge({
    name: 'portcullis_build_info',
    help: 'Always 1; the labels say what is running.',
    labelNames: ['service', 'version', 'node'],
    registers,
  }).set({ service: build.service, version: build.version, node: process.version }, 1);
  registerProcessMetrics(registry);

  return Object.assign(registry, {
    counter<L extends string = never>(spec: MetricSpec<L>): Counter<L> {
      const counter = new Counter<L>(common(spec));
      for (const labels of combinations(spec.labels)) counter.inc(labels, 0);
      return counter;
    },
    gauge<L extends string = never>(spec: MetricSpec<L>): Gauge<L> {
      const gauge = new Gauge<L>(common(spec));
      for (const labels of combinations(spec.labels)) gauge.set(labels, 0);
      return gauge;
    },
    histogram<L extends string = never>(spec: HistogramSpec<L>): Histogram<L> {
      const histogram = new Histogram<L>({ ...common(spec), buckets: [...(spec.buckets ?? SECONDS_BUCKETS)] });
      for (const labels of combinations(spec.labels)) histogram.zero(labels);
      return histogram;
    },
  });
}
