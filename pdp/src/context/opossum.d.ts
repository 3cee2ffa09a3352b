/** What this package uses of opossum, which ships no types. */
declare module 'opossum' {
  import type { EventEmitter } from 'node:events';

  interface Settings {
    readonly name: string;
    readonly timeout: number | false;
    readonly resetTimeout: number;
    readonly errorThresholdPercentage: number;
    readonly volumeThreshold: number;
    readonly rollingCountTimeout: number;
    readonly rollingCountBuckets: number;
    readonly rollingPercentilesEnabled: boolean;
    readonly enableSnapshots: boolean;
  }

  class CircuitBreaker<A extends readonly unknown[], R> extends EventEmitter {
    constructor(action: (...args: A) => Promise<R>, settings: Settings);
    readonly opened: boolean;
    readonly halfOpen: boolean;
    readonly closed: boolean;
    readonly enabled: boolean;
    readonly isShutdown: boolean;
    fire(...args: A): Promise<R>;
    open(): void;
    enable(): void;
    disable(): void;
    shutdown(): void;
  }

  export = CircuitBreaker;
}
