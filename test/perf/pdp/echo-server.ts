/**
 * What the transport alone costs: a gRPC server with mutual TLS that sends back whatever it gets, one message for one.
 * `node echo-server.js TLS ADDRESS`, the server's TLS files as JSON.
 */
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { TlsFiles } from '@portcullis/runtime';
import { ECHO_METHOD } from './job.js';

const [files = '', address = ''] = process.argv.slice(2);
const { certFile, keyFile, caFile } = JSON.parse(files) as TlsFiles;
const server = new Server();
server.addService(
  { Echo: ECHO_METHOD },
  {
    Echo: (stream: ServerDuplexStream<Buffer, Buffer>) => {
      stream.on('data', (bytes: Buffer) => stream.write(bytes));
      stream.on('end', () => stream.end());
      stream.on('error', () => undefined);
    },
  },
);
const pair = { private_key: readFileSync(keyFile), cert_chain: readFileSync(certFile) };
server.bindAsync(address, ServerCredentials.createSsl(readFileSync(caFile), [pair], true), (error) => {
  if (error !== null) throw error;
});
