// SPDX-License-Identifier: Apache-2.0
// Carries questions (data.js) to the service. Queries read the log and are costly: two at a time, one when nobody is
// signed in. What is busy or not ready yet is asked again when it says so.

import { ApiError, get, post } from '../lib/api.js';

const TRIES = 4;
const MAX_WAIT_S = 10;

let slotsFree = 1;
const waiting = [];

/** More queries may run at once. */
export function allowQueries(n) {
  slotsFree += n;
  next();
}

function next() {
  while (slotsFree > 0 && waiting.length > 0) {
    slotsFree--;
    waiting.shift()();
  }
}

async function inTurn(signal, work) {
  await new Promise((resolve) => {
    waiting.push(resolve);
    next();
  });
  try {
    if (signal && signal.aborted) throw new DOMException('', 'AbortError');
    return await work();
  } finally {
    slotsFree++;
    next();
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    if (signal) {
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new DOMException('', 'AbortError'));
      }, { once: true });
    }
  });
}

const later = (e) => e instanceof ApiError && (e.status === 503 || e.status === 429);

async function patiently(signal, work) {
  for (let i = 1; ; i++) {
    try {
      return await work();
    } catch (e) {
      if (!later(e) || i === TRIES) throw e;
      await pause(Math.min(MAX_WAIT_S, e.retryAfter || i), signal);
    }
  }
}

/** The answer to a question; of one that has none: `{why}`. `accept`: another form, as text. */
export function ask(question, { signal, accept } = {}) {
  if (question.why) return Promise.resolve({ why: question.why });
  if (question.rows) {
    return patiently(signal, () => get(`/v1/views/${question.rows}/rows`, question.params, { signal, accept }));
  }
  return patiently(signal, () => inTurn(signal, () => post('/v1/query', question.query, { signal, accept })));
}

export const aborted = (e) => e.name === 'AbortError';
