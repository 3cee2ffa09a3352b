/** The door for those who look into texts: recognisers of personal data and secrets, and of instructions. Pure. */
export { INSTRUCTIONS_FROM, type InstructionScore, instructionScore } from './injection/detect.js';
export { CERTAIN_FROM, type Recognised, type RecogniseOptions, recognise } from './recognise.js';
export { CONTENT_FAMILIES, type ContentFamily, type Recogniser } from './recogniser.js';
export { ALL_RECOGNISERS, contentTypes } from './registry.js';
