// SPDX-License-Identifier: Apache-2.0
// Any question's answer as a CSV file: the service writes it, the browser saves it.

import { h } from '../lib/dom.js';
import { ask } from './ask.js';
import { dayOf } from './period.js';

const PART = 10000; // rows of one answer, at most
const MOST_PARTS = 20;

/** The question for the rows from `offset` on. */
export function part({ rows, params, query }, offset) {
  const more = { limit: PART, offset: offset || undefined };
  return rows ? { rows, params: { ...params, ...more } } : { query: { ...query, ...more } };
}

/** All rows, with one head (a line more, and what follows the last end of line); `askFor(question)` gives the CSV of one. */
export async function collect(question, askFor) {
  let text = await askFor(part(question, 0));
  let last = text;
  for (let n = 1; n < MOST_PARTS && last.split('\n').length > PART + 1; n++) {
    last = await askFor(part(question, n * PART));
    text += last.slice(last.indexOf('\n') + 1);
  }
  return text;
}

/** footfall-SITE-WHAT-FIRST-LAST.csv with the days of the zone, in letters that any file system takes. */
export function fileName(what, { site, range, tz }) {
  return ['footfall', site, what, dayOf(range.from, tz), dayOf(range.to - 1, tz)].join('-').replace(/[^A-Za-z0-9._-]+/g, '_').concat('.csv');
}

/** Asks again for all rows, and saves the answer. */
export async function download(question, name) {
  const text = await collect(question, (one) => ask(one, { accept: 'text/csv' }));
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = h('a', { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
