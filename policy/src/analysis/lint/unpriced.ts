import type { RuleIr } from '../../engine/ir.js';
import type { PriceTable } from '../../prices/price-table.js';
import type { FindingText } from './finding.js';

/** Whether a quota of cost denies every model call, because the bundle prices none. */
export function unpriced(rule: RuleIr, prices: PriceTable | undefined): readonly FindingText[] {
  if (rule.guard?.kind !== 'cost' || rule.effect.type === 'log_only') return [];
  if (prices?.default_model !== undefined || (prices?.models ?? []).length > 0) return [];
  const message = `"${rule.name}" denies every model call: the bundle has no price for any model`;
  return [{ code: 'LINT_COST_UNPRICED', message, path: 'config.kind' }];
}
