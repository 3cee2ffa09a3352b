/** The door for those who assess risk: analysers, combiner, baselines. Pure (ADR-0015). */
export { amountOf } from './amounts.js';
export { INJECTION_LABEL } from './analysers/injected-instructions.js';
export { assessRisk, factsRead, type OutsideFindings, unavailableTo } from './assess.js';
export {
  type Baseline,
  baselineAt,
  COUNTER_FAMILIES,
  type Counters,
  type FadingCount,
  faded,
  type HalfLives,
  type Increment,
  incrementsOf,
} from './baseline.js';
export { type CombineOptions, combineRisk, OVERALL, type WeighedFinding } from './combine.js';
export { destinationOf, destinationsOf } from './destination.js';
export { DEFAULT_RISK_PARAMETERS, type RiskParameters } from './parameters.js';
export { ANALYSERS } from './registry.js';
export { type Analyser, type Finding, RISK_DIMENSIONS, type RiskDimension, type RiskSubject, unit } from './signal.js';
export { POWERS, type Power, powerOf, powerOfName } from './tool-power.js';
