#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { BLOCKS } from './hook/hook-answer.js';
import { processTerminal } from './terminal.js';

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
  const { requireNode } = await import('@portcullis/runtime/node-version');
  // A hook runs on the Node of its agent, which may be older; it needs none of what the others need.
  requireNode('portcullis', 2);
  const { runLazily } = await import('./lazy-program.js');
  process.exitCode = await runLazily(argv, options);
}
