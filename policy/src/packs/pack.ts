import { fileNameFault } from '../bundle/file-name.js';
import { createFindings, type Excerpt, excerptOf, type Findings } from '../dsl/findings.js';
import type { PolicySource } from '../dsl/policy-head.js';
import { reportShape } from '../dsl/shape-problems.js';
import { childPath, parseSourceDocument } from '../dsl/source-document.js';
import type { Checked } from '../model/problem.js';
import type { Json, JsonObject } from '../model/request.js';
import { PACK_MANIFEST, type PackShape, packShape } from './pack-shape.js';
import {
  createParameterSchemas,
  createSchemaCompiler,
  type ParameterSchemas,
  type SchemaCompiler,
} from './parameters.js';
import { referencesOf } from './references.js';

/** A pack as it stands in a folder of the source: its manifest and its policies, not yet filled in. */
export interface Pack {
  /** Its folder inside the source. */
  readonly folder: string;
  readonly manifest: PackShape;
  /** `name@version`. */
  readonly id: string;
  /** `pack.yaml`, for problems about it. */
  readonly where: Excerpt;
  readonly parameters: ParameterSchemas;
  /** By name; each may refer to parameters and to definitions before it. */
  readonly definitions: ReadonlyMap<string, PolicySource>;
  readonly templates: readonly PolicySource[];
  /** Every file of the folder that belongs to the pack, tests and papers included. */
  readonly files: readonly string[];
}

/** Packs lie at most this deep, so that their policies stay within the depth of a source. */
export const MAX_PACK_DEPTH = 4;

const DOCUMENT = /\.(yaml|yml|json)$/;
const PAPER = /(^|\/)(LICENSE|[^/]*\.md)$/;

/**
 * Reads the pack in `folder` ('' for the root) of the files of a source.
 * @param compiler to share, when several packs are read
 */
export function readPack(
  files: ReadonlyMap<string, Uint8Array>,
  folder: string,
  compiler: SchemaCompiler = createSchemaCompiler(),
): Checked<Pack> {
  const findings = createFindings();
  const pack = readPackInto(files, folder, { findings, compiler });
  return pack === undefined || findings.count > 0
    ? { ok: false, problems: findings.sorted() }
    : { ok: true, value: pack };
}

/** As {@link readPack}, but reports into `findings`; nothing when the pack has problems. */
export function readPackInto(
  files: ReadonlyMap<string, Uint8Array>,
  folder: string,
  { findings, compiler }: { readonly findings: Findings; readonly compiler: SchemaCompiler },
): Pack | undefined {
  const before = findings.count;
  const prefix = folder === '' ? '' : `${folder}/`;
  const file = `${prefix}${PACK_MANIFEST}`;
  const bytes = files.get(file);
  if (bytes === undefined) {
    const message = `${PACK_MANIFEST} is missing: the file that names the pack and its parameters`;
    findings.addAll([{ code: 'ERR_BUNDLE_LAYOUT', message, path: '', file }]);
    return undefined;
  }
  const document = parseSourceDocument(file, bytes);
  if (!document.ok) {
    findings.addAll(document.problems);
    return undefined;
  }
  const where = excerptOf(document.value, '');
  const parsed = packShape().safeParse(document.value.value);
  const members = [...files.keys()].filter((name) => name.startsWith(prefix)).sort();
  const templates = members.flatMap((name) => readMember(name, prefix, files, findings));
  if (!parsed.success) {
    reportShape(parsed.error, { where, findings, known: Object.keys(packShape().shape) });
    return undefined;
  }
  const manifest = parsed.data;
  if (templates.length === 0 && findings.count === before) {
    const message = `the pack has no policies: expected files in ${prefix}policies/`;
    findings.addAll([{ code: 'ERR_BUNDLE_LAYOUT', message, path: '', file }]);
  }
  const written = document.value.value as { readonly parameters?: JsonObject; readonly definitions?: JsonObject };
  const parameters = createParameterSchemas(written.parameters ?? {}, { where, findings, compiler });
  const definitions = new Map(
    Object.entries(written.definitions ?? {}).map(([name, value]): [string, PolicySource] => {
      if (Object.hasOwn(written.parameters ?? {}, name)) {
        const path = childPath('definitions', name);
        findings.add(where, path, 'ERR_PACK_SHAPE', `"${name}" is already the name of a parameter`, 'key');
      }
      return [name, { ...excerptOf(document.value, childPath('definitions', name)), document: value }];
    }),
  );
  reportUnused({ parameters: parameters.names, definitions: [...definitions.keys()] }, definitions, templates, {
    where,
    findings,
  });
  if (findings.count > before) return undefined;
  const id = `${manifest.name}@${manifest.version}`;
  return { folder, manifest, id, where, parameters, definitions, templates, files: members };
}

/** The templates of one file of a pack; none for a test or a paper. */
function readMember(
  name: string,
  prefix: string,
  files: ReadonlyMap<string, Uint8Array>,
  findings: Findings,
): readonly PolicySource[] {
  const inside = name.slice(prefix.length);
  if (inside === PACK_MANIFEST || inside.startsWith('tests/') || PAPER.test(name)) return [];
  const fault = fileNameFault(name, Number.MAX_SAFE_INTEGER);
  if (fault !== undefined) return [];
  if (!inside.startsWith('policies/') || !DOCUMENT.test(name)) {
    const message = inside.startsWith('policies/')
      ? 'a policy file ends in .yaml, .yml or .json'
      : `a pack is ${PACK_MANIFEST}, policies/, tests/ and papers (*.md, LICENSE)`;
    findings.addAll([{ code: 'ERR_BUNDLE_FILE_UNEXPECTED', message, path: '', file: name }]);
    return [];
  }
  const parsed = parseSourceDocument(name, files.get(name) ?? new Uint8Array());
  if (!parsed.ok) {
    findings.addAll(parsed.problems);
    return [];
  }
  const { value } = parsed.value;
  const documents = Array.isArray(value) ? (value as readonly Json[]) : undefined;
  if (documents === undefined) return [{ ...excerptOf(parsed.value, ''), document: value }];
  return documents.map((document, index) => ({ ...excerptOf(parsed.value, childPath('', index)), document }));
}

/** What no policy reads looks as if it did something. */
function reportUnused(
  names: { readonly [section: string]: readonly string[] },
  definitions: ReadonlyMap<string, PolicySource>,
  templates: readonly PolicySource[],
  { where, findings }: { readonly where: Excerpt; readonly findings: Findings },
): void {
  const used = new Set([...templates, ...definitions.values()].flatMap(({ document }) => referencesOf(document)));
  for (const [section, members] of Object.entries(names)) {
    for (const name of members) {
      if (used.has(name)) continue;
      const message = `no policy uses ${name}`;
      findings.add(where, childPath(section, name), 'ERR_PACK_SHAPE', message, 'key');
    }
  }
}
