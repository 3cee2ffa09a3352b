/**
 * What a proxy costs that does nothing: `node pass-through.js ORIGIN` forwards every request to one place, with the server and
 * the client that Node has, kept connections and pipes. Takes requests in absolute form too, as forward proxies get them.
 */
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

const { hostname, port } = new URL(process.argv[2] ?? '');
const agent = new Agent({ keepAlive: true });

const server = createServer((incoming, response) => {
  const { method, url = '', rawHeaders } = incoming;
  const path = url.startsWith('/') ? url : url.slice(url.indexOf('/', 'http://'.length));
  const outgoing = request({ agent, hostname, port, method, path, headers: rawHeaders }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
    reply.pipe(response);
    reply.on('error', () => response.destroy());
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}).listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port })}\n`);
});
