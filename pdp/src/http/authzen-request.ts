/**
 * What an AuthZEN request must look like (OpenID AuthZEN Authorization API 1.0, "Information Model" and "JSON
 * Serialization"): required members and types are insisted on, members that are not known are ignored.
 */

import type { Checked, JsonObject, Problem } from '@portcullis/policy/model';
import type { Json } from '@portcullis/runtime';
import { isObject } from './body.js';
import { invalidRequest } from './problems.js';

/** A subject or a resource. */
export interface Entity {
  readonly type: string;
  readonly id: string;
  readonly properties: JsonObject;
}

/** One evaluation. */
export interface Evaluation {
  readonly subject: Entity;
  readonly action: { readonly name: string; readonly properties: JsonObject };
  readonly resource: Entity;
  readonly context: JsonObject;
}

/** How a batch goes on after each answer. */
export const SEMANTICS = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
/** One of {@link SEMANTICS}. */
export type Semantic = (typeof SEMANTICS)[number];

/** A batch; an evaluation that is not one is an error of its own place and of no other. */
export interface Batch {
  readonly semantic: Semantic;
  readonly evaluations: readonly Checked<Evaluation>[];
}

/** A batch holds no more, as over gRPC. */
export const MAX_EVALUATIONS = 256;

const MEMBERS = ['subject', 'action', 'resource', 'context'] as const;
const NOTHING: JsonObject = {};

/** Reads a single evaluation. @throws PortcullisError kind `invalid` with the first thing that is wrong. */
export function readEvaluation(body: JsonObject): Evaluation {
  const checked = checkEvaluation(body);
  if (checked.ok) return checked.value;
  const [problem] = checked.problems;
  throw invalidRequest(problem?.message ?? 'is not an evaluation', problem?.path ?? '');
}

/**
 * Reads a batch. `undefined` when it is a single evaluation after all: without evaluations it behaves as one.
 * @throws PortcullisError kind `invalid` for what concerns the whole of it.
 */
export function readBatch(body: JsonObject): Batch | undefined {
  const { evaluations } = body;
  if (evaluations !== undefined && !Array.isArray(evaluations)) {
    throw invalidRequest(`expected a list, found ${kindOf(evaluations)}`, 'evaluations');
  }
  const semantic = readSemantic(body['options']);
  const list = (evaluations ?? []) as readonly Json[];
  if (list.length === 0) return undefined;
  if (list.length > MAX_EVALUATIONS) {
    throw invalidRequest(`expected at most ${MAX_EVALUATIONS}, found ${list.length}`, 'evaluations');
  }
  for (const member of MEMBERS) {
    const problem = body[member] === undefined ? undefined : CHECKS[member](body[member]);
    if (problem !== undefined) throw invalidRequest(problem.message, problem.path);
  }
  const defaults = Object.fromEntries(
    MEMBERS.flatMap((member) => (body[member] === undefined ? [] : [[member, body[member]] as const])),
  );
  return {
    semantic,
    // Whole entities take the place of defaults; nothing is merged inside of them.
    evaluations: list.map((one) =>
      isObject(one)
        ? checkEvaluation({ ...defaults, ...one })
        : { ok: false, problems: [shape('', `expected an object, found ${kindOf(one)}`)] },
    ),
  };
}

function readSemantic(options: Json | undefined): Semantic {
  if (options === undefined) return 'execute_all';
  if (!isObject(options)) throw invalidRequest(`expected an object, found ${kindOf(options)}`, 'options');
  const asked = options['evaluations_semantic'];
  if (asked === undefined) return 'execute_all';
  const known = SEMANTICS.find((one) => one === asked);
  if (known === undefined)
    throw invalidRequest(`expected one of ${SEMANTICS.join(', ')}`, 'options.evaluations_semantic');
  return known;
}

function checkEvaluation(from: JsonObject): Checked<Evaluation> {
  for (const member of MEMBERS) {
    const problem = CHECKS[member](from[member]);
    if (problem !== undefined) return { ok: false, problems: [problem] };
  }
  const subject = from['subject'] as JsonObject;
  const action = from['action'] as JsonObject;
  const resource = from['resource'] as JsonObject;
  return {
    ok: true,
    value: {
      subject: entityOf(subject),
      action: { name: action['name'] as string, properties: (action['properties'] ?? NOTHING) as JsonObject },
      resource: entityOf(resource),
      context: (from['context'] ?? NOTHING) as JsonObject,
    },
  };
}

/** Of a checked entity. */
function entityOf(from: JsonObject): Entity {
  return {
    type: from['type'] as string,
    id: from['id'] as string,
    properties: (from['properties'] ?? NOTHING) as JsonObject,
  };
}

const CHECKS: Readonly<Record<(typeof MEMBERS)[number], (value: Json | undefined) => Problem | undefined>> = {
  subject: (value) => checkEntity('subject', value, ['type', 'id']),
  action: (value) => checkEntity('action', value, ['name']),
  resource: (value) => checkEntity('resource', value, ['type', 'id']),
  context: (value) =>
    value === undefined || isObject(value) ? undefined : shape('context', `expected an object, found ${kindOf(value)}`),
};

function checkEntity(name: string, value: Json | undefined, required: readonly string[]): Problem | undefined {
  if (value === undefined) return shape(name, 'is required');
  if (!isObject(value)) return shape(name, `expected an object, found ${kindOf(value)}`);
  for (const member of required) {
    const found = value[member];
    if (found === undefined) return shape(`${name}.${member}`, 'is required');
    if (typeof found !== 'string') return shape(`${name}.${member}`, `expected a string, found ${kindOf(found)}`);
  }
  const properties = value['properties'];
  return properties === undefined || isObject(properties)
    ? undefined
    : shape(`${name}.properties`, `expected an object, found ${kindOf(properties)}`);
}

function shape(path: string, message: string): Problem {
  return { code: 'ERR_HTTP_INVALID', message, path };
}

function kindOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
