// SPDX-License-Identifier: Apache-2.0
// The system page: what an administrator sees is what the API says, and what is clicked happens.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { assertAccessible } from './support/axe.mjs';
import { signIn } from './support/browser.mjs';
import { outFile } from './support/folder.mjs';
import { makeRig } from './support/rig.mjs';
import { waitUntil } from './support/wait.mjs';

const deadline = 60_000, nEvents = 6000;
const day = Date.parse('2026-11-20T00:00:00Z') / 1000;

const rig = makeRig({
    async setUp({ service }) {
        const events = Array.from({ length: nEvents }, (_, i) => ({
            site: 'a.example', pageUrl: `/page/${i % 7}`, timestamp: day + i * 10, sessionId: `s${i % 50}`,
        }));
        await service.send(events);
        await service.caughtUp();
    },
});

// ---- the page

const signedIn = (context, token = rig.service.token) => signIn(context, rig.service.url, token);

/** The page, opened by an administrator. */
async function open(context, page) {
    await signedIn(context);
    await page.goto(`${rig.service.url}/system`);
    await page.getByRole('region', { name: 'Log' }).getByText('events in the log').waitFor();
    await viewRow(page, 'pageviews').waitFor();
}

const card = (page, name) => page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name, exact: true }) });
const viewRow = (page, name) => card(page, 'Views').getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) });
const dialogOf = (page, name) => page.getByRole('dialog', { name, exact: true });

async function start(page, kind, { views = '', ...fields } = {}) {
    const form = card(page, kind).getByRole('form');
    await form.getByLabel('Views').selectOption(views);
    for (const [label, value] of Object.entries(fields))
        await form.getByLabel(label).fill(value);
    await form.getByRole('button', { name: kind }).click();
}

/** The job that the page says has ended so. */
async function ended(page, kind, how) {
    const word = kind === 'Verify' ? 'Verification' : 'Replay';
    const said = card(page, kind).getByRole('status').filter({ hasText: new RegExp(`^${word} \\d+: ${how}\\.$`) });
    await said.waitFor({ timeout: deadline });
    const id = /\d+/.exec(await said.textContent())[0];
    return rig.service.get(`/v1/admin/${kind === 'Verify' ? 'verifications' : 'replays'}/${id}`);
}

const resultOf = (page, job) => page.getByRole('table', { name: `Result of ${job.kind === 'replay' ? 'Replay' : 'Verification'} ${job.id}` });

// ---- what is seen

rig.test('the page shows what the status says', async ({ context, page }) => {
    await open(context, page);
    const status = await rig.service.get('/v1/admin/status');
    const log = card(page, 'Log');
    await log.getByText(nEvents.toLocaleString('en-GB'), { exact: true }).waitFor();
    await log.getByText('No gaps.').waitFor();
    await log.getByText(`received ${status.conservation.received.toLocaleString('en-GB')} = `, { exact: false }).waitFor();
    assert.match(await log.textContent(), /Append latency[\d.]+ ms/);
    await log.getByRole('img', { name: /^Events a second/ }).waitFor();
    assert.equal(await card(page, 'Views').locator('tbody tr').count(), status.views.length);
    for (const view of status.views)
        assert.match(await viewRow(page, view.name).textContent(), new RegExp(`ready.*up to date.*${view.digest.slice(0, 12)}`));
    await assertAccessible(page, 'the system page');
    await page.screenshot({ path: outFile('system.png'), fullPage: true });
});

rig.test('it follows the log', async ({ context, page }) => {
    await open(context, page);
    const { log } = await rig.service.get('/v1/admin/status');
    await rig.service.send(Array.from({ length: 10 }, () => ({ site: 'a.example', pageUrl: '/more', timestamp: day })));
    await card(page, 'Log').getByText((log.head + 10).toLocaleString('en-GB'), { exact: true }).waitFor();
});

rig.test('what cannot be had is said, and comes back by itself', async ({ context, page, watched }) => {
    watched.expect(/Failed to load resource/);
    await signedIn(context);
    await page.route('**/v1/admin/tokens', (route) => route.abort());
    await page.goto(`${rig.service.url}/system`);
    await card(page, 'Tokens').getByText('cannot be reached').waitFor();
    await page.unroute('**/v1/admin/tokens');
    await card(page, 'Tokens').getByRole('button', { name: 'Try again' }).click();
    await card(page, 'Tokens').getByRole('button', { name: 'Revoke token 1' }).waitFor();

    await page.route('**/v1/admin/status', (route) => route.abort());
    await page.getByText('nothing new is known').waitFor();
    await page.getByText('Not up to date').waitFor();
    await page.unroute('**/v1/admin/status');
    await page.getByText('Ready', { exact: true }).waitFor();
});

rig.test('what the service complains of is read on the page', async ({ context, page, watched }) => {
    watched.expect(/status of 503/); // while it is not ready
    await open(context, page);
    await card(page, 'Messages').getByText('No errors and no warnings.').waitFor();
    process.kill(Number(/process_id:(\d+)/.exec(redis('INFO', 'server'))[1]), 'SIGKILL');
    await card(page, 'Messages').getByText('Redis was killed by signal 9').waitFor({ timeout: deadline });
    await page.getByText('Ready', { exact: true }).waitFor({ timeout: deadline });
    await viewRow(page, 'pageviews').getByText('ready').waitFor({ timeout: deadline });
    await assertAccessible(page, 'the page with messages');
});

// ---- replays and verifications

rig.test('a replay runs to its end, and the digests are the same', async ({ context, page }) => {
    await open(context, page);
    const before = await rig.service.get('/v1/admin/views/visits');
    await start(page, 'Replay', { 'Events a second at most': '3000' });
    const bar = card(page, 'Replay').getByRole('progressbar', { name: /^Progress of Replay/ });
    await waitUntil(deadline, 'the bar to move', () => bar.evaluate((el) => el.position > 0.1 && el.position < 1));
    await card(page, 'Replay').getByText(/\d+% · [\d,]+ of [\d,]+ events · [\d,]+ events\/s · \d+s left/).waitFor();
    await page.screenshot({ path: outFile('system-replay.png') });
    const job = await ended(page, 'Replay', 'same');
    await bar.waitFor({ state: 'detached' });
    const rows = await resultOf(page, job).locator('tbody tr').allTextContents();
    assert.equal(rows.length, job.result.views.length);
    for (const [i, view] of job.result.views.entries()) {
        assert.equal(view.digest_before, view.digest_after);
        assert.ok(rows[i].includes(`same${view.digest_before.slice(0, 12)}${view.digest_after.slice(0, 12)}`), rows[i]);
    }
    const after = await rig.service.get('/v1/admin/views/visits');
    assert.ok(after.generation > before.generation);
    await viewRow(page, 'visits').getByRole('cell', { name: String(after.generation), exact: true }).waitFor();
});

rig.test('a replay is cancelled', async ({ context, page }) => {
    await open(context, page);
    await start(page, 'Replay', { views: 'pageviews', 'Events a second at most': '500' });
    await card(page, 'Replay').getByRole('button', { name: /^Cancel Replay/ }).click();
    const job = await ended(page, 'Replay', 'cancelled');
    assert.equal(job.state, 'cancelled');
});

const redis = (...args) => execFileSync('redis-cli', ['-s', join(rig.service.dataDir, 'run', 'redis.sock'), ...args], { encoding: 'utf8' });

/** Gives a group of a page of the view another group's numbers. */
function spoil(view) {
    const script = `for _, key in ipairs(redis.call('KEYS', '*{${view}:*')) do
        if key:find(':15m:') and redis.call('TYPE', key).ok == 'hash' then
            local groups = redis.call('HKEYS', key)
            for i = 2, #groups do
                local value = redis.call('HGET', key, groups[1])
                if redis.call('HGET', key, groups[i]) ~= value then
                    redis.call('HSET', key, groups[i], value)
                    return 'spoilt'
                end
            end
        end
    end`;
    assert.equal(redis('EVAL', script, '0').trim(), 'spoilt');
}

rig.test('a verification agrees, and says what differs when a page is spoilt; a replay mends it', async ({ context, page }) => {
    await open(context, page);
    await start(page, 'Verify', { Site: 'a.example', 'From (UTC)': '2026-11-20', 'Up to and with (UTC)': '2026-11-20' });
    const good = await ended(page, 'Verify', 'agrees');
    assert.equal(good.result.site, 'a.example');
    assert.equal(good.result.to, '2026-11-21T00:00:00Z');
    assert.equal(await resultOf(page, good).getByText('agrees').count(), good.result.views.length);

    spoil('pageviews_by_page');
    await viewRow(page, 'pageviews_by_page').getByRole('button').click();
    await dialogOf(page, 'pageviews_by_page').getByRole('button', { name: 'Verify' }).click();
    const bad = await ended(page, 'Verify', 'differs');
    const [view] = bad.result.views, [first] = view.differences;
    await resultOf(page, bad).getByText(`${view.n_differences} differences`).waitFor();
    const differences = page.getByRole('table', { name: 'Differences of pageviews_by_page' });
    assert.equal(await differences.locator('tbody tr').count(), view.differences.length);
    assert.match(await differences.locator('tbody tr').first().textContent(), new RegExp(`a\\.example.*${first.group}.*${first.measure}${first.expected}${first.stored}`));
    await assertAccessible(page, 'a failed verification');
    await page.screenshot({ path: outFile('system-verify.png'), fullPage: true });

    await start(page, 'Replay', { views: 'pageviews_by_page', 'Events a second at most': '' });
    await ended(page, 'Replay', '(changed|same)'); // the digest is not that of the pages
    await start(page, 'Verify', { views: 'pageviews_by_page' });
    await ended(page, 'Verify', 'agrees');
});

// ---- views

rig.test('a definition is refused at its place', async ({ context, page, watched }) => {
    watched.expect(/status of 400/);
    await open(context, page);
    await page.getByRole('button', { name: 'Add a view' }).click();
    const editor = dialogOf(page, 'Add a view'), text = editor.getByLabel('Definition');
    await text.fill("CREATE MATERIALIZED VIEW wrong AS\nSELECT site, date_trunc('hour', event_time) AS time,\n       sum((props ->> 'n')::int) AS n\nFROM events GROUP BY 1, 2;\n");
    await editor.getByRole('button', { name: 'Add', exact: true }).click();
    const alert = editor.getByRole('alert').filter({ hasText: 'Refused at line 3, column' });
    await alert.getByText('a cast of text to integer may fail').waitFor();
    await alert.getByText("ff_int(props, 'key') gives NULL").waitFor();
    const column = Number(/column (\d+)/.exec(await alert.textContent())[1]);
    const [line, mark] = (await alert.locator('pre').textContent()).split('\n');
    assert.equal(line, "3 |        sum((props ->> 'n')::int) AS n");
    assert.equal(mark.indexOf('^') - '3 | '.length, column - 1);
    assert.equal(await text.getAttribute('aria-invalid'), 'true');
    assert.equal(await text.evaluate((el) => el.value.slice(0, el.selectionStart).split('\n').at(-1).length), column - 1);
    await assertAccessible(page, 'the editor with an error');
    await page.screenshot({ path: outFile('system-editor.png') });
    await text.press('x');
    await alert.waitFor({ state: 'detached' });
});

rig.test('a view is added, changed and dropped', async ({ context, page }) => {
    await open(context, page);
    await page.getByRole('button', { name: 'Add a view' }).click();
    const editor = dialogOf(page, 'Add a view');
    await editor.getByLabel('Start from an example').selectOption('Bots');
    await editor.getByText('Adds the view bots.').waitFor();
    await editor.getByRole('button', { name: 'Add', exact: true }).click();
    await editor.waitFor({ state: 'detached' });
    await viewRow(page, 'bots').getByText('ready').waitFor({ timeout: deadline });

    await viewRow(page, 'bots').getByRole('button').click();
    await dialogOf(page, 'bots').getByRole('button', { name: 'Change' }).click();
    const change = dialogOf(page, 'Change bots'), text = change.getByLabel('Definition');
    await text.fill(`-- <img src=x onerror=alert(1)>\n${(await text.inputValue()).replace('requests', 'hits').replace('requests', 'hits')}`);
    await change.getByText('Changes bots').waitFor();
    await change.getByRole('button', { name: 'Change', exact: true }).click();
    await waitUntil(deadline, 'the view to be changed', async () => (await rig.service.get('/v1/admin/views/bots')).measures.includes('hits'));

    await viewRow(page, 'bots').getByRole('button').click();
    const details = dialogOf(page, 'bots');
    assert.ok((await details.getByRole('region', { name: 'SQL', exact: true }).textContent()).startsWith('-- <img src=x onerror=alert(1)>'));
    assert.equal(await details.locator('img').count(), 0);
    await details.getByText('Definition 1').click();
    await details.getByText(/Ended at offset/).waitFor();
    await assertAccessible(page, 'a view');
    await details.getByRole('button', { name: 'Drop' }).click();
    const confirm = dialogOf(page, 'Drop bots?');
    assert.ok(await confirm.getByRole('button', { name: 'Drop' }).isDisabled());
    await confirm.getByLabel('Type bots to confirm').fill('bots');
    await confirm.getByRole('button', { name: 'Drop' }).click();
    await page.getByText('bots is dropped.').waitFor();
    await viewRow(page, 'bots').waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('dialog').count(), 0);
});

rig.test('it is used with the keyboard alone', async ({ context, page }) => {
    await open(context, page);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
    const opener = viewRow(page, 'visitors').getByRole('button');
    await opener.focus();
    await page.keyboard.press('Enter');
    await dialogOf(page, 'visitors').getByText('Definition 1').waitFor();
    await page.keyboard.press('Escape');
    await dialogOf(page, 'visitors').waitFor({ state: 'detached' });
    assert.ok(await opener.evaluate((el) => el === document.activeElement));

    await page.getByRole('button', { name: 'Add a view' }).press('Enter');
    const text = page.getByLabel('Definition');
    await text.fill('');
    await text.press('Tab'); // indents
    assert.equal(await text.inputValue(), '  ');
    await text.press('Escape');
    await text.press('Tab'); // leaves
    assert.ok(await text.evaluate((el) => el !== document.activeElement));
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('dialog').count(), 0);
});

// ---- tokens and sites

const statusOf = async (path, token) =>
    (await fetch(rig.service.url + path, { headers: token ? { authorization: `Bearer ${token}` } : {} })).status;

rig.test('a token is shown once, works, and is revoked', async ({ context, page }) => {
    await open(context, page);
    const tokens = card(page, 'Tokens');
    await tokens.getByLabel('Scope').selectOption('read');
    await tokens.getByLabel('Site').fill('a.example');
    await tokens.getByRole('button', { name: 'Create token' }).click();
    const secret = await tokens.getByLabel('New token', { exact: true }).inputValue();
    const [, id] = /Token (\d+) of scope read/.exec(await tokens.textContent());
    assert.equal(await statusOf('/v1/views/pageviews/rows?site=a.example', secret), 200);
    assert.equal(await statusOf('/v1/views/pageviews/rows?site=b.example', secret), 403);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await tokens.getByRole('button', { name: 'Copy: New token' }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
    await page.screenshot({ path: outFile('system-token.png'), fullPage: true });
    await tokens.getByRole('button', { name: 'I have it' }).click();
    await tokens.getByLabel('New token', { exact: true }).waitFor({ state: 'detached' });

    await tokens.getByRole('button', { name: `Revoke token ${id}` }).click();
    await dialogOf(page, `Revoke token ${id}?`).getByRole('button', { name: 'Revoke' }).click();
    await tokens.getByText(`Token ${id} is revoked.`).waitFor();
    await tokens.getByRole('button', { name: `Revoke token ${id}` }).waitFor({ state: 'detached' });
    assert.equal(await statusOf('/v1/views/pageviews/rows?site=a.example', secret), 401);
    assert.ok(!(await page.content()).includes(secret));
});

rig.test('a site is added, and read by anyone while it is public', async ({ context, page }) => {
    await open(context, page);
    const sites = card(page, 'Sites'), rows = '/v1/views/pageviews/rows?site=open.example';
    await sites.getByLabel('Name of the site').fill('open.example');
    await sites.getByRole('button', { name: 'Add site' }).click();
    const lines = dialogOf(page, 'Snippet for open.example');
    assert.equal(await lines.getByLabel('Snippet', { exact: true }).inputValue(),
        `<script defer src="${rig.service.url}/track.js" data-site="open.example"></script>\n` +
        `<noscript><img src="${rig.service.url}/v1/pixel.gif?s=open.example" referrerpolicy="no-referrer-when-downgrade" alt=""></noscript>`);
    await lines.getByRole('button', { name: 'Close' }).click();
    assert.equal(await statusOf(rows), 401);
    const isPublic = sites.getByRole('switch', { name: 'open.example is public' });
    await isPublic.check();
    await sites.getByText('open.example is public: anyone may read its numbers.').waitFor();
    assert.equal(await statusOf(rows), 200);
    await isPublic.uncheck();
    await sites.getByText('open.example is read by tokens only.').waitFor();
    assert.equal(await statusOf(rows), 401);

    await sites.getByRole('button', { name: 'Add alias: open.example' }).click();
    const aliases = dialogOf(page, 'Aliases of open.example');
    await aliases.getByLabel('Alias', { exact: true }).fill('4711');
    await aliases.getByRole('button', { name: 'Add alias' }).click();
    await aliases.getByRole('listitem').filter({ hasText: '4711' }).waitFor();
    await page.keyboard.press('Escape');
    await sites.getByText('1 alias').waitFor();
});

rig.test('a name that is none is refused where it stands', async ({ context, page, watched }) => {
    watched.expect(/status of 400/);
    await open(context, page);
    const sites = card(page, 'Sites');
    await sites.getByLabel('Name of the site').fill('<b>no name</b>');
    await sites.getByRole('button', { name: 'Add site' }).click();
    await sites.getByRole('alert').filter({ hasText: 'name: is needed' }).waitFor();
    assert.ok(await sites.getByLabel('Name of the site').evaluate((el) => el === document.activeElement));
});

// ---- who may

rig.test('who is not signed in is led there and back', async ({ page }) => {
    await page.goto(`${rig.service.url}/system`);
    await page.waitForURL('**/sign-in?next=%2Fsystem');
    await page.getByLabel('Token').fill(rig.service.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/system');
    await viewRow(page, 'pageviews').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/sign-in*');
    await page.goto(`${rig.service.url}/system`);
    await page.waitForURL('**/sign-in?next=%2Fsystem');
});

for (const [scope, site, said] of [['read', undefined, 'signed in with a token of scope read'],
    ['admin', 'a.example', 'scope admin for the site a.example alone']]) {
    rig.test(`who signs in with scope ${scope}${site ? ' for one site' : ''} is refused`, async ({ context, page }) => {
        await signedIn(context, await rig.service.makeToken(scope, site));
        await page.goto(`${rig.service.url}/system`);
        await page.getByRole('heading', { name: 'This page is for administrators' }).waitFor();
        await page.getByText(said).waitFor();
        assert.equal(new URL(await page.getByRole('link', { name: 'Sign in as admin' }).getAttribute('href'), rig.service.url).pathname, '/sign-in');
        assert.equal((await context.request.get(`${rig.service.url}/v1/admin/status`)).status(), 403);
        await assertAccessible(page, 'the refusal');
    });
}

rig.test('a session that ends leads to signing in', async ({ context, page, watched }) => {
    watched.expect(/status of 401/);
    const made = await rig.service.post('/v1/admin/tokens', { scope: 'admin' });
    await signedIn(context, made.token);
    await page.goto(`${rig.service.url}/system`);
    await viewRow(page, 'pageviews').waitFor();
    await fetch(`${rig.service.url}/v1/admin/tokens/${made.id}`, { method: 'DELETE', headers: rig.service.headers() });
    await page.waitForURL('**/sign-in?next=%2Fsystem', { timeout: deadline });
});

// ---- how it looks

for (const [name, context] of [['dark', { colorScheme: 'dark' }], ['phone', { viewport: { width: 390, height: 844 } }]]) {
    rig.test(`the page is readable: ${name}`, { context }, async ({ context, page }) => {
        await open(context, page);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
        await assertAccessible(page, name);
        await page.screenshot({ path: outFile(`system-${name}.png`), fullPage: true });
    });
}
