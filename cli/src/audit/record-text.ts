import { readRecord } from '@portcullis/policy/evidence';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { printable } from '../printable.js';
import { calledText, operationText, riskText } from './target-text.js';

/** A record in one line for people; a line that is none says so. */
export function recordText(line: string): string {
  const reading = readRecord(line);
  if (!reading.ok) return `?  ${reading.message}`;
  const { record, link } = reading;
  const tool = (record['tool'] ?? {}) as { readonly [name: string]: Json };
  const called =
    record['target'] === undefined
      ? [tool['server'], tool['name'] ?? tool['operation']].filter((part) => typeof part === 'string').join('/')
      : [operationText(record), calledText(record)].filter((part) => part !== '').join(' ');
  const who = `${shown(record['tenant'])}/${shown(record['agent'])}`;
  if (record['kind'] === 'approval') {
    const what = [record['event'], record['approval_id'], record['by'], record['comment']].map(shown).join('  ');
    return lineOf(`${link.seq}  ${shown(record['at'])}  ${who}  approval  ${what}`);
  }
  if (record['kind'] === 'enforcement') {
    const { layers, ner } = (record['redaction'] ?? {}) as { readonly layers?: Json; readonly ner?: Json };
    const ran = Array.isArray(layers) ? layers.map((layer) => shown(layer as Json)).join(' ') : '';
    const asked = ner === undefined ? [] : [`ner: ${shown(ner)}`];
    const what = [shown(record['outcome']), shown(record['decision_id']), `searched by: ${ran}`, ...asked].join('  ');
    return lineOf(`${link.seq}  ${shown(record['at'])}  ${who}  enforcement  ${what}`);
  }
  if (record['kind'] === 'refusal') {
    const deny = Array.isArray(record['deny']) ? record['deny'] : [];
    const what = [called, ...deny, refusalText(record), shown(record['decision_id'])];
    const words = what.filter((part) => part !== '').join('  ');
    return lineOf(`${link.seq}  ${shown(record['at'])}  deny   ${who}  ${words}`);
  }
  if (record['kind'] === 'intent') {
    const signals = Array.isArray(record['signals']) ? record['signals'].map(shown).join(' ') : '';
    const what = `${shown(record['decision'])}  ${shown(record['decision_id'])}  ${signals}`;
    return lineOf(`${link.seq}  ${shown(record['at'])}  ${who}  intent  ${what}`);
  }
  if (record['kind'] === 'review' || record['kind'] === 'notice') {
    const what = [record['event'], record['decision_id'], record['webhook'], record['by']].map(shown);
    return lineOf(
      `${link.seq}  ${shown(record['at'])}  ${record['kind']}  ${what.filter((part) => part !== '').join('  ')}`,
    );
  }
  if (record['kind'] === 'release' || record['kind'] === 'kill') {
    const names = ['event', 'scope', 'kill_id', 'reason', 'policy_version', 'bundle_digest'];
    const what = names.map((name) => shown(record[name])).filter((part) => part !== '');
    return lineOf(`${link.seq}  ${shown(record['at'])}  ${[shown(record['kind']), ...what].join('  ')}`);
  }
  const deny = Array.isArray(record['deny']) ? record['deny'].join(' ') : '';
  return lineOf(
    `${link.seq}  ${shown(record['at'])}  ${shown(record['effect']).padEnd(5)}  ${who}  ${called}  ${deny}  ${riskText(record)}`,
  );
}

/** Why a PEP refused by itself, and how often. */
export function refusalText({ source, reason, count }: JsonObject): string {
  const times = typeof count === 'number' && count > 1 ? [`×${count}`] : [];
  return [shown(reason), 'by', shown(source), ...times].filter((part) => part !== '').join(' ');
}

function shown(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function lineOf(text: string): string {
  return printable(text).trimEnd();
}
