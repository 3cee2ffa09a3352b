import type { WasmExports, WasmMemory } from './web-assembly.js';

/** What OPA's library makes of an instance: it knows how values travel in and out of the program's memory. */
export interface LoadedPolicy {
  /** Where the data is, and where what is below it ends. */
  dataAddr: number;
  baseHeapPtr: number;
  dataHeapPtr: number;
  /** Ids by name. */
  readonly entrypoints: Readonly<Record<string, number>>;
  /** @param input JSON text as UTF-8 */
  evaluate(input: ArrayBuffer, entrypoint: string): unknown;
  setData(data: object): void;
}

/** What is used of the library: not its loader, which lets a program print, loop and read without bounds. */
export interface OpaLibrary {
  readonly LoadedPolicy: new (
    instance: { readonly exports: WasmExports },
    memory: WasmMemory,
    minorVersion: number,
  ) => LoadedPolicy;
}

/** Loads the library; only for a bundle with a module in Rego. */
export async function importOpa(): Promise<OpaLibrary> {
  const module: unknown = await import('@open-policy-agent/opa-wasm');
  return (module as { readonly default: OpaLibrary }).default;
}
