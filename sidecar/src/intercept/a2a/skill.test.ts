import { expect, test } from '@jest/globals';
import { createTaskSkills } from './skill.js';

test('a task keeps the skill that began it, and the ones that were not heard of for longest are forgotten', () => {
  const tasks = createTaskSkills(2);
  tasks.remember('a', 'report');
  tasks.remember('b', 'pay');
  tasks.remember('a', 'pay');
  expect([tasks.of('a'), tasks.of('b')]).toEqual(['report', 'pay']);
  tasks.remember('c', 'pay');
  expect([tasks.of('a'), tasks.of('b'), tasks.of('c')]).toEqual(['report', undefined, 'pay']);
});
