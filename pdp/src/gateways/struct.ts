/** google.protobuf.Struct as JSON. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { GatewayWire } from '@portcullis/proto';

/** Its members. A value without a kind, or a number that JSON does not have, is left out: nobody said anything. */
export function fromStruct(struct: GatewayWire.Struct__Output | undefined): JsonObject {
  const members = Object.entries(struct?.fields ?? {}).flatMap(([name, value]): [string, Json][] => {
    const json = fromValue(value);
    return json === undefined ? [] : [[name, json]];
  });
  return Object.fromEntries(members);
}

function fromValue(value: GatewayWire.Value__Output): Json | undefined {
  switch (value.kind) {
    case 'nullValue':
      return null;
    case 'numberValue':
      return Number.isFinite(value.numberValue) ? value.numberValue : undefined;
    case 'stringValue':
      return value.stringValue;
    case 'boolValue':
      return value.boolValue;
    case 'structValue':
      return fromStruct(value.structValue);
    case 'listValue':
      return (value.listValue?.values ?? []).flatMap((one) => {
        const json = fromValue(one);
        return json === undefined ? [] : [json];
      });
    default:
      return undefined;
  }
}

/** What stands at a path of names joined by dots; `undefined` where there is nothing. */
export function memberAt(from: JsonObject, path: string): Json | undefined {
  let found: Json | undefined = from;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined;
    found = Object.hasOwn(found, name) ? (found as JsonObject)[name] : undefined;
  }
  return found;
}
