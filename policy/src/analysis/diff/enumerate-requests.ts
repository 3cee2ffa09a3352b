import type { ConditionIr } from '../../engine/ir.js';
import type { Linker } from '../../engine/match.js';
import type { ContextualRequest } from '../../model/facts.js';
import { assembleRequest, type Choice } from '../assemble-request.js';
import { leavesOf } from '../claim.js';
import { createVariables, shareList } from '../variables.js';

/**
 * One request of every kind that the conditions tell apart; nothing when there are more than `limit` kinds, or when it is
 * not certain that these are all.
 */
export function enumerateRequests(
  conditions: readonly ConditionIr[],
  linker: Linker,
  limit: number,
): readonly ContextualRequest[] | undefined {
  const variables = createVariables(linker).of(conditions.flatMap(leavesOf));
  const size = variables.reduce((product, { cells }) => product * cells.length, 1);
  if (size > limit || shareList(variables)) return undefined;
  const uncertain = variables.some(({ cells }) =>
    cells.some(
      (cell) =>
        cell.is === 'value' && (cell.sample === undefined || cell.truths.some((set) => (set & (set - 1)) !== 0)),
    ),
  );
  if (uncertain) return undefined;
  let combined: readonly (readonly Choice[])[] = [[]];
  for (const { field, cells } of variables) {
    combined = combined.flatMap((choices) => cells.map((cell) => [...choices, { field, cell }]));
  }
  // Two choices that exclude each other, a container without its member's container say, are no kind of request.
  return combined.flatMap((choices) => assembleRequest(choices) ?? []);
}
