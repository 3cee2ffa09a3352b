import type { Json, JsonObject } from '@portcullis/policy/model';

/** Steps from a document to one of its values. */
export type Steps = readonly (string | number)[];

/** `when.conditions[1].value`, as problems spell places. */
export function pathOf(steps: Steps): string {
  return steps.reduce<string>((path, step) => {
    if (typeof step === 'number') return `${path}[${step}]`;
    return path === '' ? step : `${path}.${step}`;
  }, '');
}

/** A copy of a document with one value replaced. */
export function replaceAt(document: Json, steps: Steps, value: Json): Json {
  return editAt(document, steps, () => value);
}

/** A copy of a document without one member or element. */
export function removeAt(document: Json, steps: Steps): Json {
  return editAt(document, steps, () => undefined);
}

function editAt(document: Json, [step, ...rest]: Steps, edit: (value: Json) => Json | undefined): Json {
  if (step === undefined) return edit(document) ?? null;
  const child = (document as { readonly [key: string | number]: Json })[step] ?? null;
  const changed = rest.length === 0 ? edit(child) : editAt(child, rest, edit);
  if (Array.isArray(document)) {
    const elements = document as readonly Json[];
    return changed === undefined ? elements.toSpliced(step as number, 1) : elements.with(step as number, changed);
  }
  const { [step as string]: _removed, ...others } = document as JsonObject;
  return changed === undefined ? others : { ...(document as JsonObject), [step]: changed };
}

/** Whether a value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
