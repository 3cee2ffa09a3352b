/** Configuration of the egress proxy. */

import { canonicalHost, isAddressHost, isAligned, parseCidr } from '@portcullis/policy/network';
import { z } from 'zod';
import { secretSource } from '../http/credential.js';
import { listenConfig } from '../http/listen-config.js';

const port = z.int().min(1).max(65_535);
const hostPattern = z
  .string()
  .refine((text) => canonicalHost(text.replace(/^\*\./, '')) === text.replace(/^\*\./, ''), {
    message: 'must be a host in lower case such as example.com, or *.example.com for everything below it',
  });
const range = z.string().refine(
  (text) => {
    const cidr = parseCidr(text);
    return cidr !== undefined && isAligned(cidr);
  },
  { message: 'must be an address or a range such as 10.1.2.0/24, without bits beyond its prefix' },
);

const specialAddresses = z
  .array(
    z.strictObject({
      cidrs: z.array(range).min(1).max(256).describe('Addresses, or ranges of them.'),
      ports: z.array(port).min(1).max(256).describe('Ports of these addresses.'),
    }),
  )
  .max(256)
  .default([])
  .describe(
    'Private, link-local, loopback, metadata and other special addresses that may be connected to where a policy allows ' +
      'it. All others are refused whatever policies say.',
  );

const plainTunnels = z
  .array(
    z.strictObject({ host: hostPattern.describe('The host.'), ports: z.array(port).min(1).describe('Its ports.') }),
  )
  .max(256)
  .default([])
  .describe(
    'Destinations of CONNECT that speak something else than TLS, e.g. SSH; decided with the scheme `tcp`. What they carry is not looked at.',
  );

const tunnels = z
  .strictObject({
    plain: plainTunnels,
    missingSni: z
      .enum(['never', 'addresses'])
      .default('addresses')
      .describe('Where a TLS handshake may name no server: nowhere, or where CONNECT names an address.'),
    encryptedClientHello: z
      .enum(['refuse', 'note'])
      .default('refuse')
      .describe(
        'What becomes of handshakes whose real server name may be hidden (ECH; some browsers always pretend to): refused, ' +
          'or let through and noted in the log.',
      ),
    helloTimeoutMs: z.int().min(100).max(60_000).default(10_000).describe('Time for the TLS handshake to begin.'),
    maxHelloBytes: z.int().min(1024).max(65_536).default(16_384).describe('Largest TLS ClientHello.'),
  })
  .prefault({})
  .describe('CONNECT.');

const intercept = z
  .strictObject({
    hosts: z
      .array(hostPattern.refine((host) => !isAddressHost(host), 'must be a name: certificates are made for names'))
      .min(1)
      .max(1024)
      .describe('Hosts whose TLS ends here, so that method and path of every request are decided.'),
    ca: z
      .strictObject({
        certFile: z.string().min(1).describe('Certificate of the authority, PEM.'),
        keyFile: z.string().min(1).describe('Its private key, PEM (PKCS #8): ECDSA P-256.'),
      })
      .optional()
      .describe(
        'Signs the certificates that agents are shown; a new authority at every start, in memory, when absent.',
      ),
    publishCaFile: z
      .string()
      .min(1)
      .optional()
      .describe("Where the authority's certificate is written at the start, for the agent's trust store."),
    upstreamCaFile: z
      .string()
      .min(1)
      .optional()
      .describe("Authorities that upstream servers are verified with, PEM, instead of Node's own list."),
    maxCertificates: z.int().min(1).max(10_000).default(256).describe('Certificates that are kept.'),
  })
  .describe('TLS interception for named hosts. HTTP/1.1 only.');

const resolve = z
  .strictObject({
    only: z
      .array(hostPattern)
      .max(4096)
      .optional()
      .describe(
        'Hosts that may be resolved at all; others are decided without addresses, and never connected to. A name tells ' +
          'whoever answers for it that it was asked for.',
      ),
    timeoutMs: z.int().min(100).max(60_000).default(5_000).describe('Time for a name to be resolved.'),
    maxAddresses: z.int().min(1).max(256).default(64).describe('Most addresses of a name; one with more is refused.'),
    maxPending: z.int().min(1).max(4096).default(64).describe('Names that may wait for an answer at once.'),
  })
  .prefault({})
  .describe("Resolving names, with the host's own resolver; nothing is kept.");

const limits = z
  .strictObject({
    maxHeaderBytes: z.int().min(1024).max(65_536).default(32_768).describe('Largest head of a request or an answer.'),
    maxHeaders: z.int().min(10).max(1000).default(128).describe('Most header fields of a request.'),
    headersTimeoutMs: z.int().min(100).max(600_000).default(10_000).describe('Time for a request head to arrive.'),
    connectTimeoutMs: z.int().min(100).max(600_000).default(5_000).describe('Time to connect to one address.'),
    answerTimeoutMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(300_000)
      .describe('Time for a server to begin its answer once it has the whole request.'),
    idleTimeoutMs: z
      .int()
      .min(100)
      .max(86_400_000)
      .default(300_000)
      .describe('Longest silence of both sides before a tunnel or an exchange is ended.'),
    maxLifetimeMs: z
      .int()
      .min(1_000)
      .max(604_800_000)
      .default(86_400_000)
      .describe('Longest life of a tunnel or an exchange.'),
    recheckMs: z
      .int()
      .min(100)
      .max(86_400_000)
      .default(300_000)
      .describe(
        'How often what is still open is decided again, so that policies which have changed, and times that are over, end it.',
      ),
    maxConnections: z.int().min(1).max(100_000).default(1024).describe('Most connections of agents.'),
    maxUploadBytes: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .default(1_073_741_824)
      .describe('Most bytes that one tunnel or request may send.'),
    maxDownloadBytes: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .default(17_179_869_184)
      .describe('Most bytes that one tunnel or answer may bring.'),
    bytesPerDecision: z
      .int()
      .min(1024)
      .max(Number.MAX_SAFE_INTEGER)
      .default(8_388_608)
      .describe(
        'Bytes that a tunnel, or a body of unknown length, may send before it is decided again; named as egress.bytes ' +
          'in the decision, with what was sent before.',
      ),
  })
  .prefault({})
  .describe('Caps and times.');

/** `egress`: the forward proxy. */
export const egressConfig = z
  .strictObject({
    listen: listenConfig.describe('Where agents connect; what HTTP_PROXY and HTTPS_PROXY name.'),
    credential: secretSource
      .optional()
      .describe(
        '`user:password` that clients must present (Proxy-Authorization, Basic). Anybody who reaches the port may use it when absent.',
      ),
    specialAddresses,
    paths: z
      .enum(['strict', 'as_sent'])
      .default('strict')
      .describe(
        'How paths are named in decisions. `strict`: decoded once, and refused where servers may read them differently ' +
          '(dot segments, escaped slashes, parameters). `as_sent`: to the letter; policies about paths must expect every spelling.',
      ),
    tunnels,
    intercept: intercept.optional(),
    resolve,
    limits,
  })
  .refine(({ limits }) => limits.bytesPerDecision <= Math.max(limits.maxUploadBytes, 1024), {
    path: ['limits', 'bytesPerDecision'],
    message: 'must not be more than maxUploadBytes',
  });

/** Value of {@link egressConfig}. */
export type EgressConfig = z.output<typeof egressConfig>;
