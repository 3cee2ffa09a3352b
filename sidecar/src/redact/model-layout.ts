/**
 * Where fields are in what is said to models and by them: in the JSON that it carries, never in the API's own members around it. A path
 * begins with `arguments` in what a tool is given, and with `result` in every other text.
 */

import { MODEL_ENVELOPE } from '@portcullis/policy/content';
import type { MessageLayout } from './message-layout.js';

/** What agents and models say to each other. */
export const MODEL_LAYOUT: MessageLayout = {
  name: 'model',
  isContent: () => true,
  isRouting: () => false,
  roots: {
    'tool.arguments': [['arguments']],
    arguments: [['arguments']],
    output: [['result']],
    result: [['result']],
  },
  envelope: MODEL_ENVELOPE,
};
