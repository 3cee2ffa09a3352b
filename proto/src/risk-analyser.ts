/** Loads the service of external risk analysers, so that a PDP and an analyser speak exactly risk_analyser.proto. */

import { fileURLToPath } from 'node:url';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { LOADER_OPTIONS } from './decision-service.js';
import type { RiskAnalyserDefinition } from './gen/portcullis/v1/RiskAnalyser.js';

/** The service's full name. */
export const RISK_ANALYSER_NAME = 'portcullis.v1.RiskAnalyser';

/**
 * The service definition for clients and servers. Reads risk_analyser.proto, so once per process and only where it is used.
 * @throws Error when the file is missing or broken
 */
export function loadRiskAnalyser(): RiskAnalyserDefinition {
  // One level below the package both as source and as built output.
  const root = fileURLToPath(new URL('..', import.meta.url));
  const loaded: PackageDefinition = loadSync('portcullis/v1/risk_analyser.proto', {
    ...LOADER_OPTIONS,
    includeDirs: [root],
  });
  return loaded[RISK_ANALYSER_NAME] as unknown as RiskAnalyserDefinition;
}
