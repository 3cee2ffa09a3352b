// Original file: proto/portcullis/v1/decision.proto

export const Environment = {
  ENVIRONMENT_UNSPECIFIED: 'ENVIRONMENT_UNSPECIFIED',
  ENVIRONMENT_DEV: 'ENVIRONMENT_DEV',
  ENVIRONMENT_STAGING: 'ENVIRONMENT_STAGING',
  ENVIRONMENT_PROD: 'ENVIRONMENT_PROD',
} as const;

export type Environment =
  | 'ENVIRONMENT_UNSPECIFIED'
  | 0
  | 'ENVIRONMENT_DEV'
  | 1
  | 'ENVIRONMENT_STAGING'
  | 2
  | 'ENVIRONMENT_PROD'
  | 3

export type Environment__Output = typeof Environment[keyof typeof Environment]
