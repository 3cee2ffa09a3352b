// Original file: proto/portcullis/v1/decision.proto

export const Layer = {
  LAYER_UNSPECIFIED: 'LAYER_UNSPECIFIED',
  LAYER_PLATFORM: 'LAYER_PLATFORM',
  LAYER_TENANT: 'LAYER_TENANT',
  LAYER_WORKSPACE: 'LAYER_WORKSPACE',
} as const;

export type Layer =
  | 'LAYER_UNSPECIFIED'
  | 0
  | 'LAYER_PLATFORM'
  | 1
  | 'LAYER_TENANT'
  | 2
  | 'LAYER_WORKSPACE'
  | 3

export type Layer__Output = typeof Layer[keyof typeof Layer]
