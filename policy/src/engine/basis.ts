/**
 * What of a bundle a request's verdict rests on, as text: the same text under two bundles means that the same rules speak,
 * word for word, with the same roles. For whoever has to know whether a release matters to what people agreed to (ADR-0022).
 */

import canonicalize from 'canonicalize';
import { ERROR } from '../dsl/truth.js';
import type { CanonicalRequest } from '../model/request.js';
import type { Registry } from '../registry/registry.js';
import type { CompiledBundle, ConditionIr, LeafIr, RuleIr } from './ir.js';
import type { SetOutcome } from './resolve.js';

/** What the text is made of. */
export interface BasisParts {
  readonly bundle: Pick<CompiledBundle, 'default' | 'fields'>;
  readonly registry: Registry;
  readonly request: CanonicalRequest;
  readonly outcomes: readonly SetOutcome<{ readonly ir: RuleIr }>[];
}

/**
 * The text. What declares the fields that rules read, and what the bundle says of the request's agent and tool, is a part of
 * it: the same words about other facts are another rule.
 * @returns `undefined` when a rule erred: then nobody can say what the verdict rests on
 */
export function basisText({ bundle, registry, request, outcomes }: BasisParts): string | undefined {
  const speaking = outcomes.filter(({ findings }) => findings.length > 0);
  if (speaking.some(({ findings }) => findings.some(({ truth }) => truth === ERROR))) return undefined;
  const { tenant_id: tenant, agent, tool } = request;
  return canonicalize({
    default: bundle.default,
    fields: bundle.fields ?? null,
    agent: registry.agentOf(tenant, agent.id) ?? null,
    tool: registry.toolOf(tenant, tool?.server ?? '', tool?.name ?? '') ?? null,
    sets: speaking.map(({ set, findings }) => ({
      name: set.name,
      layer: set.layer,
      combining: set.combining,
      order: set.priorityOrder,
      rules: findings.map(({ rule, role, satisfied }) => ({ role, satisfied, rule: wordsOf(rule.ir) })),
    })),
  });
}

/** A rule without where it is written. */
function wordsOf({ file: _file, line: _line, column: _column, scope, when, ...rest }: RuleIr): object {
  return { ...rest, scope: scope.map(leafWords), when: conditionWords(when) };
}

function conditionWords(condition: ConditionIr): object {
  if (condition.node === 'leaf') return leafWords(condition);
  return { node: condition.node, of: condition.of.map(conditionWords) };
}

function leafWords({ line: _line, ...leaf }: LeafIr): object {
  return leaf;
}
