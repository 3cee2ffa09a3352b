import { describe, expect, test } from '@jest/globals';
import { loadDecisionPackage } from '../decision-service.js';
import { ENUMS, type EnumPair } from './enums.js';
import { type Findings, readEnum, readOptionalEnum } from './findings.js';

const WIRE_NAMES: Readonly<Record<keyof typeof ENUMS, string>> = {
  source: 'Source',
  attemptKind: 'AttemptKind',
  environment: 'Environment',
  riskDecision: 'RiskDecision',
  decisionEffect: 'DecisionEffect',
  denyCode: 'DenyCode',
  conditionType: 'ConditionType',
  layer: 'Layer',
  ruleEffect: 'RuleEffect',
  arm: 'Arm',
  bundleFreshness: 'BundleFreshness',
  enforcementOutcome: 'EnforcementOutcome',
};

const PAIRS = Object.entries(ENUMS) as [keyof typeof ENUMS, EnumPair<string, string>][];
const loaded = loadDecisionPackage();

/** The names and numbers that decision.proto gives an enum. */
function declared(name: string): readonly { readonly name: string; readonly number: number }[] {
  const { type } = loaded[`portcullis.v1.${name}`] as unknown as {
    type: { value: { name: string; number: number }[] };
  };
  return type.value;
}

describe('enums', () => {
  test('cover every enum of decision.proto', () => {
    const enums = Object.entries(loaded)
      .filter(([, definition]) => definition['format'] === 'Protocol Buffer 3 EnumDescriptorProto')
      .map(([name]) => name.replace('portcullis.v1.', ''));
    expect(Object.values(WIRE_NAMES).toSorted()).toEqual(enums.toSorted());
  });

  test.each(PAIRS)('%s pairs every specified member once, and zero is unspecified', (key, pair) => {
    const [zero, ...members] = declared(WIRE_NAMES[key]);
    expect(zero).toMatchObject({ name: expect.stringMatching(/_UNSPECIFIED$/), number: 0 });
    expect(Object.values(pair.toWire).toSorted()).toEqual(members.map((member) => member.name).toSorted());
    for (const [domain, wire] of Object.entries(pair.toWire)) expect(pair.fromWire.get(wire)).toBe(domain);
  });

  test.each(PAIRS)('%s refuses everything else', (key, pair) => {
    const zero = declared(WIRE_NAMES[key])[0]?.name;
    for (const value of [zero, 77, 0, 1, '', 'constructor', '__proto__', null, undefined, {}]) {
      const findings: Findings = [];
      readEnum(value, pair, Object.keys(pair.toWire)[0] ?? '', 'here', findings);
      expect(findings).toEqual([expect.objectContaining({ path: 'here' })]);
    }
  });

  test('an optional enum is absent when unspecified, and a problem when unknown', () => {
    const findings: Findings = [];
    expect(readOptionalEnum(undefined, ENUMS.environment, 'environment', findings)).toBeUndefined();
    expect(readOptionalEnum('ENVIRONMENT_UNSPECIFIED', ENUMS.environment, 'environment', findings)).toBeUndefined();
    expect(findings).toEqual([]);
    expect(readOptionalEnum(77, ENUMS.environment, 'environment', findings)).toBeUndefined();
    expect(findings).toEqual([
      { code: 'ERR_WIRE_ENUM', path: 'environment', message: '77 is not a known environment' },
    ]);
  });
});
