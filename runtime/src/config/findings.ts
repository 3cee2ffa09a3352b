import type { z } from 'zod';
import { type ConfigProblem, formatPath } from './problem.js';
import type { SettingPath } from './schema-paths.js';

type Issue = z.core.$ZodIssue;

/**
 * Turns the schema's issues into problems, one for every unknown key and every bad value.
 * @param settings those of the schema: an unknown key is told with what could stand in its place
 */
export function problemsOf(
  issues: readonly Issue[],
  settings: readonly SettingPath[],
  origin: (path: string) => string | undefined,
): ConfigProblem[] {
  return issues
    .flatMap((issue) => flatten(issue, [], settings))
    .map(({ path, message }) => {
      const text = formatPath(path);
      const from = origin(text);
      return { code: 'ERR_CONFIG_INVALID', message, path: text, ...(from === undefined ? {} : { origin: from }) };
    });
}

interface Flat {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function flatten(issue: Issue, base: readonly PropertyKey[], settings: readonly SettingPath[]): Flat[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = knownBelow(path, settings);
    const message = known.length === 0 ? 'unknown key' : `unknown key; known here: ${known.join(', ')}`;
    return issue.keys.map((key) => ({ path: [...path, key], message }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch with the fewest findings is most likely the one that was meant.
    const meant = [...issue.errors].sort((a, b) => a.length - b.length)[0] ?? [];
    if (meant.length > 0) return meant.flatMap((inner) => flatten(inner, path, settings));
  }
  return [{ path, message: messageOf(issue) }];
}

function messageOf(issue: Issue): string {
  if (issue.code === 'invalid_format' && issue.message === 'Invalid URL') {
    return `invalid URL; expected one ${issue.pattern === '^https$' ? 'that begins with https://' : 'such as https://host.example:8443'}`;
  }
  return lowerFirst(issue.message).replace(NOTHING_GIVEN, 'missing; expected $1');
}

/** What zod says of a setting that nobody gave. */
const NOTHING_GIVEN = /^invalid input: expected (.+), received undefined$/;

/** The keys of the object at a path; none where it is an element of a list, or a map. */
function knownBelow(path: readonly PropertyKey[], settings: readonly SettingPath[]): readonly string[] {
  const below = settings.filter(
    (setting) => setting.path.length === path.length + 1 && path.every((part, index) => part === setting.path[index]),
  );
  return [...new Set(below.map((setting) => setting.path.at(-1) ?? ''))];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
