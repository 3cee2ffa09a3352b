/** The canonical request: wire <-> domain. Lossless for every request that the strict parser can yield. */

import type { CanonicalRequest, Checked } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { fromWireAgent, toWireAgent } from './agent.js';
import { fromWireContext, toWireContext } from './context.js';
import { fromWireEgress, toWireEgress } from './egress.js';
import { ENUMS } from './enums.js';
import { type Findings, found, readEnum, readOptionalEnum, readRequiredText, settle } from './findings.js';
import { fromWireIntentRisk, toWireIntentRisk } from './intent-risk.js';
import { fromWireModelRequest, toWireModelRequest } from './model-request.js';
import { fromWirePeer, toWirePeer } from './peer.js';
import { fromWireTool, toWireTool } from './tool.js';
import { fromWireUser, toWireUser } from './user.js';

const VERSION = '1.0';

/** The request as it travels. Never fails; a value that is not strict JSON changes its digest and is refused there. */
export function toWireRequest(request: CanonicalRequest): Wire.CanonicalRequest {
  const message: Wire.CanonicalRequest = {
    version: request.version,
    tenant_id: request.tenant_id,
    source: ENUMS.source.toWire[request.source],
    agent: toWireAgent(request.agent),
    context: toWireContext(request.context),
  };
  if (request.kind !== undefined) message.kind = ENUMS.attemptKind.toWire[request.kind];
  if (request.tool !== undefined) message.tool = toWireTool(request.tool);
  if (request.user !== undefined) message.user = toWireUser(request.user);
  if (request.request !== undefined) message.request = toWireModelRequest(request.request);
  if (request.egress !== undefined) message.egress = toWireEgress(request.egress);
  if (request.peer !== undefined) message.peer = toWirePeer(request.peer);
  if (request.intent_risk !== undefined) message.intent_risk = toWireIntentRisk(request.intent_risk);
  return message;
}

/** The request as it arrived, or everything that is wrong with it. Paths are those of the canonical document. */
export function fromWireRequest(message: Wire.CanonicalRequest__Output): Checked<CanonicalRequest> {
  const findings: Findings = [];
  if (message.version !== VERSION) {
    found(findings, 'ERR_WIRE_MISSING', 'version', `expected ${VERSION}, found ${message.version ?? 'nothing'}`);
  }
  if (message.agent === undefined) found(findings, 'ERR_WIRE_MISSING', 'agent', 'is missing');
  if (message.context === undefined) found(findings, 'ERR_WIRE_MISSING', 'context', 'is missing');
  const tenant = readRequiredText(message.tenant_id, 'tenant_id', findings);
  const source = readEnum(message.source, ENUMS.source, 'hook', 'source', findings);
  const agent = fromWireAgent(message.agent ?? {}, 'agent', findings);
  const context = fromWireContext(message.context ?? {}, 'context', findings);
  const kind = readOptionalEnum(message.kind, ENUMS.attemptKind, 'kind', findings);
  const { egress, intent_risk: risk, peer, request: model, tool, user } = message;
  // In the order of a canonical text, which is made of it next.
  return settle(findings, {
    agent,
    context,
    ...(egress === undefined ? undefined : { egress: fromWireEgress(egress, 'egress', findings) }),
    ...(risk === undefined ? undefined : { intent_risk: fromWireIntentRisk(risk, 'intent_risk', findings) }),
    ...(kind === undefined ? undefined : { kind }),
    ...(peer === undefined ? undefined : { peer: fromWirePeer(peer, 'peer', findings) }),
    ...(model === undefined ? undefined : { request: fromWireModelRequest(model, 'request', findings) }),
    source,
    tenant_id: tenant,
    ...(tool === undefined ? undefined : { tool: fromWireTool(tool, 'tool', findings) }),
    ...(user === undefined ? undefined : { user: fromWireUser(user, 'user', findings) }),
    version: VERSION,
  });
}
