// SPDX-License-Identifier: Apache-2.0
// The only way to wait. Time decides nothing but when to give up.
import { setTimeout as pause } from 'node:timers/promises';

const every = 20; // milliseconds

/** What `predicate` gives, as soon as it is true; it may be async. Fails after `deadline` ms. */
export async function waitUntil(deadline, what, predicate) {
    const end = Date.now() + deadline;
    for (;;) {
        const result = await predicate();
        if (result)
            return result;
        if (Date.now() > end)
            throw new Error(`waited ${deadline} ms in vain for: ${typeof what === 'function' ? await what() : what}`);
        await pause(every);
    }
}
