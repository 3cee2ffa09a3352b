import { expect, test } from '@jest/globals';
import { loadDecisionService } from '@portcullis/proto';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { pipelineParts } from '../fixtures/pipeline.js';
import { engineOf } from '../fixtures/policies.js';
import { rehearsePipeline } from './rehearse-pipeline.js';

test('nobody is to look at what is only rehearsed', async () => {
  const all = { field: 'tenant_id', operator: 'exists', value: true };
  const engine = engineOf([
    { name: 'Look', effect: 'escalate', when: all, priority: 90 },
    { name: 'Go', effect: 'allow', when: all, priority: 10 },
  ]);
  const clock = createFakeClock();
  const asked: string[] = [];
  const accept = async ({ id }: { readonly id: string }): Promise<boolean> => asked.push(id) > 0;
  const reviews = { required: false, accept, withdraw: async () => undefined };
  let decided = 0;
  await rehearsePipeline(
    {
      ...pipelineParts(engine, clock),
      newDecisionId: () => {
        decided += 1;
        return '00000000-0000-4000-8000-000000000001';
      },
      reviews,
    },
    { service: loadDecisionService(), clock },
  );
  expect(decided).toBeGreaterThan(0);
  expect(asked).toEqual([]);
});
