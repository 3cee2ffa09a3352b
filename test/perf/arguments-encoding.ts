/**
 * What free-form JSON costs on the wire: JSON bytes, as decision.proto has it, against google.protobuf.Struct, with the
 * same loader options. ADR-0004 quotes the numbers.
 *
 * Both carry the same request, and both are timed from domain value to bytes and back, so each includes the rest of the
 * message; `no arguments` is what that rest costs. The JSON side includes its strict check, the Struct side checks nothing.
 */

import { fromJSON, type MessageTypeDefinition } from '@grpc/proto-loader';
import type { CanonicalRequest, Json, JsonObject } from '@portcullis/policy/model';
import { fromWireRequest, loadDecisionService, toWireRequest } from '@portcullis/proto';
import type { Row } from './row.js';

/** How long to measure. */
export interface ArgumentsBenchOptions {
  /** Milliseconds per figure; the fastest of 15 slices of that is reported. */
  readonly budgetMs?: number;
}

const BENCH = 'arguments';
const SLICES = 15;

interface StructValue {
  null_value?: 'NULL_VALUE';
  number_value?: number;
  string_value?: string;
  bool_value?: boolean;
  struct_value?: Struct;
  list_value?: { values?: StructValue[] };
  readonly kind?: string;
}

interface Struct {
  fields?: Record<string, StructValue>;
}

interface Carrier {
  arguments?: Struct;
}

/** google/protobuf/struct.proto, field for field. */
const STRUCT_PROTO = {
  nested: {
    Carrier: { fields: { arguments: { type: 'Struct', id: 1 } } },
    Struct: { fields: { fields: { keyType: 'string', type: 'Value', id: 1 } } },
    Value: {
      oneofs: {
        kind: { oneof: ['null_value', 'number_value', 'string_value', 'bool_value', 'struct_value', 'list_value'] },
      },
      fields: {
        null_value: { type: 'NullValue', id: 1 },
        number_value: { type: 'double', id: 2 },
        string_value: { type: 'string', id: 3 },
        bool_value: { type: 'bool', id: 4 },
        struct_value: { type: 'Struct', id: 5 },
        list_value: { type: 'ListValue', id: 6 },
      },
    },
    NullValue: { values: { NULL_VALUE: 0 } },
    ListValue: { fields: { values: { rule: 'repeated', type: 'Value', id: 1 } } },
  },
};

function toStruct(value: JsonObject): Struct {
  const fields: Record<string, StructValue> = {};
  for (const name of Object.keys(value)) fields[name] = toStructValue(value[name] ?? null);
  return { fields };
}

function toStructValue(value: Json): StructValue {
  if (value === null) return { null_value: 'NULL_VALUE' };
  if (typeof value === 'number') return { number_value: value };
  if (typeof value === 'string') return { string_value: value };
  if (typeof value === 'boolean') return { bool_value: value };
  if (Array.isArray(value)) return { list_value: { values: (value as readonly Json[]).map(toStructValue) } };
  return { struct_value: toStruct(value as JsonObject) };
}

function fromStruct(struct: Struct): JsonObject {
  const value: Record<string, Json> = {};
  const fields = struct.fields ?? {};
  for (const name of Object.keys(fields)) value[name] = fromStructValue(fields[name] ?? {});
  return value;
}

function fromStructValue(value: StructValue): Json {
  switch (value.kind) {
    case 'number_value':
      return value.number_value ?? 0;
    case 'string_value':
      return value.string_value ?? '';
    case 'bool_value':
      return value.bool_value ?? false;
    case 'struct_value':
      return fromStruct(value.struct_value ?? {});
    case 'list_value':
      return (value.list_value?.values ?? []).map(fromStructValue);
    default:
      return null;
  }
}

/** Arguments of about `bytes` as JSON: one long text (a file's content), or many small members (a form, a query). */
const SHAPES: Readonly<Record<string, (bytes: number) => JsonObject>> = {
  'one text': (bytes) => ({ path: '/srv/report.md', content: 'Quarterly figures follow.\n'.repeat(bytes / 27) }),
  'many members': (bytes) => {
    const rows: Json[] = [];
    for (let size = 12; size < bytes; size += 88) {
      const id = rows.length + 1000;
      rows.push({ id, name: `item number ${id}`, price: id / 8, active: id % 2 === 0, tags: ['a', 'b'], note: null });
    }
    return { rows };
  },
};

const BASE: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  kind: 'tool_call',
  agent: { id: 'agent_123' },
  tool: { name: 'write_file', server: 'files', operation: 'tools/call' },
  context: { timestamp: '2025-09-12T10:00:00Z', request_id: 'req_abc' },
};

interface Subject {
  readonly name: string;
  encode(args: JsonObject | undefined): readonly Buffer[];
  decode(parts: readonly Buffer[]): JsonObject | undefined;
}

function subjects(): readonly Subject[] {
  const { Evaluate } = loadDecisionService();
  const loaded = fromJSON(STRUCT_PROTO, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: false,
    oneofs: true,
  });
  const carrier = loaded['Carrier'] as unknown as MessageTypeDefinition<Carrier, Carrier>;
  const read = (bytes: Buffer | undefined): CanonicalRequest => {
    const message = Evaluate.requestDeserialize(bytes ?? Buffer.alloc(0));
    const checked = fromWireRequest(message.request ?? {});
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    return checked.value;
  };
  const plain = Evaluate.requestSerialize({ request: toWireRequest(BASE) });
  return [
    {
      name: 'JSON bytes',
      encode(args) {
        const tool = args === undefined ? BASE.tool : { ...BASE.tool, arguments: args };
        return [Evaluate.requestSerialize({ request: toWireRequest({ ...BASE, ...(tool && { tool }) }) })];
      },
      decode: ([bytes]) => read(bytes).tool?.arguments,
    },
    {
      name: 'google.protobuf.Struct',
      encode(args) {
        const rest = Evaluate.requestSerialize({ request: toWireRequest({ ...BASE }) });
        return args === undefined ? [rest] : [rest, carrier.serialize({ arguments: toStruct(args) })];
      },
      decode([rest, bytes]) {
        read(rest ?? plain);
        return bytes === undefined ? undefined : fromStruct(carrier.deserialize(bytes).arguments ?? {});
      },
    },
  ];
}

/** Microseconds per call in the fastest slice, which other work on the machine disturbed least; the first warms up. */
function timed(budgetMs: number, call: () => unknown): number {
  const slice = budgetMs / SLICES;
  const figures: number[] = [];
  for (let round = 0; round <= SLICES; round += 1) {
    const startedAt = performance.now();
    let calls = 0;
    let elapsed = 0;
    while (elapsed < slice) {
      for (let n = 0; n < 16; n += 1) call();
      calls += 16;
      elapsed = performance.now() - startedAt;
    }
    if (round > 0) figures.push((elapsed * 1000) / calls);
  }
  return Math.min(...figures);
}

/**
 * Encode and decode time, and bytes, per size, shape and encoding.
 * @throws Error when an encoding does not give back what went in: then the numbers would mean nothing
 */
export function benchArgumentsEncoding(options: ArgumentsBenchOptions = {}): Promise<readonly Row[]> {
  const { budgetMs = 600 } = options;
  const cases: [string, JsonObject | undefined][] = [['no arguments', undefined]];
  for (const kilobytes of [0.5, 4, 64]) {
    for (const [shape, make] of Object.entries(SHAPES))
      cases.push([`${kilobytes} kB, ${shape}`, make(kilobytes * 1024)]);
  }
  const rows: Row[] = [];
  const compared = subjects();
  for (const [name, args] of cases) {
    for (const subject of compared) {
      const parts = subject.encode(args);
      if (JSON.stringify(subject.decode(parts)) !== JSON.stringify(args))
        throw new Error(`${subject.name} changed ${name}`);
      const row = (metric: string, value: number, unit: string): void => {
        rows.push({
          bench: BENCH,
          case: name,
          subject: subject.name,
          metric,
          value: Number(value.toPrecision(3)),
          unit,
        });
      };
      row(
        'encode',
        timed(budgetMs, () => subject.encode(args)),
        'µs',
      );
      row(
        'decode',
        timed(budgetMs, () => subject.decode(parts)),
        'µs',
      );
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      rows.push({ bench: BENCH, case: name, subject: subject.name, metric: 'size', value: size, unit: 'bytes' });
    }
  }
  return Promise.resolve(rows);
}
