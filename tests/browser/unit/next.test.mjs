// SPDX-License-Identifier: Apache-2.0
// Where signing in may lead.

import assert from 'node:assert/strict';
import test from 'node:test';
import { nextPath } from '../../../web/sign-in/next.js';

const ORIGIN = 'https://stats.example';

test('a path of the service is gone to, with its query and fragment', () => {
  for (const path of ['/', '/system', '/?site=shop.example&period=today', '/system#views', '/?q=//x', '/a%2Fb', '/?next=https://x.example/']) {
    assert.equal(nextPath(path, ORIGIN), path);
  }
});

test('what leads elsewhere, or nowhere, leads to the dashboard', () => {
  for (const text of [null, '', 'system', 'https://evil.example/', 'https://stats.example/system', '//evil.example', '///evil.example',
    '/\\evil.example', '\\\\evil.example', '/\t/evil.example', '/\n/evil.example', ' //evil.example', '/ /evil.example', '/.//evil.example',
    '/..//evil.example', '/a/..//evil.example', '/%2e//evil.example', 'javascript:alert(1)', 'data:text/html,x', '/sign-in', '/sign-in?next=/',
    '/x/../sign-in']) {
    assert.equal(nextPath(text, ORIGIN), '/', JSON.stringify(text));
  }
});
