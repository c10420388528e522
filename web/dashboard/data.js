// SPDX-License-Identifier: Apache-2.0
// Which request answers which question. A view that has the dimensions and measures is read (`rows`); what none
// covers is asked of the log with a SELECT (`query`); what nothing can answer says why (`why`, a key of the texts).
//
//   {rows: view, params}  |  {query: {sql, site, from, to, tz, …}}  |  {why}
//
// Events know the page, visits (the relation sessions) its entry and exit page; both know the rest.

import { DAY, QUARTER } from './period.js';
import { DIMENSIONS } from './state.js';

const MINUTES_KEPT = 47 * 3600000; // the view `visitors` keeps minutes for two days

const EVENTS = 'events';
const VISITS = 'visits';

const both = ['pageviews', 'visitors'];
const VIEWS = {
  visitors: { of: EVENTS, dims: [], measures: both, finest: 'minute' },
  pageviews_by_country: { of: EVENTS, dims: ['country'], measures: ['pageviews'], finest: 'minute' },
  pageviews_by_region: { of: EVENTS, dims: ['region'], measures: ['pageviews'], finest: 'minute' },
  pageviews_by_page: { of: EVENTS, dims: ['path'], measures: both, finest: '15m' },
  pageviews_by_referrer: { of: EVENTS, dims: ['referrer_host'], measures: both, finest: '15m' },
  pageviews_by_browser: { of: EVENTS, dims: ['browser'], measures: both, finest: '15m' },
  pageviews_by_os: { of: EVENTS, dims: ['os'], measures: both, finest: '15m' },
  pageviews_by_device: { of: EVENTS, dims: ['device'], measures: both, finest: '15m' },
  pageviews_by_campaign: { of: EVENTS, dims: ['utm_source', 'utm_medium', 'utm_campaign'], measures: both, finest: '15m' },
  visits: { of: VISITS, dims: [], measures: ['visits', 'bounces', 'duration', 'pageviews'], finest: '15m' },
  entry_pages: { of: VISITS, dims: ['entry_page'], measures: ['visits', 'bounces'], finest: '15m' },
  exit_pages: { of: VISITS, dims: ['exit_page'], measures: ['visits'], finest: '15m' },
};

// What the rows of a tab are, and what is counted of each; the first measure orders them.
export const LISTS = {
  pages: { of: EVENTS, dims: ['path'], measures: ['visitors', 'pageviews'] },
  entry: { of: VISITS, dims: ['entry_page'], measures: ['visits', 'bounces'] },
  exit: { of: VISITS, dims: ['exit_page'], measures: ['visits'] },
  referrers: { of: EVENTS, dims: ['referrer_host'], measures: ['visitors', 'pageviews'] },
  campaigns: { of: EVENTS, dims: ['utm_source', 'utm_medium', 'utm_campaign'], measures: ['visitors', 'pageviews'] },
  countries: { of: EVENTS, dims: ['country'], measures: ['pageviews'] },
  regions: { of: EVENTS, dims: ['region'], measures: ['pageviews'] },
  browsers: { of: EVENTS, dims: ['browser'], measures: ['visitors', 'pageviews'] },
  systems: { of: EVENTS, dims: ['os'], measures: ['visitors', 'pageviews'] },
  devices: { of: EVENTS, dims: ['device'], measures: ['visitors', 'pageviews'] },
};

// Of what a card is made, and how.
export const NUMBERS = {
  visitors: { of: EVENTS, value: (t) => t.visitors },
  pageviews: { of: EVENTS, value: (t) => t.pageviews },
  visits: { of: VISITS, value: (t) => t.visits },
  views_per_visit: { of: VISITS, value: (t) => ratio(t.pageviews, t.visits) },
  bounce_rate: { of: VISITS, value: (t) => ratio(t.bounces, t.visits) },
  visit_duration: { of: VISITS, value: (t) => ratio(t.duration, t.visits) },
};

const ratio = (a, b) => (b > 0 ? a / b : null);

/* ---- what can be answered at all */

const ONLY = { [EVENTS]: ['path'], [VISITS]: ['entry_page', 'exit_page'] };
const other = (of) => (of === EVENTS ? VISITS : EVENTS);
const knows = (of, dim) => DIMENSIONS.includes(dim) && !ONLY[other(of)].includes(dim);

/** Why these filters leave a relation without an answer; null when they don't. */
function whyNot(of, dims, filters) {
  const asked = filters.map((f) => f.dim);
  const strange = [...asked, ...dims].some((dim) => !knows(of, dim));
  if (!strange) return null;
  return of === VISITS ? 'visitsByPage' : 'eventsByVisit';
}

/** The measure itself, or the one to show instead under filters that leave it without an answer. */
export function answerable(measure, filters) {
  const { of } = NUMBERS[measure];
  if (!whyNot(of, [], filters) || whyNot(other(of), [], filters)) return measure;
  return of === EVENTS ? 'visits' : 'visitors';
}

/** A tab's list as the filters allow it: what both relations know is counted in visits where a visit's page is asked for. */
export function listFor(tab, filters) {
  const list = LISTS[tab];
  const byVisit = filters.some((f) => ONLY[VISITS].includes(f.dim));
  if (list.of === EVENTS && byVisit && list.dims.every((d) => knows(VISITS, d))) {
    return { of: VISITS, dims: list.dims, measures: ['visits', 'bounces'] };
  }
  return list;
}

/* ---- by a view */

const readable = (f) => f.value !== null || !f.not;
const ofQuarters = ({ from, to }) => from % QUARTER === 0 && to % QUARTER === 0;

/** Whether a view keeps slots that make just this range: quarter hours, or minutes as long as it has them. */
function fits(view, { range, now }) {
  return ofQuarters(range) || (VIEWS[view].finest === 'minute' && range.from >= now - MINUTES_KEPT);
}

function viewFor({ of, dims, measures }, where, filters) {
  const needed = [...new Set([...dims, ...filters.map((f) => f.dim)])];
  const mixed = needed.some((d) => filters.some((f) => f.dim === d && f.value === null) && filters.filter((f) => f.dim === d).length > 1);
  if (mixed || !filters.every(readable)) return null;
  return Object.keys(VIEWS).find((name) => VIEWS[name].of === of && fits(name, where) && needed.every((d) => VIEWS[name].dims.includes(d)) &&
    measures.every((m) => VIEWS[name].measures.includes(m))) || null;
}

const seconds = (ms) => Math.floor(ms / 1000);

function rowParams({ site, range, tz }, filters) {
  const params = { site, from: seconds(range.from), to: seconds(range.to), tz };
  for (const { dim, value, not } of filters) {
    const name = value === null ? `null[${dim}]` : `filter[${dim}]${not ? '!' : ''}`;
    params[name] = [...(params[name] || []), value === null ? 'true' : value];
  }
  return params;
}

/* ---- by SQL */

/** A text as PostgreSQL writes it. */
export const quote = (text) => `'${String(text).replace(/'/g, "''")}'`;

/** A pattern of ILIKE that finds a text anywhere. */
export const containing = (text) => `%${String(text).replace(/[\\%_]/g, '\\$&')}%`;

function conditionOf(dim, filters) {
  const wanted = filters.filter((f) => !f.not).map((f) => (f.value === null ? `${dim} IS NULL` : `${dim} = ${quote(f.value)}`));
  const others = filters.filter((f) => f.not).map((f) => (f.value === null ? `${dim} IS NOT NULL` : `${dim} IS DISTINCT FROM ${quote(f.value)}`));
  const any = wanted.length > 1 ? [`(${wanted.join(' OR ')})`] : wanted;
  return [...any, ...others];
}

function conditions(of, filters) {
  const dims = DIMENSIONS.filter((d) => filters.some((f) => f.dim === d));
  const base = of === EVENTS ? ["event_type = 'PageViewEvent'", 'NOT bot'] : [];
  return [...base, ...dims.flatMap((d) => conditionOf(d, filters.filter((f) => f.dim === d)))];
}

const AGGREGATES = {
  visitors: 'count(DISTINCT visitor)',
  visits: 'count(*)',
  bounces: 'count(*) FILTER (WHERE bounce)',
  duration: 'sum(duration)',
};
const aggregate = (of, measure) => (measure === 'pageviews' ? (of === EVENTS ? 'count(*)' : 'sum(pageviews)') : AGGREGATES[measure]);

function select({ of, dims, measures }, where, bucket) {
  const time = of === EVENTS ? 'event_time' : 'session_start';
  const keys = [...(bucket ? [`date_bin('${bucket}', ${time}, 'epoch') AS time`] : []), ...dims];
  const list = [...keys, ...measures.map((m) => `${aggregate(of, m)} AS ${m}`)];
  const group = keys.length > 0 ? ` GROUP BY ${keys.map((_, i) => i + 1).join(', ')}` : '';
  const filter = where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '';
  return `SELECT ${list.join(', ')} FROM ${of === EVENTS ? 'events' : 'sessions'}${filter}${group}`;
}

const queryBody = ({ site, range, tz }, sql, more) =>
  ({ query: { sql, site, from: seconds(range.from), to: seconds(range.to), tz, ...more } });

/* ---- the questions. `where`: {site, tz, range: {from, to}, now} */

const WHOLE = { [EVENTS]: both, [VISITS]: VIEWS.visits.measures };

/** The finest step in which a relation's numbers are there from `oldest` on under these filters. */
export function finestStep(of, where, filters, oldest) {
  if (of === VISITS) return '15m';
  const view = viewFor({ of, dims: [], measures: both }, where, filters);
  if (view === null) return 'minute';
  return oldest >= where.now - MINUTES_KEPT ? VIEWS[view].finest : '15m';
}

/** All numbers of a relation, slot by slot (or `step` 'all': of the whole range); the answer's totals are the range's. */
export function series(of, where, filters, step) {
  const why = whyNot(of, [], filters);
  if (why) return { why };
  const question = { of, dims: [], measures: WHOLE[of] };
  const view = viewFor(question, where, filters);
  const timed = step === 'all' ? {} : { order: 'time', limit: 10000 };
  if (view) return { rows: view, params: { ...rowParams(where, filters), by: '', step, ...timed } };
  const bucket = { all: null, minute: '1 minute' }[step];
  return queryBody(where, select(question, conditions(of, filters), bucket === undefined ? '15 minutes' : bucket),
    step === 'all' ? {} : { step, ...timed });
}

const present = (dims) => `(${dims.map((d) => `${d} IS NOT NULL`).join(' OR ')})`;
const matching = (dims, text) => `(${dims.map((d) => `${d} ILIKE ${quote(containing(text))}`).join(' OR ')})`;

// Links within the site are no referrers of it: left out unless a referrer is asked for.
function withoutOwn(tab, site, filters) {
  if (tab !== 'referrers' || filters.some((f) => f.dim === 'referrer_host')) return filters;
  const own = site.startsWith('www.') ? [site, site.slice(4)] : [site, `www.${site}`];
  return [...filters, ...own.map((value) => ({ dim: 'referrer_host', value, not: true }))];
}

/**
 * The rows of a tab, most first: `search` keeps those that hold a text; `telling` leaves out the row that says nothing,
 * a campaign of no name at all, which costs a query.
 */
export function list(tab, where, given, { limit = 10, offset = 0, search = '', telling = false } = {}) {
  const filters = withoutOwn(tab, where.site, given);
  const asked = listFor(tab, filters);
  const why = whyNot(asked.of, asked.dims, filters);
  if (why) return { why };
  const order = `-${asked.measures[0]}`;
  const page = { order, limit, ...(offset > 0 ? { offset } : {}) };
  const view = search === '' && !(telling && asked.dims.length > 1) ? viewFor(asked, where, filters) : null;
  if (view) return { rows: view, params: { ...rowParams(where, filters), by: asked.dims.join(','), step: 'all', ...page } };
  const more = [...(asked.dims.length > 1 ? [present(asked.dims)] : []), ...(search === '' ? [] : [matching(asked.dims, search)])];
  return queryBody(where, select(asked, [...conditions(asked.of, filters), ...more], null), page);
}

/** The day of a site's first page view, as far back as an answer may reach. */
export function firstDay(site, tz, now) {
  const from = Math.floor(now / DAY) * DAY - 9900 * DAY;
  return { rows: 'pageviews', params: { site, tz, from: seconds(from), to: seconds(now) + 60, by: '', step: 'day', order: 'time', limit: 1 } };
}

/* ---- answers */

/** The rows of an answer as objects, `time` in milliseconds. */
export function objects(answer) {
  return answer.rows.map((row) => {
    const o = {};
    answer.columns.forEach((name, i) => { o[name] = name === 'time' ? Date.parse(row[i]) : row[i]; });
    return o;
  });
}
