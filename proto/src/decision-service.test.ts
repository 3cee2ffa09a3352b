import { describe, expect, test } from '@jest/globals';
import { DECISION_SERVICE_NAME, loadDecisionPackage, loadDecisionService } from './decision-service.js';

const service = loadDecisionService();

describe('loadDecisionService', () => {
  test('has the methods of decision.proto, with their directions', () => {
    const methods = Object.entries(service).map(([name, method]) => [
      name,
      method.path,
      method.requestStream,
      method.responseStream,
    ]);
    expect(methods).toEqual([
      ['Evaluate', '/portcullis.v1.DecisionService/Evaluate', false, false],
      ['EvaluateBatch', '/portcullis.v1.DecisionService/EvaluateBatch', false, false],
      ['Decide', '/portcullis.v1.DecisionService/Decide', true, true],
      ['Watch', '/portcullis.v1.DecisionService/Watch', false, true],
      ['Settle', '/portcullis.v1.DecisionService/Settle', false, false],
    ]);
  });

  test('keeps what was not said absent, so that zero bytes say nothing', () => {
    expect(service.Evaluate.responseDeserialize(Buffer.alloc(0))).toEqual({});
    expect(service.Decide.responseDeserialize(Buffer.alloc(0))).toEqual({});
  });

  test('keeps the case of names, and names the case of a oneof', () => {
    const asked = { id: 7, evaluate: { request: { tenant_id: 'acme' } } };
    const bytes = service.Decide.requestSerialize({ questions: [asked] });
    expect(service.Decide.requestDeserialize(bytes)).toEqual({ questions: [{ ...asked, ask: 'evaluate' }] });
  });

  test('messages of Decide concatenate', () => {
    const one = service.Decide.requestSerialize({ questions: [{ id: 1, ping: {} }] });
    const other = service.Decide.requestSerialize({ questions: [{ id: 2 }, { id: 3 }] });
    expect(service.Decide.requestDeserialize(Buffer.concat([one, other])).questions?.map(({ id }) => id)).toEqual([
      1, 2, 3,
    ]);
  });

  test('comes from a package that was read before, for reflection', () => {
    const loaded = loadDecisionPackage();
    const { Decide } = loaded[DECISION_SERVICE_NAME] as unknown as ReturnType<typeof loadDecisionService>;
    expect(loadDecisionService(loaded).Decide.requestType).toBe(Decide.requestType);
    expect(Object.keys(loaded)).toContain('portcullis.v1.Decision');
  });
});
