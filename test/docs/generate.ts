/**
 * `npm run gen`: writes docs/reference and proto/schema/policy.schema.json from the tables and schemas of the sources.
 *
 *   node test/dist/docs/generate.js           writes
 *   node test/dist/docs/generate.js --check   names what differs, proto/src/gen included, and exits with 1
 *
 * Both also fail when an error code is not described, or described and not used.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { commandReference } from '@portcullis/cli';
import { repositoryRoot } from '../support/root.js';
import { conditionsPage } from './conditions-page.js';
import { configPages } from './config-pages.js';
import { denyCodesPage } from './deny-codes-page.js';
import { drift } from './drift.js';
import { errorParity, errorsPage } from './errors-page.js';
import { lintPage } from './lint-page.js';
import { mcpMethodsPage } from './mcp-methods-page.js';
import { metricsPage } from './metrics-page.js';
import { packsPage } from './packs-page.js';
import type { Page } from './page.js';
import { pdpOpenapi } from './pdp-openapi.js';
import { policyLanguagePage } from './policy-language-page.js';
import { policySchemaFile } from './policy-schema.js';
import { policyTypesPage } from './policy-types-page.js';
import { riskSignalsPage } from './risk-signals-page.js';
import { WIRE_TYPES_FOLDER, wireTypeFiles } from './wire-types.js';

const root = repositoryRoot();

function pages(): readonly Page[] {
  return [
    ...configPages(),
    { path: 'docs/reference/cli.md', text: `${commandReference().trimEnd()}\n` },
    metricsPage(),
    denyCodesPage(),
    errorsPage(root),
    mcpMethodsPage(),
    conditionsPage(),
    lintPage(),
    policyLanguagePage(),
    packsPage(),
    policyTypesPage(),
    riskSignalsPage(),
    pdpOpenapi(root),
    policySchemaFile(root),
  ];
}

function main(): number {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const parity = errorParity(root);
  for (const line of parity) process.stderr.write(`${line}\n`);
  if (parity.length > 0) return 1;
  if (!values.check) {
    for (const { path, text } of pages()) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
      process.stdout.write(`${path}\n`);
    }
    return 0;
  }
  const generated = [...pages(), ...wireTypeFiles(root)];
  const found = drift(root, generated, ['docs/reference', WIRE_TYPES_FOLDER]);
  for (const text of found) process.stderr.write(`${text}\n`);
  if (found.length > 0) process.stderr.write('Run "npm run gen" and commit what it changes.\n');
  else process.stdout.write(`${generated.length} generated files are up to date\n`);
  return found.length === 0 ? 0 : 1;
}

process.exitCode = main();
