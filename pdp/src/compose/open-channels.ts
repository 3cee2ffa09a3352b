/** Where releases come from: the configured sources, and the root that they must lead back to. */

import { readFile } from 'node:fs/promises';
import { parsePeerIdentity } from '@portcullis/proto';
import {
  type Opened,
  PortcullisError,
  type ServiceContext,
  type TlsMaterial,
  undiciDispatcher,
} from '@portcullis/runtime';
import { type ChannelReader, createHttpChannelReader, openNatsChannel } from '@portcullis/runtime/channel';
import type { PdpConfig } from '../config.js';

/** @throws PortcullisError `ERR_BUNDLE_ROOT` when the pinned root cannot be read. */
export async function readPinnedRoot(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new PortcullisError('ERR_BUNDLE_ROOT', 'invalid', 'the pinned root cannot be read', { cause: error });
  }
}

/** Opens every configured source; each is closed with the service. */
export async function openChannels(
  config: PdpConfig,
  tls: TlsMaterial,
  context: ServiceContext,
  opened: Opened,
): Promise<readonly ChannelReader[]> {
  const acceptServer = (id: string): boolean => parsePeerIdentity(id, config.trustDomain)?.kind === 'distributor';
  return Promise.all(
    config.bundles.sources.map(async (source): Promise<ChannelReader> => {
      const channel = await openChannel(source);
      opened(() => channel.close());
      return channel;
    }),
  );

  async function openChannel(source: PdpConfig['bundles']['sources'][number]): Promise<ChannelReader> {
    switch (source.type) {
      case 'http':
        return createHttpChannelReader({
          baseUrl: source.url,
          dispatcher: undiciDispatcher(tls, { acceptServer }),
          ownsDispatcher: true,
        });
      case 'nats':
        return openNatsChannel({
          servers: source.servers,
          ...(source.tls ? { tls } : {}),
          ...(source.credsFile === undefined ? {} : { credsFile: source.credsFile }),
          bucketPrefix: source.bucketPrefix,
          log: context.log,
          role: 'reader',
        });
    }
  }
}
