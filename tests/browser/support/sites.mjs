// SPDX-License-Identifier: Apache-2.0
// The customers' sites: small servers on the loopback interface. The browser finds any name under
// .localhost (a secure context) and .test (none) there.
import { createServer, request } from 'node:http';

function listen(server) {
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

function close(server) {
    server.closeAllConnections?.();
    return new Promise((resolve) => server.close(resolve));
}

function read(stream) {
    return new Promise((resolve, reject) => {
        const parts = [];
        stream.on('data', (part) => parts.push(part));
        stream.on('end', () => resolve(Buffer.concat(parts)));
        stream.on('error', reject);
    });
}

const types = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', json: 'application/json' };

/**
 * A site of `pages`: path (with or without a query) to its text, or to {body, type, headers}.
 * What it was asked for is in `requests`. Paths of `held` are answered when `release()` is called.
 */
export async function startSite({ pages, headers = {}, held = [] }) {
    const site = { pages, requests: [] };
    const released = new Promise((resolve) => { site.release = resolve; });
    const server = createServer(async (incoming, outgoing) => {
        const path = incoming.url.split('?')[0];
        site.requests.push(incoming.url);
        if (held.includes(path))
            await released;
        const page = pages[incoming.url] ?? pages[path];
        const { body, type, headers: own = {} } = typeof page === 'object' ? page : { body: page };
        const extension = /\.(\w+)$/.exec(path)?.[1];
        outgoing.writeHead(page === undefined ? 404 : 200,
            { 'content-type': type ?? types[extension] ?? types.html, 'cache-control': 'no-cache', ...headers, ...own });
        outgoing.end(body ?? 'not here');
    });
    const port = await listen(server);
    site.at = (host, path = '') => `http://${host}:${port}${path}`;
    site.stop = () => close(server);
    return site;
}

/**
 * A server between the browser and the service. `mode` says what becomes of POST /v1/events: 'pass';
 * 'busy': 503, the service sees nothing; 'beacons': only those pass, else as busy; 'cut': the
 * connection breaks when the service has taken the events. `events` holds what was asked, each
 * {mode, headers, body, status, answer}.
 */
export async function startProxy(target) {
    const proxy = { mode: 'pass', events: [] };

    const isBusy = (seen) => seen.mode === 'busy' ||
        (seen.mode === 'beacons' && seen.headers['sec-fetch-mode'] === 'cors');

    async function pass(incoming, outgoing, seen) {
        const headers = { ...incoming.headers, host: new URL(target).host };
        const onward = request(new URL(incoming.url, target), { method: incoming.method, headers });
        onward.end(seen.body);
        const answer = await new Promise((resolve, reject) => onward.on('response', resolve).on('error', reject));
        const body = await read(answer);
        Object.assign(seen, { status: answer.statusCode, answer: body.toString() });
        if (seen.mode === 'cut')
            return incoming.socket.destroy();
        outgoing.writeHead(answer.statusCode, answer.headers);
        outgoing.end(body);
    }

    const server = createServer(async (incoming, outgoing) => {
        const isEvents = incoming.url.startsWith('/v1/events');
        const seen = { mode: isEvents ? proxy.mode : 'pass', headers: incoming.headers };
        try {
            seen.body = (await read(incoming)).toString();
            if (isEvents)
                proxy.events.push(seen);
            if (!isBusy(seen))
                return await pass(incoming, outgoing, seen);
            seen.status = 503;
            outgoing.writeHead(503, { 'access-control-allow-origin': '*', 'retry-after': '1' });
            outgoing.end();
        } catch {
            incoming.socket.destroy();
        }
    });
    const port = await listen(server);
    proxy.at = (host) => `http://${host}:${port}`;
    proxy.stop = () => close(server);
    return proxy;
}

/**
 * A reverse proxy in front of the service, as operators have one. `paths` holds what was asked for,
 * `open` what is being answered; while it is `down`, it breaks all connections.
 */
export async function startRelay(target) {
    const relay = { down: false, paths: [], open: new Map() };
    const server = createServer((incoming, outgoing) => {
        if (relay.down)
            return incoming.socket.destroy();
        const path = incoming.url.split('?')[0], count = (n) => relay.open.set(path, (relay.open.get(path) ?? 0) + n);
        relay.paths.push(incoming.url);
        const onward = request(new URL(incoming.url, target), { method: incoming.method, headers: incoming.headers });
        onward.on('response', (answer) => {
            outgoing.writeHead(answer.statusCode, answer.headers);
            outgoing.flushHeaders();
            answer.pipe(outgoing);
            answer.on('error', () => outgoing.destroy());
        });
        onward.on('error', () => outgoing.destroy());
        count(1);
        outgoing.on('close', () => {
            count(-1);
            onward.destroy();
        });
        incoming.pipe(onward);
    });
    const port = await listen(server);
    relay.at = (host) => `http://${host}:${port}`;
    relay.stop = () => close(server);
    relay.break = () => {
        relay.down = true;
        server.closeAllConnections?.();
    };
    return relay;
}
