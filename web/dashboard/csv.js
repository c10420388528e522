// SPDX-License-Identifier: Apache-2.0
// Any question's answer as a CSV file: the service writes it, the browser saves it.

import { h } from '../lib/dom.js';
import { ask } from './ask.js';
import { dayOf } from './period.js';

const MOST_ROWS = 10000;

function whole(question) {
  if (question.rows) return { ...question, params: { ...question.params, limit: MOST_ROWS, offset: undefined } };
  const { offset, ...query } = question.query;
  return { query: { ...query, limit: MOST_ROWS } };
}

/** footfall-SITE-WHAT-FIRST-LAST.csv with the days of the zone, in letters that any file system takes. */
export function fileName(what, { site, range, tz }) {
  return ['footfall', site, what, dayOf(range.from, tz), dayOf(range.to - 1, tz)].join('-').replace(/[^A-Za-z0-9._-]+/g, '_').concat('.csv');
}

/** Asks again without a limit of rows but the service's own, and saves the answer. */
export async function download(question, name) {
  const text = await ask(whole(question), { accept: 'text/csv' });
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = h('a', { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
