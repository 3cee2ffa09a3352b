/** Evidence: records, the hash chain that binds them, and signed checkpoints of it. Pure; ids and time are arguments. */
export * from './approval-record.js';
export * from './chain.js';
export * from './checkpoint.js';
export * from './enforcement-record.js';
export * from './intent-record.js';
export * from './kill-record.js';
export * from './notice-record.js';
export * from './receipt.js';
export * from './record.js';
export * from './refusal-record.js';
export * from './release-record.js';
export * from './review-record.js';
export * from './shipment.js';
export * from './signed-note.js';
export * from './tombstone.js';
export * from './writer.js';
