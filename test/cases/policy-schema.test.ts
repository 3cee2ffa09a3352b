import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { policyJsonSchema } from '@portcullis/policy';
import { repositoryRoot } from '../support/root.js';

test('the published JSON Schema of a policy is the one the compiler generates', () => {
  const published: unknown = JSON.parse(
    readFileSync(join(repositoryRoot(), 'proto/schema/policy.schema.json'), 'utf8'),
  );
  expect(published).toEqual(policyJsonSchema());
});
