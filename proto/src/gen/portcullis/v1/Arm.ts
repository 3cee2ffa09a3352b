// Original file: proto/portcullis/v1/decision.proto

export const Arm = {
  ARM_UNSPECIFIED: 'ARM_UNSPECIFIED',
  ARM_STABLE: 'ARM_STABLE',
  ARM_CANDIDATE: 'ARM_CANDIDATE',
} as const;

export type Arm =
  | 'ARM_UNSPECIFIED'
  | 0
  | 'ARM_STABLE'
  | 1
  | 'ARM_CANDIDATE'
  | 2

export type Arm__Output = typeof Arm[keyof typeof Arm]
