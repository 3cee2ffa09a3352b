/** The part of the WebAssembly interface that is used here; TypeScript knows it only along with a browser's. */

/** A compiled program. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

/** The memory of an instance. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** A global of an instance. */
export interface WasmGlobal {
  value: unknown;
}

/** What an instance exports, by name. */
export type WasmExports = Readonly<Record<string, unknown>>;

interface WebAssemblyApi {
  readonly compile: (bytes: Uint8Array<ArrayBuffer>) => Promise<WasmModule>;
  readonly Memory: new (descriptor: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: WasmExports };
  readonly Global: new () => WasmGlobal;
  readonly RuntimeError: new () => Error;
}

/** The engine's WebAssembly. */
export function webAssembly(): WebAssemblyApi {
  return (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
}
