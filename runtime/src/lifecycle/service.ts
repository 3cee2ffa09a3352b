import type { Health } from '../health/health.js';
import type { Logger } from '../log/logger.js';
import type { Registry } from '../metrics/registry.js';

/** What every service is composed from. */
export interface ServiceContext {
  readonly log: Logger;
  /** Metrics are called `portcullis_<service>_…`. */
  readonly registry: Registry;
  readonly health: Health;
  /** The first argument when it is one of the spec's modes. */
  readonly mode: string | undefined;
  /** Everything after a bare `--`. */
  readonly rest: readonly string[];
  /** Aborts when the process ends: after the last drain step, or at once while composing. */
  readonly signal: AbortSignal;
  /** Names an address that the process listens on, for `--announce`. */
  announce(name: string, address: string): void;
  /** Begins the ordered drain, as SIGTERM does. */
  requestDrain(): void;
}

/** Something that runs as long as the process does. */
export interface Task {
  readonly name: string;
  /** Returns when `signal` aborts. Returning earlier is a failure unless `mayEnd`. */
  run(signal: AbortSignal): Promise<void>;
  readonly mayEnd?: boolean;
}

/** One step of the drain, e.g. "stop accepting", then "finish calls in flight". */
export interface DrainStep {
  readonly name: string;
  /** After this the next step begins, whatever became of this one. */
  readonly timeoutMs: number;
  run(): Promise<void>;
}

/** A composed service. */
export interface Service {
  readonly tasks: readonly Task[];
  /** In order. */
  readonly drain: readonly DrainStep[];
}
