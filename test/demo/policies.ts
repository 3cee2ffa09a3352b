import { ALLOW_SESSIONS, allowTools, denyTools, type PolicySource, policySource } from '../support/policy-source.js';

/** What the demo publishes first. */
export function firstRelease(workspace: string): PolicySource {
  return policySource('1.0.0', [
    ALLOW_SESSIONS,
    allowTools('everything', ['echo', 'get-sum', 'get-env']),
    allowTools('files', ['read_text_file', 'list_directory']),
    denyTools('everything', ['get-env'], 'ENVIRONMENT_DISCLOSURE', 'Agents may not read environment variables.'),
    {
      name: 'Files stay in the workspace',
      on: ['tool_call'],
      when: {
        operator: 'and',
        conditions: [
          { field: 'tool.server', operator: 'equals', value: 'files' },
          {
            operator: 'not',
            conditions: [
              {
                field: 'tool.arguments.path',
                operator: 'regex_match',
                value: `^${workspace.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`,
              },
            ],
          },
        ],
      },
      effect: {
        type: 'deny',
        deny_reason_code: 'PATH_OUTSIDE_WORKSPACE',
        deny_user_message: 'Only files below the workspace folder may be read.',
      },
      priority: 90,
    },
  ]);
}

/** The release that flips a decision: `echo` is no longer allowed. */
export function secondRelease(workspace: string): PolicySource {
  const source = new Map(firstRelease(workspace));
  const decode = (path: string): unknown => JSON.parse(new TextDecoder().decode(source.get(path)));
  const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value, null, 2));
  source.set('bundle.yaml', encode({ ...(decode('bundle.yaml') as object), version: '1.1.0' }));
  source.set(
    'platform/policies.json',
    encode([
      ...(decode('platform/policies.json') as unknown[]),
      denyTools('everything', ['echo'], 'ECHO_SUSPENDED', 'The echo tool is suspended since release 1.1.0.'),
    ]),
  );
  return source;
}
