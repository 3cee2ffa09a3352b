import { test } from '@jest/globals';
import { askRequest, createBench, until } from './ask-bench.js';
const bench = createBench();
test('x', async () => {
    const stand = await bench.ready(3);
    for (const pdp of stand.pdps) { pdp.onQuestion = () => undefined; pdp.pongs = false; }
    await Promise.all(Array.from({ length: 60 }, (_, n) => stand.client.ask(askRequest(`r${n}`))));
    console.log(stand.seen);
    await until(() => stand.seen.breaker[0] === 'open');
    const [back] = stand.pdps;
    if (back === undefined) throw new Error('no PDP');
    back.pongs = true;
    back.dropStreams();
    await until(() => stand.seen.breaker.at(-1) === 'closed', 4_000).catch(() => undefined);
    console.log(stand.seen, back.pings, back.streams);
    await bench.close();
}, 20000);
