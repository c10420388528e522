// SPDX-License-Identifier: Apache-2.0
// The worker that holds one stream for all tabs: who keeps it open, and for how long.

import assert from 'node:assert/strict';
import test from 'node:test';

/* ---- a browser's parts */

const streams = []; // those that were opened
let clock = 0;
let look = null; // what the worker does now and then
let connect = null; // what it does with a new tab

class Source extends EventTarget {
  readyState = 0;

  constructor(address) {
    super();
    this.address = address;
    streams.push(this);
  }

  close() { this.readyState = 2; }

  say(type, data) { this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data) })); }
}

Source.CLOSED = 2;
Object.assign(globalThis, { EventSource: Source, self: { addEventListener: (_, f) => { connect = f; } } });
Date.now = () => clock;
const { setInterval: real } = globalThis;
globalThis.setInterval = (f) => { look = f; };
await import('../../../web/live/worker.js');
globalThis.setInterval = real;

function tab() {
  const port = Object.assign(new EventTarget(), { heard: [], start() {}, postMessage(m) { this.heard.push(m); } });
  connect({ ports: [port] });
  return { heard: port.heard, say: (data) => port.dispatchEvent(Object.assign(new Event('message'), { data })) };
}

const open = () => streams.filter((s) => s.readyState !== 2).map((s) => s.address);
const wait = (ms, step = 30000) => {
  for (let at = 0; at < ms; at += step) {
    clock += step;
    look();
  }
};

/* ---- what it does */

const shop = '/v1/live?site=shop.example';

test('tabs share a stream as long as one looks', () => {
  const [a, b] = [tab(), tab()];
  a.say({ follow: 'shop.example' });
  b.say({ follow: 'shop.example' });
  assert.deepEqual(open(), [shop]);
  streams[0].say('totals', { visitors: 3 });
  for (const { heard } of [a, b]) assert.deepEqual(heard.slice(-2), [{ state: 'live' }, { totals: { visitors: 3 } }]);
  a.say({ rest: true });
  assert.deepEqual(open(), [shop]);
  b.say({ follow: 'news.example' });
  assert.deepEqual(open(), ['/v1/live?site=news.example']);
  b.say({ rest: true });
  assert.deepEqual(open(), []);
});

test('a tab that is gone without a word is forgotten, and known again when it speaks', () => {
  const t = tab();
  t.say({ follow: 'shop.example' });
  wait(60000);
  assert.deepEqual(open(), [shop]);
  wait(60000);
  assert.deepEqual(open(), []);
  t.say({ here: 'shop.example' });
  assert.deepEqual(open(), [shop]);
  t.say({ rest: true });
});

test('after a machine’s sleep the stream is a new one, and tabs have time to say that they are there', () => {
  const t = tab();
  t.say({ follow: 'shop.example' });
  const before = streams[streams.length - 1];
  wait(3600000, 3600000);
  assert.deepEqual([before.readyState, open()], [2, [shop]]);
  t.say({ here: 'shop.example' });
  wait(30000);
  assert.deepEqual(open(), [shop]);
  t.say({ rest: true });
});

test('a stream without numbers is not called live', () => {
  const t = tab();
  t.say({ follow: 'shop.example' });
  const source = streams[streams.length - 1];
  source.say('open');
  source.say('state', { state: 'unavailable' });
  assert.deepEqual(t.heard.slice(-1), [{ state: 'off' }]);
  source.say('totals', { visitors: 1 });
  assert.deepEqual(t.heard.slice(-2), [{ state: 'live' }, { totals: { visitors: 1 } }]);
  t.say({ rest: true });
});
