import { performance } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * The few process metrics that operators ask for, read when scraped. prom-client's defaults also keep a GC observer
 * and an event loop timer running, which a sidecar beside every agent should not pay for.
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers: Registry[] = [];
  const add = (metric: Gauge | Counter): void => registry.registerMetric(metric);
  add(
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    }),
  );
  const start = new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since the Unix epoch in seconds.',
    registers,
  });
  start.set(performance.timeOrigin / 1000);
  add(start);
  add(
    new Gauge({
      name: 'nodejs_heap_size_used_bytes',
      help: 'Used JavaScript heap in bytes.',
      registers,
      collect() {
        this.set(process.memoryUsage().heapUsed);
      },
    }),
  );
  add(
    new Gauge({
      name: 'nodejs_eventloop_utilization_ratio',
      help: 'Share of the time since the previous scrape in which the event loop was busy.',
      registers,
      collect: eventLoopCollector(),
    }),
  );
  add(
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time in seconds.',
      registers,
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    }),
  );
}

function eventLoopCollector(): (this: Gauge) => void {
  let before = performance.eventLoopUtilization();
  return function collect(this: Gauge): void {
    const now = performance.eventLoopUtilization();
    this.set(performance.eventLoopUtilization(now, before).utilization);
    before = now;
  };
}
