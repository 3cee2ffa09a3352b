import type { Json, JsonObject } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';
import { FUEL_EXPORT, GLOBAL_EXPORT } from './meter-program.js';
import type { LoadedPolicy, OpaLibrary } from './opa-library.js';
import type { RegoBuiltin } from './rego-builtins.js';
import { type WasmExports, type WasmGlobal, type WasmMemory, type WasmModule, webAssembly } from './web-assembly.js';

/** What a program is run with. */
export interface SandboxOptions {
  readonly library: OpaLibrary;
  /** A metered program, compiled. */
  readonly program: WasmModule;
  /** Pages of memory that the program asks for. */
  readonly memoryPages: number;
  readonly data: JsonObject;
  readonly builtins: Readonly<Record<string, RegoBuiltin>>;
}

/** A program and its data, with nothing of one evaluation left for the next. */
export interface Sandbox {
  /** Names of the rules that can be evaluated. */
  readonly entrypoints: readonly string[];
  /** Names of the host's functions that the program may call, sorted. */
  readonly builtins: readonly string[];
  /**
   * @param input JSON text as UTF-8
   * @throws Error when the program traps, aborts, or goes beyond a cap; the next evaluation has a fresh instance
   */
  evaluate(input: Uint8Array<ArrayBuffer>, entrypoint: string): unknown;
}

/** Parsing the data may take so many steps; the data's size is capped. */
const LOAD_FUEL = 1_000_000_000;
/** Free pages that an evaluation begins with, so that few need to grow. */
const SPARE_PAGES = 8;
const MAX_ABORT_TEXT = 200;

interface FuelGlobal {
  value: number;
}

/** An instance, with what there is to reset. */
interface Live {
  readonly memory: WasmMemory;
  readonly policy: LoadedPolicy;
  readonly exports: OpaExports;
  readonly fuel: FuelGlobal;
  readonly globals: readonly WasmGlobal[];
}

/** The state of an instance whose data has been loaded. */
interface Image {
  readonly bytes: Uint8Array;
  readonly pages: number;
  readonly globals: readonly unknown[];
  readonly dataAddress: number;
  readonly heapPointer: number;
}

interface OpaExports {
  readonly builtins: () => number;
  readonly opa_malloc: (size: number) => number;
  readonly opa_json_parse: (address: number, size: number) => number;
  readonly opa_json_dump: (address: number) => number;
}

/**
 * Loads a program and its data once, and keeps an image of the memory and the globals; every evaluation begins from it.
 * @throws Error when the program is not one of OPA, or its data cannot be loaded
 */
export function createSandbox(options: SandboxOptions): Sandbox {
  const loaded = loadWithSpace(options);
  const { entrypoints } = loaded.policy;
  const builtins = Object.keys(readObject(loaded, loaded.exports.builtins()));
  const image = imageOf(loaded);
  let live: Live | undefined;

  return {
    entrypoints: Object.keys(entrypoints),
    builtins: builtins.sort(),
    evaluate(input, entrypoint) {
      const current = live ?? start(options, image.pages);
      // Whatever happens below, only an instance that came through it is used again.
      live = undefined;
      restore(current, image);
      const fuel = MODULE_LIMITS.rego.fuel + MODULE_LIMITS.rego.fuelPerInputByte * input.byteLength;
      current.fuel.value = fuel;
      try {
        const result = current.policy.evaluate(input.buffer, entrypoint);
        if (current.memory.buffer.byteLength === image.pages * PAGE) live = current;
        return result;
      } catch (error) {
        throw new Error(faultOf(error, current, fuel), { cause: error });
      }
    },
  };
}

const PAGE = 64 * 1024;

function start({ library, program, builtins }: SandboxOptions, pages: number): Live {
  const memory = new (webAssembly().Memory)({ initial: pages, maximum: MODULE_LIMITS.rego.memoryPages });
  const host: { live?: Live; names?: ReadonlyMap<number, string> } = {};
  const call = (id: number, args: readonly number[]): number => {
    if (host.live === undefined) throw new Error('the program calls the host before it is loaded');
    host.names ??= namesOf(host.live);
    const name = host.names.get(id) ?? '';
    const builtin = Object.hasOwn(builtins, name) ? builtins[name] : undefined;
    if (builtin === undefined) throw new Error(`the function "${name}" is not available`);
    return callBuiltin(host.live, builtin, args);
  };
  const instance = new (webAssembly().Instance)(program, {
    env: {
      memory,
      opa_abort: (address: number) => {
        throw new Error(`the program gave up: ${readText(memory, address, MAX_ABORT_TEXT)}`);
      },
      opa_println: () => undefined,
      opa_builtin0: (id: number, _context: number) => call(id, []),
      opa_builtin1: (id: number, _context: number, ...args: number[]) => call(id, args),
      opa_builtin2: (id: number, _context: number, ...args: number[]) => call(id, args),
      opa_builtin3: (id: number, _context: number, ...args: number[]) => call(id, args),
      opa_builtin4: (id: number, _context: number, ...args: number[]) => call(id, args),
    },
  });
  const exports = guard(instance.exports, memory);
  const policy = new library.LoadedPolicy({ exports }, memory, abiOf(instance.exports));
  const live: Live = {
    memory,
    policy,
    exports: exports as unknown as OpaExports,
    fuel: instance.exports[FUEL_EXPORT] as FuelGlobal,
    globals: Object.entries(instance.exports)
      .filter(([name]) => name.startsWith(GLOBAL_EXPORT))
      .map(([, global]) => global as WasmGlobal),
  };
  host.live = live;
  return live;
}

/** The library reads until a zero byte, wherever it is told to: an answer without one would never end. */
function guard(exports: WasmExports, memory: WasmMemory): WasmExports {
  const guarded = { ...exports };
  for (const name of ['opa_eval', 'opa_json_dump']) {
    const real = exports[name];
    if (typeof real !== 'function') throw new Error(`the program has no ${name}, so it is not one of OPA`);
    guarded[name] = (...args: readonly unknown[]): number => {
      const address = (real as (...args: readonly unknown[]) => number)(...args);
      textEnd(memory, address, MODULE_LIMITS.rego.outputBytes);
      return address;
    };
  }
  return guarded;
}

/** The minor version of OPA's interface. Older ones have no way to evaluate in one call. */
function abiOf(exports: WasmExports): number {
  const [major, minor] = ['opa_wasm_abi_version', 'opa_wasm_abi_minor_version'].map((name) => {
    const global = exports[name];
    return global instanceof webAssembly().Global ? Number(global.value) : undefined;
  });
  if (major !== 1 || minor === undefined || minor < 2) {
    throw new Error(
      `the program has version ${major ?? '?'}.${minor ?? '?'} of OPA's interface, expected 1.2 or a later 1.x`,
    );
  }
  return minor;
}

/** Loads program and data into a memory with room to spare. The program notes how large it is, so it is not added later. */
function loadWithSpace(options: SandboxOptions): Live {
  let pages = Math.min(options.memoryPages + SPARE_PAGES, MODULE_LIMITS.rego.memoryPages);
  for (;;) {
    const live = start(options, pages);
    live.fuel.value = LOAD_FUEL;
    live.policy.setData(options.data);
    const wanted = Math.min(Math.ceil(live.policy.dataHeapPtr / PAGE) + SPARE_PAGES, MODULE_LIMITS.rego.memoryPages);
    if (wanted <= pages) return live;
    pages = wanted;
  }
}

function imageOf({ memory, policy, globals }: Live): Image {
  const { dataAddr, dataHeapPtr } = policy;
  return {
    bytes: new Uint8Array(memory.buffer, 0, dataHeapPtr).slice(),
    pages: memory.buffer.byteLength / PAGE,
    globals: globals.map((global) => global.value),
    dataAddress: dataAddr,
    heapPointer: dataHeapPtr,
  };
}

function restore({ memory, policy, globals }: Live, image: Image): void {
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(image.bytes);
  bytes.fill(0, image.bytes.length);
  for (const [index, global] of globals.entries()) global.value = image.globals[index];
  policy.dataAddr = image.dataAddress;
  policy.dataHeapPtr = image.heapPointer;
  policy.baseHeapPtr = image.heapPointer;
}

function callBuiltin(live: Live, builtin: RegoBuiltin, args: readonly number[]): number {
  const texts = args.map((address) => {
    const dumped = live.exports.opa_json_dump(address);
    return readText(live.memory, dumped, MODULE_LIMITS.rego.outputBytes);
  });
  const result = builtin(...texts.map((text) => JSON.parse(text) as Json));
  if (result === undefined) return 0;
  const bytes = new TextEncoder().encode(JSON.stringify(result));
  // The host's work is paid for like the program's own.
  live.fuel.value -= texts.reduce((sum, text) => sum + text.length, bytes.length);
  const address = live.exports.opa_malloc(bytes.length);
  new Uint8Array(live.memory.buffer).set(bytes, address);
  return live.exports.opa_json_parse(address, bytes.length);
}

function namesOf(live: Live): ReadonlyMap<number, string> {
  const ids = readObject(live, live.exports.builtins());
  return new Map(Object.entries(ids).map(([name, id]) => [Number(id), name]));
}

function readObject(live: Live, address: number): JsonObject {
  const text = readText(live.memory, live.exports.opa_json_dump(address), MODULE_LIMITS.rego.outputBytes);
  const value = JSON.parse(text) as Json;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('expected an object');
  return value as JsonObject;
}

function readText(memory: WasmMemory, address: number, maxBytes: number): string {
  return new TextDecoder().decode(new Uint8Array(memory.buffer).subarray(address, textEnd(memory, address, maxBytes)));
}

function textEnd(memory: WasmMemory, address: number, maxBytes: number): number {
  const bytes = new Uint8Array(memory.buffer);
  const length = address < 0 ? -1 : bytes.subarray(address, address + maxBytes + 1).indexOf(0);
  if (length === -1) throw new Error(`the result is longer than ${maxBytes} bytes, or outside of the memory`);
  return address + length;
}

function faultOf(error: unknown, live: Live, fuel: number): string {
  if (live.fuel.value < 0) return `the program took more than ${fuel} steps`;
  if (error instanceof webAssembly().RuntimeError) return `the program trapped: ${error.message}`;
  return error instanceof Error ? error.message : 'the program failed';
}
