import { distributorConfig } from '@portcullis/distributor';
import { pdpConfig } from '@portcullis/pdp';
import { environmentName } from '@portcullis/runtime';
import { sidecarConfig } from '@portcullis/sidecar';
import { z } from 'zod';
import { code, markdownPage, type Page, table } from './page.js';
import { schemaRows } from './schema-rows.js';

const SERVICES = [
  { name: 'pdp', schema: pdpConfig, what: 'policy decision point', modes: '' },
  {
    name: 'sidecar',
    schema: sidecarConfig,
    what: 'sidecar',
    modes: ' With the mode `mcp` as its first argument it wraps the MCP server whose command comes after `--`.',
  },
  { name: 'distributor', schema: distributorConfig, what: 'distributor', modes: '' },
] as const satisfies readonly { name: string; schema: z.ZodType; what: string; modes: string }[];

/** `docs/reference/config-<service>.md` of every service, from its schema. */
export function configPages(): readonly Page[] {
  return SERVICES.map(({ name, schema, what, modes }) => {
    // The same view of the schema that the loader names settings by.
    const rows = schemaRows(z.toJSONSchema(schema, { io: 'input', reused: 'inline' }));
    const silent = rows.filter((row) => row.description === '').map(({ path }) => path);
    if (silent.length > 0) throw new Error(`settings of ${name} without .describe(): ${silent.join(', ')}`);
    return markdownPage(`docs/reference/config-${name}.md`, `Configuration of the ${what}`, [
      `What the ${what} reads once, at its start.${modes} Precedence: flag (\`--set path=value\`), then environment ` +
        'variable, then file (`--config FILE`, YAML or JSON), then default. Unknown keys are refused at every level; all ' +
        'problems are printed at once, and the exit code is then 64, before any port is bound. `--check-config` only ' +
        'checks, `--print-config` prints the result without secrets.',
      '`[]` stands for every element of a list and `<name>` for every key of a map. A variable cannot name those: it gives ' +
        'the whole list or map, as YAML or JSON. `--set` can name an element that exists: `--set list.0.key=value`. ' +
        'A setting that is required inside a group which is not is required when the group is given.',
      table(
        ['setting', 'type', 'default', 'range', 'meaning', 'environment variable'],
        rows.map(({ path, segments, type, fallback, range, description }) => [
          code(path),
          type,
          fallback,
          range,
          description,
          /\[\]|<name>/.test(path) ? '' : code(environmentName(name, segments)),
        ]),
      ),
    ]);
  });
}
