import { z } from 'zod';
import { ENVIRONMENTS, type JsonObject } from '../model/request.js';
import { ANYTHING, absent, all, any, known, not, oneOf } from './condition-text.js';
import { MAX_ENTRIES, strictConfig, wildcardNames, wordOf } from './config-values.js';
import type { PolicyKind } from './kind.js';

const offer = () =>
  strictConfig({
    provider: wildcardNames('request.model_provider').element.describe('request.model_provider, with wildcards.'),
    models: wildcardNames('request.model').describe('The models of the provider; wildcards count.'),
    endpoints: wildcardNames('request.model_endpoint')
      .describe('The endpoints that may be used; any when absent.')
      .optional(),
  });

const grant = () =>
  strictConfig({
    roles: wildcardNames('user.role').describe('user.role; * for everybody.'),
    models: wildcardNames('request.model').describe('request.model; * for every model of the catalogue.'),
    actions: wildcardNames('request.action').describe('request.action; * for every action.'),
    environments: z
      .array(wordOf(ENVIRONMENTS))
      .min(1)
      .describe('Where the grant counts; every environment of the catalogue when absent.')
      .optional(),
    teams: wildcardNames('user.team').describe('user.team; every team when absent.').optional(),
    max_tokens: z
      .int()
      .min(1)
      .describe('A call may use at most so many tokens, and must say how many it needs or may use.')
      .optional(),
  });

const config = () =>
  strictConfig({
    catalogue: z
      .partialRecord(wordOf(ENVIRONMENTS), z.array(offer()).min(1).max(MAX_ENTRIES))
      .refine((environments) => Object.keys(environments).length > 0, 'a catalogue has at least one environment')
      .describe('What each environment may use; an environment that is not here may use nothing.'),
    rules: z
      .array(grant())
      .min(1)
      .max(MAX_ENTRIES)
      .describe('Who may call what: a call that no rule grants violates. Everybody when absent.')
      .optional(),
  });
type Offer = z.output<ReturnType<typeof offer>>;
type Grant = z.output<ReturnType<typeof grant>>;

/** Seed 000: approved models per environment, and which roles may call which capabilities. */
export const MODEL_ACCESS: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'model_access',
  description: "Models come from the environment's catalogue, and a rule grants the role the model and the action.",
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  on: ['inference'],
  config,
  example: {
    name: 'Model access',
    type: 'model_access',
    action: 'deny',
    priority: 20,
    config: {
      catalogue: {
        dev: [{ provider: '*', models: ['gpt-4o*', 'claude-*'] }],
        prod: [
          {
            provider: 'azure-openai',
            models: ['gpt-4o', 'gpt-4o-mini'],
            endpoints: ['https://ai.example.com/openai/*'],
          },
        ],
      },
      rules: [
        { roles: ['engineer'], models: ['*'], actions: ['chat', 'embed'], max_tokens: 32000 },
        { roles: ['analyst'], models: ['gpt-4o-mini'], actions: ['chat'], environments: ['prod'], max_tokens: 4000 },
      ],
    },
    enabled: true,
  },
  compile: ({ catalogue, rules }) => {
    const listed = any(
      ENVIRONMENTS.flatMap((environment) => {
        const offers = catalogue[environment];
        if (offers === undefined) return [];
        return [all([known('context.environment', 'equals', environment), any(offers.map(isOffered))])];
      }),
    );
    return {
      violation: not(rules === undefined ? listed : all([listed, any(rules.map(isGranted))])),
      denial: {
        code: 'MODEL_ACCESS_DENIED',
        message: 'this model may not be used here, by this role, for this action',
      },
    };
  },
};

function isOffered({ provider, models, endpoints }: Offer): JsonObject {
  return all([
    oneOf('request.model_provider', [provider]),
    oneOf('request.model', models),
    ...(endpoints === undefined ? [] : [oneOf('request.model_endpoint', endpoints)]),
  ]);
}

function isGranted({ roles, models, actions, environments, teams, max_tokens }: Grant): JsonObject {
  return all([
    oneOf('request.model', models),
    ...constraint('user.role', roles),
    ...constraint('request.action', actions),
    ...constraint('user.team', teams),
    ...(environments === undefined ? [] : [known('context.environment', 'in', environments)]),
    ...(max_tokens === undefined ? [] : [usesAtMost(max_tokens)]),
  ]);
}

/** A `*` asks for nothing, not even that the request says something. */
function constraint(field: string, accepted: readonly string[] | undefined): readonly JsonObject[] {
  return accepted === undefined || accepted.includes(ANYTHING) ? [] : [oneOf(field, accepted)];
}

function usesAtMost(limit: number): JsonObject {
  const fields = ['request.estimated_tokens', 'request.max_tokens'];
  return not(any([...fields.map((field) => known(field, 'greater_than', limit)), all(fields.map(absent))]));
}
