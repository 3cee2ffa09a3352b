import { z } from 'zod';
import { environmentScope } from '../dsl/schema.js';
import { MODULE_ENGINES } from '../engine/ir.js';
import { LAYERS } from '../model/decision.js';
import type { Json, Problem } from '../model/index.js';
import { MODULE_LIMITS } from '../modules/limits.js';
import type { ModuleDocument } from './bundle-document.js';

/** Files of modules stand in folders below this one, named after their sets. */
export const MODULES = 'portcullis/modules/';

/** The name of a module's file in the bundle. */
export function packedName(set: string, file: string): string {
  return `${MODULES}${set}/${file}`;
}

/** What the bundle's document says of its modules; their files stand beside it. */
export function packedModulesShape(): ReturnType<typeof buildShape> {
  return buildShape();
}

// Built at each call, so that importing this file costs nothing.
function buildShape() {
  return z.array(
    z.strictObject({
      name: z.string(),
      layer: z.enum(LAYERS),
      tenant: z.string().optional(),
      workspace: z.string().optional(),
      environments: environmentScope().optional(),
      engine: z.enum(MODULE_ENGINES),
      entrypoint: z.string().optional(),
      folder: z.string().min(1),
      files: z.array(z.string().min(1)).min(1).max(MODULE_LIMITS.files),
    }),
  );
}
/** See {@link packedModulesShape}. */
export type PackedModules = z.output<ReturnType<typeof buildShape>>;

/** The modules without the content of their files. */
export function describeModules(modules: readonly ModuleDocument[]): Json {
  return modules.map(({ files, ...module }) => ({ ...module, files: [...files.keys()].sort() }));
}

/** The files of modules, under their names in the bundle. */
export function moduleFiles(modules: readonly ModuleDocument[]): readonly (readonly [string, Uint8Array])[] {
  return modules.flatMap(({ name, files }) =>
    [...files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([file, bytes]): readonly [string, Uint8Array] => [packedName(name, file), bytes]),
  );
}

/** Gathers the files of the modules. A file that is missing, or that no module names, is a problem. */
export function readPackedModules(
  packed: PackedModules,
  files: ReadonlyMap<string, Uint8Array>,
  problems: Problem[],
): readonly ModuleDocument[] {
  const left = new Set([...files.keys()].filter((name) => name.startsWith(MODULES)));
  const modules = packed.map((module): ModuleDocument => {
    const { tenant, workspace, environments, entrypoint, files: names, ...rest } = module;
    const own = new Map<string, Uint8Array>();
    for (const name of names) {
      const path = packedName(module.name, name);
      const bytes = files.get(path);
      left.delete(path);
      if (bytes === undefined) {
        problems.push({ code: 'ERR_BUNDLE_LAYOUT', message: 'the file is missing', path: '', file: path });
      } else own.set(name, bytes);
    }
    return {
      ...rest,
      ...(tenant === undefined ? {} : { tenant }),
      ...(workspace === undefined ? {} : { workspace }),
      ...(environments === undefined ? {} : { environments }),
      ...(entrypoint === undefined ? {} : { entrypoint }),
      files: own,
    };
  });
  for (const name of [...left].sort()) {
    const message = 'no module of the bundle has this file';
    problems.push({ code: 'ERR_BUNDLE_FILE_UNEXPECTED', message, path: '', file: name });
  }
  return modules;
}
