import { parseStrictJson } from '../json/parse.js';
import type { Environment } from './environment.js';
import type { SetFlag } from './flags.js';
import type { ConfigProblem } from './problem.js';
import { environmentName, type SettingPath } from './schema-paths.js';
import { loadYaml } from './yaml.js';

/** A value for one place of the configuration. */
export interface Override {
  readonly path: readonly string[];
  readonly value: unknown;
  /** `--set` or the variable's name. */
  readonly origin: string;
}

/** Overrides and what was wrong with the rest. */
export interface Overrides {
  readonly overrides: readonly Override[];
  readonly problems: readonly ConfigProblem[];
}

/** What Kubernetes injects for a service that is itself called `portcullis-<name>`. */
const KUBERNETES_LINK =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

function readValue(text: string, isText: boolean): { readonly value: unknown } | undefined {
  if (isText) return { value: text };
  const json = parseStrictJson(Buffer.from(text, 'utf8'));
  if (json.ok) return { value: json.value };
  const document = loadYaml().parseDocument(text, { version: '1.2' });
  try {
    return document.errors.length > 0 ? undefined : { value: document.toJS() };
  } catch {
    // Aliases are followed only here: one without an anchor, or too many of them.
    return undefined;
  }
}

/** Reads the variables of one service: every setting of the schema has exactly one name. */
export function environmentOverrides(service: string, settings: readonly SettingPath[], env: Environment): Overrides {
  const overrides: Override[] = [];
  const problems: ConfigProblem[] = [];
  const prefix = `${environmentName(service, [])}_`;
  const byName = new Map(settings.map((setting) => [environmentName(service, setting.path), setting]));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || text === undefined) continue;
    const setting = byName.get(name);
    if (setting === undefined) {
      if (KUBERNETES_LINK.test(name)) continue;
      problems.push({ code: 'ERR_CONFIG_INVALID', message: 'names no setting', path: '', origin: name });
      continue;
    }
    // A Kubernetes service link may have the very name of a setting; `tcp://…` is never meant as one.
    if (KUBERNETES_LINK.test(name) && /^(?:tcp|udp|sctp):\/\//.test(text)) continue;
    const read = readValue(text, setting.isText);
    if (read === undefined) {
      problems.push({
        code: 'ERR_CONFIG_INVALID',
        message: 'value is not valid YAML',
        path: setting.path.join('.'),
        origin: name,
      });
    } else overrides.push({ path: setting.path, value: read.value, origin: name });
  }
  // Shorter paths first, so that a whole object given by one variable does not undo a setting given by another.
  overrides.sort((a, b) => a.path.length - b.path.length);
  return { overrides, problems };
}

/** Reads `--set` flags in their order; a later one wins. */
export function setOverrides(sets: readonly SetFlag[], settings: readonly SettingPath[]): Overrides {
  const overrides: Override[] = [];
  const problems: ConfigProblem[] = [];
  const text = new Set(settings.filter((setting) => setting.isText).map((setting) => setting.path.join('.')));
  for (const flag of sets) {
    const path = flag.path.split('.');
    const read = readValue(flag.value, text.has(flag.path));
    if (path.some((part) => part === '' || part === '__proto__' || part === 'constructor' || part === 'prototype')) {
      problems.push({ code: 'ERR_CONFIG_FLAG', message: 'is not a path', path: flag.path, origin: '--set' });
    } else if (read === undefined) {
      problems.push({ code: 'ERR_CONFIG_FLAG', message: 'value is not valid YAML', path: flag.path, origin: '--set' });
    } else overrides.push({ path, value: read.value, origin: '--set' });
  }
  return { overrides, problems };
}

/** A copy of `document` with one place replaced; objects on the way are made, list places must exist. */
export function withOverride(document: unknown, path: readonly string[], value: unknown): unknown {
  const [head, ...tail] = path;
  if (head === undefined) return value;
  if (Array.isArray(document)) {
    const index = Number(head);
    if (!Number.isInteger(index) || index < 0 || index > document.length)
      return { [head]: withOverride(undefined, tail, value) };
    const copy: unknown[] = [...document];
    copy[index] = withOverride(copy[index], tail, value);
    return copy;
  }
  const object = typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};
  return { ...object, [head]: withOverride(object[head], tail, value) };
}
