import { describe, expect, test } from '@jest/globals';
import { PortcullisError } from '../errors/portcullis-error.js';
import { createLogger, type LogLevel } from './logger.js';

function capture(level: LogLevel = 'info') {
  const written: string[] = [];
  const log = createLogger({ component: 'pdp', level, destination: { write: (line) => void written.push(line) } });
  return { log, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('logger', () => {
  test('writes constant fields', () => {
    const { log, lines } = capture();
    log.child({ peer: 'x' }).info({ duration_ms: 3 }, 'Bundle activated');
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        component: 'pdp',
        peer: 'x',
        duration_ms: 3,
        msg: 'Bundle activated',
      },
    ]);
  });

  test('leaves out what is below its level', () => {
    const { log, lines } = capture('warn');
    log.info('no');
    log.warn('yes');
    expect(lines().map(({ msg }) => msg)).toEqual(['yes']);
  });

  test('describes faults by code and kind, with their cause', () => {
    const { log, lines } = capture();
    log.error(
      {
        err: new PortcullisError('ERR_X', 'unavailable', 'down', {
          cause: new Error('refused'),
          details: { address: 'a' },
        }),
      },
      'Failed',
    );
    log.error({ err: new Error('plain') }, 'Failed');
    const [fault, plain] = lines();
    expect(fault?.['err']).toEqual({
      code: 'ERR_X',
      kind: 'unavailable',
      message: 'down',
      details: { address: 'a' },
      cause: 'refused',
    });
    expect(plain?.['err']).toMatchObject({ code: 'ERR_INTERNAL', kind: 'internal', stack: expect.any(String) });
  });

  test('never writes what is under a secret name', () => {
    const { log, lines } = capture();
    log.info(
      { token: 'hunter2', request: { authorization: 'hunter2', arguments: { a: 'hunter2' } }, body: 'hunter2' },
      'Request',
    );
    expect(JSON.stringify(lines())).not.toContain('hunter2');
  });
});
