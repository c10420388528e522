// SPDX-License-Identifier: Apache-2.0
// A test file's frame: one service and one browser for all its tests, which run one after another;
// when one fails, the service's log and a picture of the page tell more.
import { after, before, test } from 'node:test';

import { newContext, startBrowser, watch } from './browser.mjs';
import { outFile } from './folder.mjs';
import { Service } from './service.mjs';

const timeout = 180_000;

/**
 * `rig.service` and `rig.browser` are there when a test runs. `setUp(rig)` may add to them, `options(rig)`
 * prepares what the service is told at its start.
 */
export function makeRig({ options = () => [], launch = {}, setUp = async () => {}, tearDown = async () => {} } = {}) {
    const rig = { tearDown };

    before(async () => {
        rig.service = await Service.start(...await options(rig));
        rig.browser = await startBrowser(launch);
        await setUp(rig);
    }, { timeout });

    after(async () => {
        await rig.browser?.close();
        await rig.tearDown(rig);
        await rig.service?.stop();
    }, { timeout });

    async function explain(t, context, error) {
        for (const [i, page] of (context?.pages() ?? []).entries())
            await page.screenshot({ path: outFile(`failed-${t.name.replace(/\W+/g, '-')}-${i}.png`) }).catch(() => {});
        console.error(`the service said:\n${rig.service.log()}`);
        throw error;
    }

    /** A test in a browser context of its own: `body({context, page, watched, t})`. */
    rig.test = (name, ...rest) => {
        const body = rest.pop(), { context: wanted = {}, ...more } = rest[0] ?? {};
        test(name, { timeout, ...more }, async (t) => {
            const browser = more.browser ? await startBrowser(more.browser) : rig.browser;
            const context = await newContext(browser, wanted), watched = watch(context);
            try {
                await body({ browser, context, page: await context.newPage(), watched, t });
                watched.check();
            } catch (error) {
                await explain(t, context, error);
            } finally {
                await context.close();
                if (more.browser)
                    await browser.close();
            }
        });
    };
    return rig;
}
