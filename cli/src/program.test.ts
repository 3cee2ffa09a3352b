import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runForTest } from './fake-terminal.js';
import { CLI_VERSION, runCli } from './program.js';
import { commandReference } from './reference.js';

const MANIFEST = `format: portcullis.policy/1
name: demo
version: 1.4.2
sets:
  - { name: base, layer: platform, combining: priority, priority_order: desc, policies: base }
`;
const POLICY = `- name: Allow reads
  slug: allow-reads
  when: { field: tool.name, operator: equals, value: read_file }
  effect: { type: allow }
  priority: 10
- name: Keep out of secrets
  slug: no-secrets
  when: { field: tool.arguments.path, operator: contains, value: secret }
  effect: { type: deny, deny_reason_code: SECRET_PATH, deny_user_message: That path is off limits. }
  priority: 90
`;

function request(path: string): string {
  return JSON.stringify({
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    agent: { id: 'bot' },
    tool: { name: 'read_file', arguments: { path } },
    context: { timestamp: '2026-11-22T12:00:00Z', request_id: 'r-1' },
  });
}

let folder = '';
const at = (...parts: readonly string[]): string => join(folder, ...parts);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-cli-'));
  for (const name of ['good', 'bad']) {
    await mkdir(at(name, 'base'), { recursive: true });
    await writeFile(at(name, 'bundle.yaml'), MANIFEST);
    await writeFile(at(name, 'base', 'rules.yaml'), POLICY);
  }
  await writeFile(
    at('bad', 'base', 'broken.yaml'),
    'name: x\nslug: x\nwhen: { field: tool.nme, operator: equalz, value: 1 }\neffect: { type: allow }\n',
  );
  await mkdir(at('linked'));
  await symlink(at('good', 'bundle.yaml'), at('linked', 'bundle.yaml'));
  await writeFile(at('request.json'), request('/tmp/notes'));
  await writeFile(at('twice.json'), '{"version":"1.0","version":"1.0"}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the command line', () => {
  test.each<[string, string[], number, RegExp]>([
    ['help', ['--help'], 0, /^$/],
    ['version', ['--version'], 0, /^$/],
    ['help of a verb', ['release', 'publish', '--help'], 0, /^$/],
    ['nothing', [], 2, /Usage: portcullis/],
    ['a group alone', ['release'], 2, /Usage: portcullis release/],
    ['an unknown verb', ['relase'], 2, /unknown command 'relase'\n\(Did you mean release\?\)/],
    ['an unknown flag', ['validate', 'x', '--jsno'], 2, /unknown option '--jsno'\n\(Did you mean --json\?\)/],
    ['a missing argument', ['inspect'], 2, /missing required argument 'FILE'/],
    ['a missing flag', ['build', 'x'], 2, /required option '-o, --output <FILE>' not specified/],
    ['too many arguments', ['validate', 'x', 'y'], 2, /too many arguments/],
    [
      'a bad number',
      ['pki', 'init', '--dir', 'x', '--trust-domain', 'y', '--days', '0'],
      2,
      /whole number from 1 to 3650/,
    ],
    // No PDP waits for others, so nobody may be led to think that one does.
    ['a wait for acknowledgements', ['release', 'publish', 'x', '--min-acks', '0.9'], 2, /unknown option '--min-acks'/],
    [
      'an unknown profile',
      ['trust', 'init', '--profile', 'x', '--env', 'dev', '--dir', 'x'],
      2,
      /Allowed choices are dev, team/,
    ],
    ['no environment', ['trust', 'init', '--profile', 'dev', '--dir', 'x'], 2, /required option '--env <ENV>'/],
    [
      'two ways to say where to',
      ['release', 'rollback', '--to', '1', '--to-version', '2'],
      2,
      /expected only one of them/,
    ],
    [
      'a bad agent',
      ['pki', 'init', '--dir', 'x', '--trust-domain', 'y', '--agent', 'bot'],
      2,
      /--agent: expected TENANT\/AGENT/,
    ],
    ['nothing to issue', ['pki', 'issue', '--dir', 'x'], 2, /name at least one of --pdp/],
  ])('%s', async (_name, argv, code, stderr) => {
    const run = await runForTest(argv);
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code, stderr: expect.stringMatching(stderr) });
  });

  test("the version is the package's", async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(CLI_VERSION).toBe(version);
    expect((await runForTest(['--version'])).stdout).toBe(`${version}\n`);
  });

  test('tells every missing connection setting at once, and how to give it', async () => {
    const run = await runForTest(['release', 'status', '--distributor', 'http://localhost', '--tls-key', 'k']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('trustDomain is missing; set it with --trust-domain');
    expect(run.stderr).toContain('tls.certFile is missing; set it with --tls-cert');
    expect(run.stderr).toContain('tls.caFile is missing; set it with --tls-ca');
    expect(run.stderr).toMatch(
      /^ {2}distributor: .*expected one that begins with https:\/\/.*set it with --distributor/m,
    );
    expect(run.stderr).not.toContain('--tls-key');
  });

  test('an unknown key in the context file is refused', async () => {
    await writeFile(
      at('context.yaml'),
      'distributor: https://localhost:1\ntrustDomain: example.org\nchanel: x\ntls: { certFile: a, keyFile: b, caFile: c }\n',
    );
    const run = await runForTest(['release', 'status', '--context', at('context.yaml')]);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringMatching(/chanel: unknown key/) });
  });

  test('an interrupt ends with 130', async () => {
    const stop = new AbortController();
    stop.abort();
    expect(await runForTest(['validate', at('missing')], { signal: stop.signal })).toMatchObject({ code: 130 });
  });
});

describe('validate, build, inspect', () => {
  test('a valid directory', async () => {
    expect(await runForTest(['validate', at('good')])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/2 policies, version 1.4.2: valid/),
    });
    const json = await runForTest(['validate', at('good'), '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, policy_count: 2, policy_version: '1.4.2' });
  });

  test('every problem with file, line and column, exit 3', async () => {
    const run = await runForTest(['validate', at('bad')]);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    const lines = run.stderr.split('\n').filter((line) => line.startsWith(at('bad', 'base', 'broken.yaml')));
    expect(lines.some((line) => /broken\.yaml:3:\d+ .*tool\.nme/.test(line))).toBe(true);
    expect(lines.some((line) => /broken\.yaml:3:\d+ .*equalz/.test(line))).toBe(true);
    const json = await runForTest(['validate', at('bad'), '--json']);
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.objectContaining({ line: 3, file: at('bad', 'base', 'broken.yaml') })]),
    });
  });

  test.each([
    ['missing', /cannot be read/],
    ['linked', /not a link or a device/],
  ])('refuses %s', async (name, stderr) => {
    expect(await runForTest(['validate', at(name)])).toMatchObject({ code: 1, stderr: expect.stringMatching(stderr) });
  });

  test('build writes the same bytes twice and prints their digest; inspect agrees', async () => {
    const runs = await Promise.all(
      ['a', 'b'].map((name) => runForTest(['build', at('good'), '-o', at(`${name}.tar.gz`)])),
    );
    expect(runs.map((run) => run.code)).toEqual([0, 0]);
    expect(await readFile(at('a.tar.gz'))).toEqual(await readFile(at('b.tar.gz')));
    const digest = runs[0]?.stdout.trim() ?? '';
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const inspected = await runForTest(['inspect', at('a.tar.gz'), '--json']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      sha256: digest.slice(7),
      policy_version: '1.4.2',
      policy_count: 2,
    });
    expect((await runForTest(['inspect', at('a.tar.gz')])).stdout).toContain(digest);
  });

  test('inspect refuses a damaged bundle with exit 3', async () => {
    await runForTest(['build', at('good'), '-o', at('c.tar.gz')]);
    const bytes = await readFile(at('c.tar.gz'));
    await writeFile(at('cut.tar.gz'), bytes.subarray(0, bytes.length - 20));
    expect(await runForTest(['inspect', at('cut.tar.gz')])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(`^${at('cut.tar.gz')}: the compressed data is damaged`),
    });
  });
});

describe('eval and explain', () => {
  test.each([
    ['/tmp/notes', 'allow'],
    ['/tmp/secret', 'deny'],
  ])('a read of %s: %s', async (path, effect) => {
    const run = await runForTest(['eval', at('good'), '--request', '-', '--json'], { stdin: request(path) });
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      verdict: { effect },
      policy_version: '1.4.2',
      request_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('a bundle decides as its directory does', async () => {
    await runForTest(['build', at('good'), '-o', at('d.tar.gz')]);
    const [fromFolder, fromBundle] = await Promise.all(
      ['good', 'd.tar.gz'].map((name) => runForTest(['eval', at(name), '--request', at('request.json'), '--json'])),
    );
    expect(fromBundle?.stdout).toBe(fromFolder?.stdout);
  });

  test('tells a person why it was denied', async () => {
    const run = await runForTest(['eval', at('good'), '--request', '-'], { stdin: request('/secret') });
    expect(run.stdout).toMatch(/^deny\n {2}SECRET_PATH .*That path is off limits\./);
    const why = await runForTest(['explain', at('good'), '--request', '-'], { stdin: request('/secret') });
    expect(why.stdout).toMatch(/no-secrets \[deny\] matched, decided/);
    expect(why.stdout.indexOf('no-secrets')).toBeLessThan(why.stdout.indexOf('allow-reads'));
    expect(why.stdout).not.toContain('"/secret"');
  });

  test('explain --json has every candidate', async () => {
    const run = await runForTest(['explain', at('good'), '--request', at('request.json'), '--json']);
    const explanation = JSON.parse(run.stdout) as { sets: { rules: unknown[] }[] };
    expect(explanation.sets[0]?.rules).toHaveLength(2);
  });

  test.each(['eval', 'explain'])('%s names a broken file as an editor can open it', async (verb) => {
    const run = await runForTest([verb, at('bad'), '--request', at('request.json')]);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain(`${at('bad', 'base', 'broken.yaml')}:3:`);
  });

  test.each<[string, string, RegExp]>([
    ['duplicate keys', '{"version":"1.0","version":"1.0"}', /<stdin>.*at byte \d+ \(ERR_REQUEST_JSON\)/],
    ['an unknown field', request('/x').replace('"tenant_id"', '"tenantid"'), /tenantid/],
    ['nothing', '', /ERR_REQUEST_JSON/],
  ])('refuses a request with %s, exit 3', async (_name, stdin, stderr) => {
    expect(await runForTest(['eval', at('good'), '--request', '-'], { stdin })).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(stderr),
    });
  });
});

test.each([
  { name: 'a request', argv: (): string[] => ['eval', at('good'), '--request', '-'] },
  { name: 'a token', argv: () => ['approvals', 'list', '--pdp', 'https://127.0.0.1:1', '--token-file', '-'] },
  { name: 'a text', argv: () => ['risk', 'scan', '--text', '-'] },
])('$name that nobody types is waited for until an interrupt', async ({ argv }) => {
  const interrupt = new AbortController();
  let waiting: AbortSignal | undefined;
  const running = runCli(argv(), {
    terminal: {
      width: 80,
      data: () => undefined,
      say: () => undefined,
      input: (signal) => {
        waiting = signal;
        interrupt.abort();
        return signal === undefined ? Promise.resolve(new Uint8Array()) : Promise.reject(signal.reason as Error);
      },
    },
    signal: interrupt.signal,
  });
  await running;
  expect(waiting).toBe(interrupt.signal);
});

describe('the reference', () => {
  test('names every verb and every flag, and is the same each time', () => {
    const reference = commandReference();
    expect(reference).toBe(commandReference());
    for (const verb of [
      'pki init',
      'pki issue',
      'trust init',
      'trust show',
      'trust rotate-root',
      'trust publish-root',
      'validate',
      'build',
      'inspect',
      'eval',
      'explain',
      'test',
      'bench',
      'release publish',
      'release status',
      'release rollback',
      'release sign',
      'release submit',
      'hook',
    ]) {
      expect(reference).toContain(`## portcullis ${verb}\n`);
    }
    expect(reference).toContain('| `--wait [SECONDS]` |');
    expect(reference).toContain('| `tls.certFile` | `--tls-cert` | `PORTCULLIS_CLI_TLS_CERT_FILE` | ');
    expect(reference).toContain('| `pdps` |  | `PORTCULLIS_CLI_PDPS` | ');
    expect(reference).toContain('```\n\nAn allow prints nothing');
    expect(reference).toContain(
      '$ portcullis release rollback --env prod --keys trust/keys --reason "error budget" --wait',
    );
  });

  test('the top of the help', async () => {
    const { stdout } = await runForTest(['--help']);
    expect(stdout).toMatchInlineSnapshot(`
"Usage: portcullis [options] [command]

Portcullis: the policy author's and operator's tool

Options:
  -V, --version               output the version number
  -h, --help                  display help for command

Commands:
  pki                         make certificates for development (mTLS with
                              SPIFFE ids)
  trust                       create and change whose signatures count
  init [options] <DIR>        begin a policy directory: policies that work,
                              their tests, and schemas for editors
  validate [options] [PATH]   check a policy directory, a pack or a bundle, and
                              print every problem with its place
  lint [options] <PATH>       find policies that do not do what they say:
                              unreachable, contradictory, never true, too broad,
                              untested
  fmt [options] [PATH]        write policies in their canonical layout; comments
                              stay, and nothing that is said changes
  build [options] <DIR>       pack a policy directory into a bundle and print
                              its digest
  inspect [options] <FILE>    show what is inside a bundle, after checking it as
                              a PDP would
  eval [options] <PATH>       decide one request with the engine that PDPs run,
                              in this process
  explain [options] <PATH>    say which rules were looked at for a request, in
                              order, and why each matched or did not
  test [options] [DIR]        run the test suites of a policy directory or a
                              pack with the engine that PDPs run
  bench [options] <PATH>      measure how fast policies decide, in this process
                              on this machine
  diff [options] <OLD> <NEW>  say which requests two versions of the policies
                              answer differently, with an example of each kind
  pack                        policies ready to use: list, show, add and upgrade
                              them
  release                     release policies to PDPs, and take releases back
  approvals                   see what agents wait for, and answer
  grants                      standing grants: what need not be asked every time
  kill [options]              stop an agent, a tenant, a tool or everything, on
                              every PDP, whatever policy says
  quota                       see how far quotas are used
  reviews                     look at what policies let continue and want looked
                              at (escalate)
  audit                       prove, export and follow decision records
  decisions                   watch what is being decided
  risk                        see what the risk stage sees
  tools                       look at the definitions of tools that a sidecar
                              keeps from its agent, and accept them
  hook [options]              decide a coding agent's tool call: reads its hook
                              event from stdin and asks the sidecar
  efficacy                    run the built-in protection over labelled data and
                              write what it says

Exit codes:
  0    done
  1    failed: something could not be read, written or reached; a release lacks signatures; fmt --check found files to rewrite
  2    the command line or the connection settings are wrong; hook blocks
  3    the policies, a bundle or a request are invalid; every problem was printed
  4    policy tests failed, or a coverage or mutation threshold was not reached
  5    released, or stopped with kill, but not every PDP took it in time
  6    the distributor, or the PDP, refused
  7    lint found errors, diff --exit-code answers that change, audit a broken chain, or risk scan anything
  130  interrupted

Data goes to stdout, progress and problems to stderr. NO_COLOR is honoured.
"
`);
  });
});
