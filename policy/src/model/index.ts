/**
 * The vocabulary: types, closed lists, and what both ends of a connection must do alike; nothing that evaluates. The only
 * door of `policy` that a PEP may use.
 */
export * from './attempt-target.js';
export * from './cache-scope.js';
export * from './decision.js';
export * from './exhaustive.js';
export * from './facts.js';
export * from './fields.js';
export * from './kept-decisions.js';
export * from './path-overlap.js';
export * from './problem.js';
export * from './redaction-layers.js';
export * from './request.js';
