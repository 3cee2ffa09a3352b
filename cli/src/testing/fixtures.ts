import { childPath, type Excerpt } from '@portcullis/policy';
import type { JsonObject } from '@portcullis/policy/model';
import type { RequestPart } from './compose-request.js';
import type { SuiteProblems } from './suite-problems.js';
import { AXES, type Axis, type FixturesShape } from './suite-schema.js';

/** The fixtures that a suite may name, by axis and name. */
export type Fixtures = { readonly [axis in Axis]: ReadonlyMap<string, RequestPart> };

/** The key of each axis in a file. */
export const FIXTURE_KEYS = {
  principal: 'principals',
  tool: 'tools',
  context: 'contexts',
  request: 'requests',
} as const satisfies Record<Axis, keyof FixturesShape>;

const UNDER = { principal: '', tool: 'tool', context: 'context', request: '' } as const;

/** No fixtures. */
export const NO_FIXTURES: Fixtures = {
  principal: new Map(),
  tool: new Map(),
  context: new Map(),
  request: new Map(),
};

/** The fixtures of one file; `base` is where they stand in it. */
export function readFixtures(shape: FixturesShape, where: Excerpt, base: string): Fixtures {
  const ofAxis = (axis: Axis): ReadonlyMap<string, RequestPart> => {
    const key = FIXTURE_KEYS[axis];
    return new Map(
      Object.entries(shape[key] ?? {}).map(([name, value]) => [
        name,
        { value: value as JsonObject, where, path: childPath(childPath(base, key), name), under: UNDER[axis] },
      ]),
    );
  };
  return {
    principal: ofAxis('principal'),
    tool: ofAxis('tool'),
    context: ofAxis('context'),
    request: ofAxis('request'),
  };
}

/** Fixtures of several shared files as one; two of one name are a problem, because which of them counts would be a guess. */
export function uniteFixtures(all: readonly Fixtures[], problems: SuiteProblems): Fixtures {
  return combine(all, (axis, name, part, twin) => {
    const message = `another ${axis} "${name}" is in ${twin.where.file}`;
    problems.add(part.where, part.path, 'ERR_TESTS_NAME_DUPLICATE', message, 'key');
  });
}

/** Shared fixtures and a suite's own; the suite's own wins. */
export function overrideFixtures(shared: Fixtures, own: Fixtures): Fixtures {
  return combine([shared, own], () => undefined);
}

function combine(
  all: readonly Fixtures[],
  onTwin: (axis: Axis, name: string, part: RequestPart, twin: RequestPart) => void,
): Fixtures {
  const combined = { principal: new Map(), tool: new Map(), context: new Map(), request: new Map() } as const;
  for (const axis of AXES) {
    const target: Map<string, RequestPart> = combined[axis];
    for (const [name, part] of all.flatMap((fixtures) => [...fixtures[axis]])) {
      const twin = target.get(name);
      if (twin !== undefined) onTwin(axis, name, part, twin);
      target.set(name, part);
    }
  }
  return combined;
}
