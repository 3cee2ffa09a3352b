/** What the parts of the PDP's OpenAPI document share. */

export const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
export const json = (schema: object): object => ({ 'application/json': { schema } });

/** Answers that are problem documents, by status. */
export function problems(refusals: Readonly<Record<string, string>>): object {
  const content = { 'application/problem+json': { schema: ref('Problem') } };
  return Object.fromEntries(
    Object.entries(refusals).map(([status, description]) => [status, { description, content }]),
  );
}
