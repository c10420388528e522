// SPDX-License-Identifier: Apache-2.0
// Signing in and out as people do: by the link of the start, by a token, on a phone.
import assert from 'node:assert/strict';

import { assertAccessible } from './support/axe.mjs';
import { outFile } from './support/folder.mjs';
import { makeRig } from './support/rig.mjs';

const rig = makeRig({
    async setUp({ service }) {
        await service.addSite('a.example');
    },
});

const field = (page) => page.getByLabel('Token');
const open = (page, path = '/sign-in') => page.goto(rig.service.url + path);

async function tryToken(page, token) {
    await field(page).fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
}

async function cookies(context) {
    return (await context.cookies()).filter(({ name }) => name === 'footfall_session');
}

rig.test('the link of the start signs in once, and its code is gone from the address', async ({ context, page, watched }) => {
    watched.expect(/401/);
    const code = new URL(rig.service.signInUrl).hash;
    const addresses = [];
    page.on('framenavigated', (frame) => addresses.push(frame.url()));
    await open(page, `/sign-in?next=%2Fsystem${code}`);
    await page.waitForURL('**/system');
    const [cookie] = await cookies(context);
    assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/']);
    assert.ok(addresses.includes(`${rig.service.url}/sign-in?next=%2Fsystem`), 'the address is cleared before anything else');
    await page.goBack();
    assert.ok(!page.url().includes('code='), 'the history has no code');

    await open(page, `/sign-in${code}`);
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await context.clearCookies();
    await page.goto('about:blank');
    await open(page, `/sign-in${code}`);
    await page.getByRole('alert').filter({ hasText: 'has been used already' }).waitFor();
    assert.deepEqual(await cookies(context), []);
});

rig.test('a token is exchanged for a session and kept nowhere; signing out ends it', async ({ context, page, watched }) => {
    watched.expect(/40[13]/);
    await open(page, '/sign-in?next=%2F%3Fsite%3Da.example');
    await tryToken(page, 'ff_0000000000000000000000000000000000000000');
    await page.getByRole('alert').filter({ hasText: 'not known' }).waitFor();
    await tryToken(page, await rig.service.makeToken('ingest'));
    await page.getByRole('alert').filter({ hasText: 'for sending events' }).waitFor();
    const token = await rig.service.makeToken('read', 'a.example');
    await tryToken(page, ` ${token} `);
    await page.waitForURL('**/?site=a.example');
    const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href]));
    assert.ok(!kept.includes(token) && !kept.includes('footfall_session'));

    await open(page);
    await page.getByText('With a token of scope read, for a.example.').waitFor();
    const [cookie] = await cookies(context);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field(page).waitFor();
    assert.deepEqual(await cookies(context), []);
    const answer = await fetch(`${rig.service.url}/v1/session`, { headers: { cookie: `footfall_session=${cookie.value}` } });
    assert.equal((await answer.json()).signed_in, false);
});

rig.test('nothing but the page for signing in is shown to strangers', async ({ page, watched }) => {
    watched.expect(/401/);
    await open(page, '/?site=a.example');
    await page.waitForURL('**/sign-in?next=*');
    assert.equal(new URL(page.url()).searchParams.get('next'), '/?site=a.example');
});

for (const [name, context] of Object.entries({
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark', viewport: { width: 360, height: 720 } },
})) {
    rig.test(`signing in is accessible and fits: ${name}`, { context }, async ({ page, watched }) => {
        watched.expect(/401/);
        await open(page);
        await field(page).waitFor();
        assert.equal(await page.evaluate(() => document.activeElement.id), 'token');
        await page.keyboard.type('wrong');
        await page.keyboard.press('Enter');
        await page.getByRole('alert').filter({ hasText: 'not known' }).waitFor();
        await page.getByText('I have no token').click();
        await assertAccessible(page, 'the page for signing in');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
        await page.screenshot({ path: outFile(`sign-in-${name}.png`) });
    });
}
