#!/usr/bin/env node
import { runCli } from './program.js';
import { processTerminal } from './terminal.js';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

// Not process.exit(): what is still in stdout's pipe must get out.
process.exitCode = await runCli(process.argv.slice(2), { terminal: processTerminal(), signal: interrupt.signal });
