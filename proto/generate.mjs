/**
 * Regenerates src/gen from the .proto files, with the options that `loadDecisionService` passes at run time.
 * The output is committed; `test/docs/generate.ts --check` regenerates it elsewhere and fails on a difference.
 *
 *   node proto/generate.mjs [--out DIR]   DIR instead of src/gen; its content is replaced
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = values.out === undefined ? join(here, 'src', 'gen') : resolve(values.out);
const generator = createRequire(import.meta.url).resolve('@grpc/proto-loader/build/bin/proto-loader-gen-types.js');
const sources = ['portcullis', 'gateways']
  .flatMap((folder) =>
    readdirSync(join(here, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(here, folder, name)),
  )
  .filter((file) => file.endsWith('.proto'))
  .map((file) => relative(here, file))
  .toSorted((one, other) => one.localeCompare(other));

rmSync(out, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [
    generator,
    '--keepCase',
    '--longs=String',
    '--enums=String',
    '--oneofs',
    '--grpcLib=@grpc/grpc-js',
    '--importFileExtension=.js',
    '--includeComments',
    '--includeDirs',
    here,
    '--outDir',
    out,
    ...sources,
  ],
  { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] },
);

// The generator heads each file, and each service in it, with the absolute path of its source, which differs from one checkout to the next.
for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))) {
  const file = join(out, name);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(`// Original file: ${here}/`, '// Original file: proto/'));
}
