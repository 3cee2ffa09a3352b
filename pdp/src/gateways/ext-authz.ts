/** `envoy.service.auth.v3.Authorization/Check`: Envoy asks about one HTTP request. */

import type { handleUnaryCall } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { GatewayWire } from '@portcullis/proto';
import { toCanonical } from './ext-authz-canonical.js';
import { type GatewayParts, rule } from './gateway-parts.js';
import type { ExtAuthzConfig } from './gateways-config.js';
import { explanation, type Ruling } from './ruling.js';

/** Says upstream, and to the client that was refused, which decision it was. */
const DECISION_HEADER = 'x-portcullis-decision-id';

/** The handler. Always answers with a CheckResponse, never with a status of the call. */
export function createExtAuthz(
  parts: GatewayParts & { readonly config: ExtAuthzConfig },
): handleUnaryCall<GatewayWire.CheckRequest__Output, GatewayWire.CheckResponse> {
  return (call, callback) => {
    void rule(parts, 'ext_authz', call, (asking) => [toCanonical(call.request, asking, parts.config)]).then((ruling) =>
      callback(null, toResponse(ruling)),
    );
  };
}

function toResponse(ruling: Ruling): GatewayWire.CheckResponse {
  const decision = ruling.decisionId === '' ? [] : [header(DECISION_HEADER, ruling.decisionId)];
  if (ruling.outcome === 'allowed') return { status: { code: status.OK }, ok_response: { headers: decision } };
  return {
    status: { code: status.PERMISSION_DENIED, message: ruling.code },
    denied_response: {
      status: { code: ruling.status },
      headers: [header('content-type', 'application/json'), ...decision],
      body: explanation(ruling),
    },
  };
}

/** In the place of any that the client sent. */
function header(key: string, value: string): NonNullable<GatewayWire.OkHttpResponse['headers']>[number] {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}
