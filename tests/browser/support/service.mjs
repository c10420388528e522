// SPDX-License-Identifier: Apache-2.0
// The real binary (FOOTFALL_BINARY) with a temporary data folder, on a port of its own.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { temporaryFolder } from './folder.mjs';
import { waitUntil } from './wait.mjs';

const startDeadline = 120_000, stopDeadline = 60_000, viewsDeadline = 60_000;

function binary() {
    const path = process.env.FOOTFALL_BINARY;
    if (!path)
        throw new Error('FOOTFALL_BINARY names the program to test, such as build/test/footfall');
    return path;
}

/** The environment without what would set options of the service. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FOOTFALL_')));

/** What an answer says, with its status where that is not `wanted`. */
async function answer(response, wanted) {
    const text = await response.text();
    if (!wanted.includes(response.status))
        throw new Error(`${response.url} answered ${response.status}: ${text.slice(0, 500)}`);
    return text === '' ? null : JSON.parse(text);
}

export class Service {
    url; // http://127.0.0.1:PORT
    token; // of the administrator
    signInUrl; // the link with a one-time code that the start prints, if it does
    #child;
    #folder = temporaryFolder();
    #options;

    /** Options: as of `footfall serve`. */
    static async start(...options) {
        const service = new Service();
        service.#options = options;
        await service.#run('127.0.0.1:0');
        return service;
    }

    get logFile() {
        return join(this.#folder, 'footfall.log');
    }

    get dataDir() {
        return join(this.#folder, 'data');
    }

    /** The log's end, for when a test has failed. */
    log(bytes = 4000) {
        return readFileSync(this.logFile, 'utf8').slice(-bytes);
    }

    async #run(listen) {
        const log = openSync(this.logFile, 'a');
        // A program that is killed takes its service along.
        this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', binary(), 'serve', '--data-dir', this.dataDir,
            '--listen', listen, ...this.#options], { stdio: ['ignore', 'pipe', log], env: environment });
        closeSync(log);
        const child = this.#child;
        child.ended = new Promise((resolve) => child.on('exit', (code, signal) => {
            child.result = signal ?? code;
            resolve();
        }));
        child.on('error', (e) => { child.result = e.message; });
        createInterface({ input: child.stdout }).on('line', (line) => this.#take(line));
        this.url = undefined;
        await waitUntil(startDeadline, () => `footfall to be ready\n${this.log()}`, () => {
            if (child.result !== undefined)
                throw new Error(`footfall ended with ${child.result}\n${this.log()}`);
            return this.url;
        });
        this.token = readFileSync(join(this.dataDir, 'admin-token'), 'utf8').trim();
    }

    #take(line) {
        const [, what, url] = /^footfall (ready|sign-in) (http:\S+)/.exec(line) ?? [];
        if (what === 'ready')
            this.url = url;
        else if (what === 'sign-in')
            this.signInUrl = url;
    }

    /** SIGTERM; its exit status must be 0. */
    async stop() {
        if (this.#child.result === undefined)
            this.#child.kill('SIGTERM');
        await waitUntil(stopDeadline, () => `footfall to end\n${this.log()}`, () => this.#child.result !== undefined);
        if (this.#child.result !== 0)
            throw new Error(`footfall ended with ${this.#child.result}\n${this.log()}`);
    }

    /** Once more after stop(), at the same address and with the same data. */
    async startAgain() {
        await this.#run(new URL(this.url).host);
    }

    // ---- requests with the admin token

    headers(more) {
        return { authorization: `Bearer ${this.token}`, ...more };
    }

    async get(path, parameters = {}) {
        const url = new URL(path, this.url);
        for (const [name, value] of Object.entries(parameters))
            for (const one of [value].flat())
                url.searchParams.append(name, one);
        return answer(await fetch(url, { headers: this.headers() }), [200]);
    }

    async post(path, body) {
        return answer(await fetch(new URL(path, this.url), {
            method: 'POST',
            headers: this.headers({ 'content-type': 'application/json' }),
            body: JSON.stringify(body),
        }), [200, 201, 202, 204]);
    }

    async addSite(name, more) {
        await this.post('/v1/admin/sites', { name, ...more });
    }

    /** The secret of a new token of that scope, for one site or all. */
    async makeToken(scope, site) {
        return (await this.post('/v1/admin/tokens', { scope, site })).token;
    }

    /** Every one of the events must be taken. */
    async send(events) {
        for (let i = 0; i < events.length; i += 10_000) {
            const answer = await this.post('/v1/events', events.slice(i, i + 10_000));
            if (answer.rejected.length > 0)
                throw new Error(`refused: ${JSON.stringify(answer.rejected[0])}`);
        }
    }

    /** All events of the log, in its order; of one site if it is given. */
    async events(site) {
        const found = [];
        for (let from = 0, head = 1; from < head;) {
            const part = await this.get('/v1/log', { from, limit: 10_000 });
            found.push(...part.events);
            head = part.head;
            if (part.next === from)
                break;
            from = part.next;
        }
        return site === undefined ? found : found.filter((event) => event.site === site);
    }

    /** Until every view has what the log has. */
    async caughtUp() {
        await waitUntil(viewsDeadline, () => `the views to have caught up\n${this.log()}`, async () => {
            const { views } = await this.get('/v1/views');
            return views.length > 0 && views.every((view) => view.state === 'ready' && view.offset === view.head);
        });
    }

    async rows(view, parameters) {
        return this.get(`/v1/views/${view}/rows`, parameters);
    }
}
