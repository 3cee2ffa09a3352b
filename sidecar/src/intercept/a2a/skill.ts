/** Which skill of a peer a message is about: A2A has no member for it, so it is configured how that is known (ADR-0031). */

import type { JsonObject } from '@portcullis/policy/model';
import { isObject } from '../mcp/message.js';
import type { AgentCard } from './card.js';
import { type MethodRow, taskOf } from './methods.js';

/** How it is known. */
export interface SkillRule {
  /** The same for every message. */
  readonly fixed: string | undefined;
  /** The member of `message.metadata` that the peer goes by. */
  readonly metadata: string | undefined;
}

/** The skills of tasks that were begun through here; the oldest is forgotten. */
export interface TaskSkills {
  of(task: string): string | undefined;
  remember(task: string, skill: string): void;
}

/** Remembers nothing yet. */
export function createTaskSkills(max: number): TaskSkills {
  const skills = new Map<string, string>();
  return {
    of: (task) => skills.get(task),
    remember(task, skill) {
      // A peer that names a task again does not make it one of another skill.
      const begun = skills.get(task) ?? skill;
      skills.delete(task);
      skills.set(task, begun);
      for (const oldest of skills.keys()) {
        if (skills.size <= max) break;
        skills.delete(oldest);
      }
    },
  };
}

/** The skill, if it is known; or why what is said of it is not acceptable. */
export type FoundSkill =
  | { readonly ok: true; readonly skill: string | undefined }
  | { readonly ok: false; readonly message: string };

/** Finds it. */
export function skillOf(
  rule: SkillRule,
  card: Pick<AgentCard, 'skills'>,
  row: MethodRow,
  params: JsonObject,
  tasks: Pick<TaskSkills, 'of'>,
): FoundSkill {
  if (rule.fixed !== undefined) return { ok: true, skill: rule.fixed };
  if (rule.metadata === undefined) return { ok: true, skill: card.skills.length === 1 ? card.skills[0] : undefined };
  const task = taskOf(row, params);
  const begun = task === undefined ? undefined : tasks.of(task);
  const message = params['message'];
  const metadata = isObject(message) ? message['metadata'] : undefined;
  const named = isObject(metadata) ? metadata[rule.metadata] : undefined;
  if (named === undefined) return { ok: true, skill: begun };
  if (typeof named !== 'string' || !card.skills.includes(named)) {
    return { ok: false, message: `message.metadata must name one of the agent's skills: ${card.skills.join(', ')}` };
  }
  if (begun !== undefined && begun !== named) {
    return { ok: false, message: 'the task was begun for another skill; begin one of its own' };
  }
  return { ok: true, skill: named };
}
