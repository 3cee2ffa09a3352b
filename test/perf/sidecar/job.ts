/** What a load generator of the sidecar's benchmark is told, and what it found. */

/** What is called: `stream` is a streamed chat completion, `llm` a whole one, `stdio` is MCP without HTTP. */
export type Surface = 'mcp' | 'llm' | 'stream' | 'egress' | 'a2a' | 'stdio';

/** Most calls under way at once; how ways are warmed up. */
export const WIDEST = 32;

/** One way to the same upstream. */
export interface Target {
  /** `direct`, or who is in between. */
  readonly subject: string;
  /** Where calls go; of an `egress` target the proxy. Absent: `command` is started. */
  readonly url?: string;
  /** Sent besides. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Who is in between, for its processor time. */
  readonly pid?: number;
  /** Not ours to mend: when its first call fails it is left out, and why is said. */
  readonly isPeer?: boolean;
  /** Of `stdio` targets: program and arguments. */
  readonly command?: readonly string[];
}

/** One case: the same calls over several ways. */
export interface Job {
  readonly surface: Surface;
  /** Whether no call is like an earlier one, so that nothing can be answered from what was kept. */
  readonly fresh: boolean;
  /** What a call carries, and its answer too, in kB. */
  readonly payloadKb: number;
  /** Calls under way at once. */
  readonly width: number;
  /** Where `egress` calls lead. */
  readonly origin: string;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly targets: readonly Target[];
}

/** One round over one way; milliseconds, the client's own work included. */
export interface Round {
  readonly calls: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Until the first token of a stream, median. */
  readonly first?: number;
  /** Processor time per call of whoever is in between, us; what it does after its answers included. */
  readonly cpuUs?: number;
}

/** By subject. */
export type Found = Readonly<Record<string, readonly Round[]>>;
