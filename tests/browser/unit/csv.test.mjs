// SPDX-License-Identifier: Apache-2.0
// Files of more rows than one answer has.

import assert from 'node:assert/strict';
import test from 'node:test';
import { collect, part } from '../../../web/dashboard/csv.js';

const lines = (from, to) => Array.from({ length: to - from }, (_, i) => `/p${from + i},1\r\n`).join('');

/** A service with n rows. */
const service = (n, asked) => async ({ params: { limit, offset = 0 } }) => {
  asked.push([limit, offset]);
  return `path,pageviews\r\n${lines(offset, Math.min(n, offset + limit))}`;
};

for (const [n, parts] of [[0, 1], [9999, 1], [10000, 2], [25001, 3]]) {
  test(`${n} rows are in the file once, under one head`, async () => {
    const asked = [];
    const text = await collect({ rows: 'v', params: { limit: 9, offset: 3 } }, service(n, asked));
    assert.equal(text, `path,pageviews\r\n${lines(0, n)}`);
    assert.deepEqual(asked, Array.from({ length: parts }, (_, i) => [10000, i === 0 ? 0 : i * 10000]));
  });
}

test('a file has an end', async () => {
  const asked = [];
  await collect({ rows: 'v', params: {} }, service(1e6, asked));
  assert.equal(asked.length, 20);
});

test('a query is asked from row to row, too', () => {
  assert.deepEqual(part({ query: { sql: 'SELECT 1', limit: 9 } }, 0), { query: { sql: 'SELECT 1', limit: 10000, offset: undefined } });
  assert.deepEqual(part({ query: { sql: 'SELECT 1' } }, 10000), { query: { sql: 'SELECT 1', limit: 10000, offset: 10000 } });
});
