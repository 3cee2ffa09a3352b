/** The notifier of a PDP, with the file in which notices wait until somebody took them. */

import { join } from 'node:path';
import type { ApprovalsConfig } from '../approvals/approvals-config.js';
import { openNoticeJournal } from '../approvals/notice-journal.js';
import { createNotifier, type Notifier, type NotifierParts } from './notifier.js';

/** What a notifier is made of, and where its file is. */
export interface OpenNotifierParts extends Omit<NotifierParts, 'journal'> {
  readonly dataDir: string;
}

/**
 * Opens it. Without a webhook that policies may name there is no file.
 * @throws PortcullisError `ERR_APPROVAL_NOTICES`, kind `invalid`, when the file cannot be used
 */
export async function openNotifier(
  { webhooks }: Pick<ApprovalsConfig, 'webhooks'>,
  { dataDir, ...parts }: OpenNotifierParts,
): Promise<Notifier> {
  if (!webhooks.some(({ events }) => events.includes('notify'))) return createNotifier(parts);
  const journal = await openNoticeJournal(join(dataDir, 'notify'), parts.clock.now(), parts.log);
  return createNotifier({ ...parts, journal });
}
