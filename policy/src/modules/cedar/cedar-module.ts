import { createFindings } from '../../dsl/findings.js';
import type { ModuleIr } from '../../engine/ir.js';
import type { Checked } from '../../model/problem.js';
import type { Json, JsonObject } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';
import { bytesOf, type ModuleReport, readJson, readText, report } from '../module-files.js';
import type { CedarLibrary } from './cedar-library.js';
import { type CedarPolicy, readCedarPolicies, reportCedarError } from './cedar-policies.js';
import type { CedarEntity } from './cedar-request.js';
import { BRACKETS, blankComments, measureDepth } from './cedar-text.js';

/** The file with the schema that policies and entities are checked against. */
export const CEDAR_SCHEMA = 'schema.cedarschema';
/** The file with entities that every request is evaluated among: groups, and what is known of agents and tools. */
export const CEDAR_ENTITIES = 'entities.json';

/** A module in Cedar that passed every check. */
export interface CedarModule {
  readonly policies: readonly CedarPolicy[];
  readonly entities: readonly CedarEntity[];
}

/** Reads and checks the files of a module. All problems are returned, with their places. */
export function readCedarModule(library: CedarLibrary, ir: ModuleIr): Checked<CedarModule> {
  const to: ModuleReport = { ir, findings: createFindings() };
  for (const [name] of ir.files) {
    if (name.endsWith('.cedar') || name === CEDAR_SCHEMA || name === CEDAR_ENTITIES) continue;
    const message = `a module in Cedar has *.cedar files, ${CEDAR_SCHEMA} and ${CEDAR_ENTITIES}, and no other file`;
    report(to, name, 'ERR_BUNDLE_FILE_UNEXPECTED', message);
  }
  const schema = readSchema(library, to);
  const policies = readCedarPolicies(library, to);
  const entities = readEntities(library, to, schema);
  if (policies.length === 0 && to.findings.count === 0) {
    report(to, '', 'ERR_MODULE_POLICY', 'the module has no policy');
  }
  if (schema !== undefined && to.findings.count === 0) validate(library, to, policies, schema);
  if (to.findings.count > 0) return { ok: false, problems: to.findings.sorted() };
  return { ok: true, value: { policies, entities } };
}

function readSchema(library: CedarLibrary, to: ModuleReport): string | undefined {
  if (bytesOf(to.ir, CEDAR_SCHEMA) === undefined) return undefined;
  const text = readText(to, CEDAR_SCHEMA, MODULE_LIMITS.cedar.schemaBytes);
  if (text === undefined) return undefined;
  const blanked = blankComments(text);
  if (measureDepth(blanked, BRACKETS.schema) > MODULE_LIMITS.cedar.depth) {
    report(to, CEDAR_SCHEMA, 'ERR_MODULE_TOO_LARGE', 'a type is nested too deeply');
    return undefined;
  }
  const answer = library.checkParseSchema(blanked);
  if (answer.type === 'success') return blanked;
  const whole = { file: CEDAR_SCHEMA, fileText: blanked, start: 0 };
  for (const error of answer.errors) reportCedarError(to, whole, error);
  return undefined;
}

function readEntities(library: CedarLibrary, to: ModuleReport, schema: string | undefined): readonly CedarEntity[] {
  const document = readJson(to, CEDAR_ENTITIES, MODULE_LIMITS.cedar.entityBytes, []);
  if (document === undefined) return [];
  if (!Array.isArray(document) || !document.every(isEntity)) {
    report(to, CEDAR_ENTITIES, 'ERR_MODULE_FILE', 'expected a list of entities {uid: {type, id}, attrs, parents}');
    return [];
  }
  if (document.length > MODULE_LIMITS.cedar.entities) {
    const message = `the module has ${document.length} entities, at most ${MODULE_LIMITS.cedar.entities}`;
    report(to, CEDAR_ENTITIES, 'ERR_MODULE_TOO_LARGE', message);
    return [];
  }
  const entities = document.map(({ uid, attrs, parents, ...rest }) => ({
    ...rest,
    uid,
    attrs: attrs ?? {},
    parents: parents ?? [],
  })) as unknown as Parameters<CedarLibrary['checkParseEntities']>[0]['entities'];
  const answer = library.checkParseEntities({ entities, ...(schema === undefined ? {} : { schema }) });
  if (answer.type === 'success') return entities as unknown as readonly CedarEntity[];
  for (const error of answer.errors) report(to, CEDAR_ENTITIES, 'ERR_MODULE_FILE', error.message);
  return [];
}

function isEntity(value: Json): value is JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const uid = (value as JsonObject)['uid'] as JsonObject | null | undefined;
  return typeof uid === 'object' && uid !== null && typeof uid['type'] === 'string' && typeof uid['id'] === 'string';
}

function validate(library: CedarLibrary, to: ModuleReport, policies: readonly CedarPolicy[], schema: string): void {
  const staticPolicies = Object.fromEntries(policies.map((policy) => [policy.rule.id, policy.text]));
  const answer = library.validate({ schema, policies: { staticPolicies } });
  if (answer.type === 'failure') {
    for (const error of answer.errors) report(to, CEDAR_SCHEMA, 'ERR_MODULE_POLICY', error.message);
    return;
  }
  for (const { policyId, error } of answer.validationErrors) {
    const policy = policies.find(({ rule }) => rule.id === policyId);
    if (policy === undefined) report(to, CEDAR_SCHEMA, 'ERR_MODULE_POLICY', error.message);
    else reportCedarError(to, policy, error);
  }
}
