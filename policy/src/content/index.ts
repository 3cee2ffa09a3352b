/** The door for those who look into texts: recognisers of personal data and secrets, and of instructions. Pure. */

export type { Recognised } from './find.js';
export { INSTRUCTIONS_FROM, type InstructionScore, instructionScore } from './injection/detect.js';
export { CERTAIN_FROM, type RecogniseOptions, recognise } from './recognise.js';
export { CONTENT_FAMILIES, type ContentFamily, type Recogniser } from './recogniser.js';
export { customPattern } from './redact/custom-pattern.js';
export {
  CONTENT_KINDS,
  type ContentKind,
  contentKind,
  DEFAULT_DETECTORS,
  detectorNames,
  labelOf,
  typesOfDetectors,
} from './redact/detectors.js';
export { distinctNames } from './redact/distinct-names.js';
export {
  countTypes,
  FIELD_TYPE,
  isJsonText,
  type JsonRedaction,
  jsonEdits,
  redactJson,
  redactValue,
} from './redact/json.js';
export { type JsonToken, walkJson } from './redact/json-walk.js';
export { MODEL_ENVELOPE } from './redact/model-envelope.js';
export { dropping, hashing, MAX_TOKEN, masking, type Replace, tokenOf } from './redact/replacement.js';
export { restoration } from './redact/restore.js';
export {
  createGrowingText,
  createTextStream,
  type GrowingText,
  mostHeld,
  type TextStream,
} from './redact/stream.js';
export {
  applyEdits,
  type CustomPattern,
  type Edit,
  type RedactionRules,
  redactionRules,
  type Span,
  textEdits,
} from './redact/text.js';
export { ALL_RECOGNISERS, contentTypes } from './registry.js';
export { checkSchema, type SchemaProblem, SchemaUnusable } from './schema/check.js';
