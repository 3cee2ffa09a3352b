/** Outsiders' annotations as a platform team would declare them to a PDP (`portcullis.tools/1`). The same for every suite. */
import type { Annotation, Suite } from './data.js';

const CREDENTIAL = /(?:^|_)(?:password|passwd|secret|token|pin|otp|key)$/iu;
const THING = /(?:^|_)id$/iu;

type Roles = Readonly<Record<string, 'destination' | 'identity' | 'credential' | 'payload'>>;

/** The document for a PDP, by suite. */
export function declarationsOf(suites: ReadonlyMap<string, Suite>): object {
  const servers = [...suites].map(([suite, { tools }]) => [
    suite,
    Object.fromEntries(Object.entries(tools).map(([tool, annotation]) => [tool, declared(annotation)])),
  ]);
  return { format: 'portcullis.tools/1', servers: Object.fromEntries(servers) };
}

function declared({ effect, arguments: rules = {}, output }: Annotation): object {
  const roles: Roles = {
    ...all(rules.readable_by?.payload, () => 'payload'),
    ...all(rules.trusted_or_readable?.payload, () => 'payload'),
    ...all(rules.trusted_or_readable?.destination, () => 'destination'),
    // What has to be trusted is a secret or the thing acted on, where its name says so, and else whom it reaches. What has to
    // be public says who may read it and not what it is: that is left to its name.
    ...all(rules.trusted, (name) =>
      CREDENTIAL.test(name) ? 'credential' : THING.test(name) ? 'identity' : 'destination',
    ),
  };
  return {
    effect,
    ...(Object.keys(roles).length === 0 ? {} : { arguments: roles }),
    ...(output === undefined ? {} : whose(output.from)),
  };
}

function all(names: readonly string[] = [], roleOf: (name: string) => Roles[string]): Roles {
  return Object.fromEntries(names.map((name) => [name, roleOf(name)]));
}

/** `trusted_tool` and `user` are the service and the user; a sender that may be the user is named, nobody else is believed. */
function whose(from: string): object {
  if (from === 'trusted_tool' || from === 'user') return { output: { from: 'trusted' } };
  return /\bsender\b/u.test(from) ? { output: { principal_fields: ['sender'] } } : {};
}
