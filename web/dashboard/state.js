// SPDX-License-Identifier: Apache-2.0
// What is looked at, and its form in the address bar: pure, both ways. An address comes from anywhere, so what it
// holds that is not known or makes no sense is left out. Filters are written as the interface writes them.

import { PERIODS, isRange, isZone, zoneNamed } from './period.js';

export const MEASURES = ['visitors', 'visits', 'pageviews', 'views_per_visit', 'bounce_rate', 'visit_duration'];

export const TABS = {
  pages: ['pages', 'entry', 'exit'],
  referrers: ['referrers', 'campaigns'],
  places: ['countries', 'regions'],
  browsers: ['browsers', 'systems', 'devices'],
};

export const DIMENSIONS = ['path', 'entry_page', 'exit_page', 'referrer_host', 'utm_source', 'utm_medium', 'utm_campaign',
  'country', 'region', 'browser', 'os', 'device'];

const EMBEDS = ['1', 'cards', 'chart', ...Object.keys(TABS)];

const DEFAULT_PERIOD = '7d';
const MAX_FILTERS = 12;
const MAX_VALUE = 4096;

export function defaults(zone) {
  return { site: null, period: DEFAULT_PERIOD, from: null, to: null, tz: zone, compare: true, measure: 'visitors',
    filters: [], tabs: { pages: 'pages', referrers: 'referrers', places: 'countries', browsers: 'browsers' }, embed: null };
}

/* ---- filters */

export const sameFilter = (a, b) => a.dim === b.dim && a.value === b.value && a.not === b.not;

// A page is one of events, an entry or exit page one of visits: no number has both.
const AGAINST = { path: ['entry_page', 'exit_page'], entry_page: ['path'], exit_page: ['path'] };

/** The filters with one more: another value of its dimension gives way to it, and so does what it cannot be combined with. */
export function withFilter(filters, filter) {
  const gone = [filter.dim, ...(AGAINST[filter.dim] || [])];
  return [...filters.filter((f) => !gone.includes(f.dim)), filter].slice(-MAX_FILTERS);
}

export const withoutFilter = (filters, filter) => filters.filter((f) => !sameFilter(f, filter));

function filterOf(name, value) {
  const m = /^(filter|null)\[([a-z_]+)\](!?)$/.exec(name);
  if (!m || !DIMENSIONS.includes(m[2])) return null;
  if (m[1] === 'null') return value === 'true' || value === 'false' ? { dim: m[2], value: null, not: value === 'false' } : null;
  const broken = value.length > MAX_VALUE || value.includes('\0');
  return broken ? null : { dim: m[2], value, not: m[3] === '!' };
}

/* ---- from the address */

const READ = {
  site: (state, v) => { if (/^[^\s/\0]{1,253}$/.test(v)) state.site = v; },
  period: (state, v) => { if (PERIODS.includes(v)) state.period = v; },
  from: (state, v) => { state.from = v; },
  to: (state, v) => { state.to = v; },
  tz: (state, v) => { if (isZone(v)) state.tz = zoneNamed(v); },
  compare: (state, v) => { if (v === '0' || v === '1') state.compare = v === '1'; },
  measure: (state, v) => { if (MEASURES.includes(v)) state.measure = v; },
  embed: (state, v) => { if (EMBEDS.includes(v)) state.embed = v; },
};

for (const [panel, tabs] of Object.entries(TABS)) {
  READ[panel] = (state, v) => { if (tabs.includes(v)) state.tabs[panel] = v; };
}

/** The state that a query string (`?site=…`) means; `zone` is the browser's own. */
export function read(search, zone) {
  const state = defaults(zone);
  for (const [name, value] of new URLSearchParams(search)) {
    const filter = filterOf(name, value);
    if (filter && !state.filters.some((f) => sameFilter(f, filter))) {
      if (state.filters.length < MAX_FILTERS) state.filters.push(filter);
    } else if (Object.hasOwn(READ, name)) {
      READ[name](state, value);
    }
  }
  const range = isRange(state.from, state.to);
  if (state.period === 'custom' && !range) state.period = DEFAULT_PERIOD;
  if (state.period !== 'custom') state.from = state.to = null;
  return state;
}

/* ---- to the address */

function writeFilter(query, { dim, value, not }) {
  if (value === null) query.append(`null[${dim}]`, String(!not));
  else query.append(`filter[${dim}]${not ? '!' : ''}`, value);
}

/** The shortest query string that means this state: what is as by default is left out. Chosen days and times are those of a zone. */
export function write(state, zone) {
  const usual = defaults(zone);
  const query = new URLSearchParams();
  for (const name of ['site', 'period', 'from', 'to', 'tz', 'measure', 'embed']) {
    const needed = name === 'tz' && state.period === 'custom';
    if (state[name] !== null && (needed || state[name] !== usual[name])) query.append(name, state[name]);
  }
  if (!state.compare) query.append('compare', '0');
  for (const panel of Object.keys(TABS)) {
    if (state.tabs[panel] !== usual.tabs[panel]) query.append(panel, state.tabs[panel]);
  }
  for (const filter of state.filters) writeFilter(query, filter);
  // Readable: these need no escape in a query.
  const text = query.toString().replace(/%5B/g, '[').replace(/%5D/g, ']').replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%21=/g, '!=');
  return text === '' ? '' : `?${text}`;
}

/* ---- the browser's history */

/** Keeps the state in step with the address: `set` changes it (a new entry of the history unless `replace`), back and forward too. */
export function openState(zone, onChange) {
  let state = read(location.search, zone);
  addEventListener('popstate', () => {
    document.querySelector('dialog[open]')?.close(); // it was of another state
    state = read(location.search, zone);
    onChange(state);
  });
  return {
    get: () => state,
    set(change, { replace = false } = {}) {
      state = { ...state, ...change };
      const address = location.pathname + write(state, zone);
      if (address !== location.pathname + location.search) {
        history[replace ? 'replaceState' : 'pushState'](null, '', address);
      }
      onChange(state);
    },
  };
}
