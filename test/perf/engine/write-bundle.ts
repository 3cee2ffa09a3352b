/**
 * Builds the bundle of a workload in a process of its own, so that only holding it is measured afterwards:
 * `node write-bundle.js SIZE SHAPE FILE`.
 */
import { writeFile } from 'node:fs/promises';
import { buildBundle } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import { bundleSource } from './portcullis.js';
import { type Shape, workloadOf } from './workload.js';

const [, , size = '', shape = 'plain', file = ''] = process.argv;
const { rules } = workloadOf(Number(size), shape as Shape);
const built = await buildBundle(bundleSource(rules, shape as Shape));
if (!built.ok) throw new Error(built.problems.slice(0, 5).map(formatProblem).join('\n'));
await writeFile(file, built.value.bytes);
