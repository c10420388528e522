// SPDX-License-Identifier: Apache-2.0
// The address of the dashboard and what it means.

import assert from 'node:assert/strict';
import test from 'node:test';
import { defaults, read, withFilter, write } from '../../../web/dashboard/state.js';

const ZONE = 'Europe/Berlin';
const round = (search) => write(read(search, ZONE), ZONE);

test('an empty address is the default, and the default an empty address', () => {
  assert.deepEqual(read('', ZONE), defaults(ZONE));
  assert.equal(write(defaults(ZONE), ZONE), '');
});

test('what an address says comes back as it was', () => {
  for (const search of [
    '?site=shop.example&period=today',
    '?site=a.b&period=custom&from=2026-10-01&to=2026-10-31&tz=Asia/Kathmandu&measure=visits&compare=0',
    '?site=a.b&embed=pages&pages=entry&referrers=campaigns&places=regions&browsers=devices',
    '?site=a.b&filter[path]=/x&filter[country]!=DE&null[referrer_host]=true&null[browser]=false',
    '?site=a.b&period=custom&from=2026-10-01T08:30&to=2026-10-01T09:15&tz=Europe/Berlin',
  ]) assert.equal(round(search), search);
});

test('a zone may be written in any case', () => {
  assert.equal(read('?tz=asia/tokyo', ZONE).tz, 'Asia/Tokyo');
  assert.equal(read('?tz=utc', ZONE).tz, 'UTC');
  for (const name of ['Asia/Kathmandu', 'Asia/Katmandu', 'Etc/GMT+12']) assert.equal(read(`?tz=${encodeURIComponent(name)}`, ZONE).tz, name);
});

test('values of filters are any text', () => {
  for (const value of ['', 'a&b=c#d', '<script>alert(1)</script>', "'; DROP TABLE", 'ü/漢 字+%', ']=&null[path]']) {
    const filters = [{ dim: 'path', value, not: false }, { dim: 'browser', value, not: true }];
    const search = write({ ...defaults(ZONE), filters }, ZONE);
    assert.deepEqual(read(search, ZONE).filters, filters, search);
  }
});

test('what is not known or makes no sense is left out', () => {
  for (const search of ['?period=fortnight', '?tz=Mars/Base', '?tz=Europe/Berlin%00', '?measure=__proto__', '?pages=exit2', '?embed=evil',
    '?compare=maybe', '?constructor=1', '?__proto__=x', '?toString=1', '?filter[evil]=1', '?filter[__proto__]=1', '?filter[path=1', '?null[path]=perhaps',
    '?site=', '?site=a/b', `?site=${'x'.repeat(300)}`, `?filter[path]=${'x'.repeat(5000)}`, '?filter[path]=a%00b', '?period=custom',
    '?period=custom&from=2026-02-30&to=2026-03-01', '?period=custom&from=2026-03-02&to=2026-03-01', '?from=2026-03-02&to=2026-03-05',
    '?period=custom&from=x&to=y', '?period=custom&from=2026-03-01T25:00&to=2026-03-02', '?%', '?=&=&&&']) {
    assert.deepEqual(read(search, ZONE), defaults(ZONE), search);
  }
});

test('there is a bound to filters, and none is there twice', () => {
  const many = Array.from({ length: 40 }, (_, i) => `filter[path]=${i}`).join('&');
  assert.equal(read(`?${many}`, ZONE).filters.length, 12);
  assert.equal(read('?filter[path]=a&filter[path]=a', ZONE).filters.length, 1);
});

test('a value of the same dimension gives way to a new one, and a page to an entry page', () => {
  const path = { dim: 'path', value: '/', not: false };
  const country = { dim: 'country', value: 'DE', not: false };
  const entry = { dim: 'entry_page', value: '/', not: false };
  assert.deepEqual(withFilter([path, country], { ...path, value: '/b' }), [country, { ...path, value: '/b' }]);
  assert.deepEqual(withFilter([path, country], entry), [country, entry]);
});
