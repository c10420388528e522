// SPDX-License-Identifier: Apache-2.0
// What axe-core finds wrong for people who do not see, hear or point.
import assert from 'node:assert/strict';

import { load } from './modules.mjs';

const { source } = load('axe-core');

/** The page has no findings of impact serious or critical. */
export async function assertAccessible(page, what) {
    // Through the debugger, which a page's CSP does not concern.
    await page.evaluate(`${source}; undefined`);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) =>
            `${node.target.join(' ')} (${node.failureSummary?.split('\n').slice(1).join(';').trim()})`).slice(0, 5).join(' | ')}`);
    assert.deepEqual(grave, [], `${what} is accessible`);
}
