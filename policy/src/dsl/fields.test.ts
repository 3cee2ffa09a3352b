import { describe, expect, test } from '@jest/globals';
import { BUILT_IN_FIELDS, createFieldTable, findField } from './fields.js';

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
    { path: 'tool.arguments.a\\[any]', segments: ['tool', 'arguments', 'a[any]'], type: 'any' },
    { path: 'tool.arguments.a]b', segments: ['tool', 'arguments', 'a]b'], type: 'any' },
    { path: 'context.timestamp', segments: ['context', 'timestamp'], type: 'datetime' },
    { path: 'context.ip', segments: ['context', 'ip'], type: 'ip' },
    { path: 'facts.sinks', segments: ['facts', 'sinks'], type: 'string_list' },
    { path: 'facts.history', segments: ['facts', 'history'], type: 'object' },
  ])('reads $path', ({ path, segments, type }) => {
    expect(findField(path)).toMatchObject({ field: { path, segments, type } });
  });

  test.each([
    { path: 'tool.arguments.to[any]', type: 'any', quantifiers: [{ at: 2, quantifier: 'any' }] },
    { path: 'tool.arguments.to[all].domain', type: 'any', quantifiers: [{ at: 2, quantifier: 'all' }] },
    {
      path: 'tool.arguments.rows[any].cells[all]',
      type: 'any',
      quantifiers: [
        { at: 2, quantifier: 'any' },
        { at: 3, quantifier: 'all' },
      ],
    },
    {
      path: 'tool.arguments.matrix[any][all]',
      type: 'any',
      quantifiers: [
        { at: 2, quantifier: 'any' },
        { at: 2, quantifier: 'all' },
      ],
    },
    { path: 'context.labels[any]', type: 'string', quantifiers: [{ at: 1, quantifier: 'any' }] },
    { path: 'egress.resolved_ips[all]', type: 'ip', quantifiers: [{ at: 1, quantifier: 'all' }] },
    { path: 'facts.history[any].at', type: 'datetime', quantifiers: [{ at: 1, quantifier: 'any' }] },
    {
      path: 'facts.history[any].labels[all]',
      type: 'string',
      quantifiers: [
        { at: 1, quantifier: 'any' },
        { at: 2, quantifier: 'all' },
      ],
    },
    {
      path: 'intent_risk.behavioral_signals[all].details.score',
      type: 'any',
      quantifiers: [{ at: 1, quantifier: 'all' }],
    },
    { path: 'facts.history[any]', type: 'object', quantifiers: [{ at: 1, quantifier: 'any' }] },
  ])('asks of elements: $path', ({ path, type, quantifiers }) => {
    expect(findField(path)).toMatchObject({ field: { path, type, quantifiers } });
  });

  test('elements of a closed list have its members', () => {
    expect(findField('facts.history[all].effect')).toMatchObject({ field: { members: ['allow', 'deny', 'hold'] } });
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
    { path: 'user.team[any]', says: 'user.team is a string, not a list' },
    { path: 'tool.arguments[any]', says: 'not a list' },
    { path: 'context.labels[any].x', says: 'unknown field' },
    { path: 'context.labels[any][any]', says: 'not a list' },
    { path: 'facts.history.tool', says: 'did you mean' },
    { path: 'facts.history[any].tol', says: 'did you mean "facts.history[any].tool"?' },
    { path: 'tool.arguments.to[0]', says: '[any] or [all]' },
    { path: 'tool.arguments.to[some]', says: '[any] or [all]' },
    { path: 'tool.arguments.to[any]x', says: '[any] or [all]' },
    { path: 'tool.arguments.to[', says: '[any] or [all]' },
    { path: 'tool.arguments.[any]', says: 'not a field path' },
    { path: '[any]', says: 'not a field path' },
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

describe('a bundle with fields of its own', () => {
  const table = createFieldTable({
    'tool.attributes.sensitivity': { type: 'string', members: ['low', 'high'] },
    'agent.attributes.groups': { type: 'string_list' },
    'agent.attributes.limits.daily': { type: 'number' },
    'user.attributes.hired': { type: 'datetime' },
    'context.attributes.ports': { type: 'number_list' },
  });

  test.each([
    { path: 'tool.attributes.sensitivity', field: { type: 'string', members: ['low', 'high'], sensitive: true } },
    { path: 'agent.attributes.groups', field: { type: 'string_list' } },
    { path: 'agent.attributes.groups[any]', field: { type: 'string' } },
    { path: 'agent.attributes.limits.daily', field: { type: 'number' } },
    { path: 'agent.attributes.limits', field: { type: 'any' } },
    { path: 'agent.attributes.limits.monthly', field: { type: 'any' } },
    { path: 'user.attributes.hired', field: { type: 'datetime' } },
    { path: 'context.attributes.ports[all]', field: { type: 'number' } },
    { path: 'user.team', field: { type: 'string' } },
  ])('knows $path', ({ path, field }) => {
    expect(table.findField(path)).toMatchObject({ field });
  });

  test.each([
    { path: 'tool.attributes.sensitivity.x', says: 'unknown field' },
    { path: 'tool.attributes.sensitivity[any]', says: 'is a string, not a list' },
    { path: 'tool.attribute.sensitivity', says: 'did you mean "tool.attributes.sensitivity"?' },
  ])('refuses $path', ({ path, says }) => {
    const lookup = table.findField(path);
    expect('problem' in lookup ? lookup.problem : 'found').toContain(says);
  });

  test('a name of JavaScript is not one of them', () => {
    expect(createFieldTable({}).findField('agent.attributes.toString')).toMatchObject({ field: { type: 'any' } });
  });
});
