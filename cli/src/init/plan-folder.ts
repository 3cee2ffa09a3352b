import { policyJsonSchema } from '@portcullis/policy';
import type { PlannedFile } from '../files/private-files.js';
import { suiteJsonSchema } from '../testing/suite-json-schema.js';
import type { Template } from './templates.js';

/** Where editors find the schemas: a folder that begins with a dot is no part of the policies. */
const SCHEMAS = '.portcullis';
const POLICY_SCHEMA = `${SCHEMAS}/policy.schema.json`;
const SUITE_SCHEMA = `${SCHEMAS}/tests.schema.json`;

/** The line with which an editor's YAML support finds a schema. */
function schemaLine(schema: string): string {
  return `# yaml-language-server: $schema=../${schema}\n`;
}

function manifest(name: string, { set }: Template): string {
  return `format: portcullis.policy/1
name: ${name}
version: 0.1.0
default: deny
sets:
  - name: ${set}
    layer: tenant
    combining: priority
    priority_order: desc
    policies: ${set}
`;
}

/** The files of a new policy folder. */
export function planFolder(name: string, template: Template): readonly PlannedFile[] {
  const file = (path: string, content: string): PlannedFile => ({ path, content, secret: false });
  const json = (path: string, value: unknown): PlannedFile => file(path, `${JSON.stringify(value, null, 2)}\n`);
  return [
    file('bundle.yaml', manifest(name, template)),
    ...Object.entries(template.policies).map(([path, text]) =>
      file(`${template.set}/${path}`, schemaLine(POLICY_SCHEMA) + text),
    ),
    ...Object.entries(template.tests).map(([path, text]) => file(`tests/${path}`, schemaLine(SUITE_SCHEMA) + text)),
    json(POLICY_SCHEMA, policyJsonSchema()),
    json(SUITE_SCHEMA, suiteJsonSchema()),
    json('.vscode/settings.json', {
      'yaml.schemas': { [POLICY_SCHEMA]: `${template.set}/**/*.yaml`, [SUITE_SCHEMA]: 'tests/**/*.yaml' },
    }),
    file('.gitignore', '*.tar.gz\n*.sarif\nreport.xml\n'),
  ];
}
