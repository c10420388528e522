// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, and pages in which nothing may go wrong unnoticed.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';

import { temporaryFolder } from './folder.mjs';
import { load } from './modules.mjs';

const { chromium } = load('playwright-core');

// Names of test sites lead to this machine, all others nowhere.
const hosts = 'MAP *.localhost 127.0.0.1, MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1';

const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', `--host-resolver-rules=${hosts}`];

/** Options: as of playwright's launch(). */
export async function startBrowser({ args = [], ...options } = {}) {
    const path = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
    return chromium.launch({ executablePath: path, args: [...flags, ...args], ...options });
}

/** Opens the address as people do; gives the function that ends the browser. */
export function openWithoutDebugger(userAgent, url) {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'chromium', ...flags, `--user-agent=${userAgent}`,
        `--user-data-dir=${temporaryFolder()}`, url], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', resolve).on('error', resolve));
    return () => {
        child.kill('SIGTERM');
        return ended;
    };
}

/** What Chromium calls itself where it is not headless. */
export function ordinaryUserAgent(browser) {
    const major = browser.version().split('.')[0];
    return `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;
}

/** A visitor: cookies and cache of its own, always the same language and zone. */
export async function newContext(browser, options = {}) {
    const context = await browser.newContext({
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        viewport: { width: 1280, height: 900 },
        userAgent: ordinaryUserAgent(browser),
        ...options,
    });
    context.setDefaultTimeout(20_000);
    return context;
}

/** Gives the context the session of a token. On a connection of its own: one kept from before may be just ending. */
export async function signIn(context, origin, token) {
    const answer = await context.request.post(`${origin}/v1/session`, { data: { token }, headers: { connection: 'close' } });
    assert.equal(answer.status(), 200);
}

/**
 * Listens to all pages of a context. `check()` fails when one has complained: an error in the
 * console (which has violations of the CSP, too) or an uncaught one. `expect(pattern)` names what may
 * be said.
 */
export function watch(context) {
    const complaints = [], expected = [];
    const take = (text) => complaints.push(text);
    context.on('console', (message) => {
        if (message.type() === 'error' || /Content Security Policy/i.test(message.text()))
            take(`${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (e) => take(String(e.error().stack ?? e.error())));
    return {
        expect: (pattern) => expected.push(pattern),
        check() {
            const found = complaints.splice(0).filter((text) => !expected.some((pattern) => pattern.test(text)));
            assert.deepEqual(found, [], 'pages complain of nothing');
        },
    };
}
