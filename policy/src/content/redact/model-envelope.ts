/**
 * What the APIs of models call their own members in which something is said. A path that begins with one of them, and does not say whether
 * what a tool is given or another text is meant, could mean that member.
 */
export const MODEL_ENVELOPE: ReadonlySet<string> = new Set([
  'choices',
  'content',
  'input',
  'instructions',
  'messages',
  'prompt',
  'request',
  'system',
  'text',
]);

/** Whether a path as a policy writes it names no member that could be found in what models and agents say. */
export function isUnclearToModels(path: string, isMasked: boolean): boolean {
  const [first = ''] = path.split('.');
  return MODEL_ENVELOPE.has(first) || (isMasked && WHOLE.has(path));
}

/** All that is said, of which a mask would leave nothing. */
const WHOLE: ReadonlySet<string> = new Set(['result', 'output', '*']);
