import { describe, expect, test } from '@jest/globals';
import { BUILT_IN_FIELDS, findField } from './fields.js';

describe('findField', () => {
  test.each(BUILT_IN_FIELDS.map((path) => ({ path })))('knows $path', ({ path }) => {
    const lookup = findField(path);
    expect('field' in lookup && lookup.field.path).toBe(path);
  });

  test.each([
    { path: 'tool.arguments.path', segments: ['tool', 'arguments', 'path'], type: 'any' },
    { path: 'tool.arguments.a.b.c', segments: ['tool', 'arguments', 'a', 'b', 'c'], type: 'any' },
    { path: 'agent.attributes.cost\\.center', segments: ['agent', 'attributes', 'cost.center'], type: 'any' },
    { path: 'agent.attributes.back\\\\slash', segments: ['agent', 'attributes', 'back\\slash'], type: 'any' },
    { path: 'context.delegation.by', segments: ['context', 'delegation', 'by'], type: 'any' },
    { path: 'context.approval.id', segments: ['context', 'approval', 'id'], type: 'any' },
    { path: 'intent_risk.risk_dimensions.x', segments: ['intent_risk', 'risk_dimensions', 'x'], type: 'number' },
    { path: 'tool.arguments.0', segments: ['tool', 'arguments', '0'], type: 'any' },
  ])('reads $path', ({ path, segments, type }) => {
    expect(findField(path)).toMatchObject({ field: { path, segments, type } });
  });

  test.each([
    { path: 'user.tem', says: 'did you mean "user.team"?' },
    { path: 'user.team.name', says: 'unknown field' },
    { path: 'tool.argument.path', says: 'did you mean "tool.arguments.path"?' },
    { path: 'agent.attribute.a\\.b', says: 'did you mean "agent.attributes.a\\.b"?' },
    { path: 'nonsense', says: 'unknown field "nonsense"' },
    { path: 'intent_risk.risk_dimensions.x.y', says: 'unknown field' },
    { path: 'intent_risk.behavioral_signals.details', says: 'unknown field' },
    { path: '', says: 'not a field path' },
    { path: 'user..team', says: 'not a field path' },
    { path: '.user', says: 'not a field path' },
    { path: 'user.team.', says: 'not a field path' },
    { path: 'tool.arguments.a\\b', says: 'not a field path' },
    { path: 'tool.arguments.a\\', says: 'not a field path' },
    { path: 'tool.arguments.__proto__.x', says: 'cannot have' },
    { path: 'tool.arguments.constructor', says: 'cannot have' },
    { path: 'toString', says: 'unknown field' },
    { path: 'hasOwnProperty.call', says: 'unknown field' },
    { path: `tool.arguments.${'a.'.repeat(20)}b`, says: 'more than' },
  ])('refuses "$path"', ({ path, says }) => {
    const lookup = findField(path);
    expect('problem' in lookup ? lookup.problem : 'found').toContain(says);
  });

  test('payload and personal data are marked', () => {
    const sensitive = (path: string): boolean => {
      const lookup = findField(path);
      return 'field' in lookup && lookup.field.sensitive;
    };
    expect(
      ['tool.arguments.x', 'user.attributes.x', 'user.email', 'request.query', 'request.output'].every(sensitive),
    ).toBe(true);
    expect(['agent.id', 'tool.name', 'user.team', 'context.labels'].some(sensitive)).toBe(false);
  });
});
