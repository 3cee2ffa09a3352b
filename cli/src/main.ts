#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { requireNode } from '@portcullis/runtime/node-version';

// Of a hook, this is also the code that agents take for a refusal.
requireNode('portcullis', 2);
const { BLOCKS } = await import('./hook/hook-answer.js');
const { processTerminal } = await import('./terminal.js');

const argv = process.argv.slice(2);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
const options = { terminal: processTerminal(), signal: interrupt.signal };

// Not process.exit(): what is still in stdout's pipe must get out.
if (argv[0] === 'hook') {
  // An agent waits for it at every call, and takes any failure but one for consent: it loads nothing else, and fails in no other way.
  process.on('uncaughtException', (error) => {
    try {
      writeSync(process.stderr.fd, `${error.message}\n`);
    } finally {
      process.exit(BLOCKS);
    }
  });
  const { runHook } = await import('./hook/run-hook.js');
  process.exitCode = await runHook(argv, options);
} else {
  const { runLazily } = await import('./lazy-program.js');
  process.exitCode = await runLazily(argv, options);
}
