// SPDX-License-Identifier: Apache-2.0
// Which request the dashboard makes of a question.

import assert from 'node:assert/strict';
import test from 'node:test';
import { LISTS, containing, finestStep, list, listFor, objects, quote, series } from '../../../web/dashboard/data.js';
import { values } from '../../../web/dashboard/model.js';

const where = { site: 'a.example', tz: 'UTC', range: { from: 900000, to: 1800000 }, now: 5e12 };
const is = (dim, value, not = false) => ({ dim, value, not });

test('without filters all is read from views', () => {
  assert.equal(series('events', where, [], 'hour').rows, 'visitors');
  assert.equal(series('visits', where, [], 'hour').rows, 'visits');
  const views = Object.fromEntries(Object.keys(LISTS).map((tab) => [tab, list(tab, where, []).rows]));
  assert.deepEqual(views, { pages: 'pageviews_by_page', entry: 'entry_pages', exit: 'exit_pages', referrers: 'pageviews_by_referrer',
    campaigns: 'pageviews_by_campaign', countries: 'pageviews_by_country', regions: 'pageviews_by_region', browsers: 'pageviews_by_browser',
    systems: 'pageviews_by_os', devices: 'pageviews_by_device' });
});

test('a filter is asked of a view that has its dimension', () => {
  const q = series('events', where, [is('path', '/x')], 'day');
  assert.equal(q.rows, 'pageviews_by_page');
  assert.deepEqual(q.params['filter[path]'], ['/x']);
  assert.deepEqual(series('events', where, [is('browser', 'Firefox', true)], 'day').params['filter[browser]!'], ['Firefox']);
  assert.deepEqual(list('referrers', where, [is('referrer_host', null)]).params['null[referrer_host]'], ['true']);
  assert.equal(finestStep('events', where, [is('path', '/x')], where.now), '15m');
});

test('what no view covers is asked of the log', () => {
  const q = series('events', where, [is('country', 'DE')], 'day').query;
  assert.equal(q.sql, "SELECT date_bin('15 minutes', event_time, 'epoch') AS time, count(*) AS pageviews, count(DISTINCT visitor) AS visitors FROM events "
    + "WHERE event_type = 'PageViewEvent' AND NOT bot AND country = 'DE' GROUP BY 1");
  assert.equal(q.step, 'day');
  const v = series('visits', where, [is('country', 'DE')], 'all').query;
  assert.equal(v.sql, "SELECT count(*) AS visits, count(*) FILTER (WHERE bounce) AS bounces, sum(duration) AS duration, sum(pageviews) AS pageviews FROM sessions "
    + "WHERE country = 'DE'");
  assert.equal(v.step, undefined);
  assert.ok(list('pages', where, [is('country', 'DE')]).query.sql.includes("AND country = 'DE' GROUP BY 1"));
  assert.ok(list('pages', where, [is('browser', null, true), is('path', 'x')]).query.sql.includes('browser IS NOT NULL'));
});

test('a range that no slots of a view make is asked of the log, to the minute', () => {
  const odd = { ...where, range: { from: 960000, to: 1800000 } };
  assert.equal(series('events', odd, [], '15m').query.from, 960);
  assert.equal(series('visits', odd, [], 'all').query.to, 1800);
  assert.ok(list('pages', odd, []).query);
  const lately = { ...odd, now: 5000000 };
  assert.equal(series('events', lately, [], 'minute').rows, 'visitors');
  const steps = [[odd, 960000], [lately, 960000], [{ ...where, now: 5000000 }, 900000], [{ ...where, now: 5000000 }, -1e9], [where, 900000]];
  assert.deepEqual(steps.map(([of, oldest]) => finestStep('events', of, [], oldest)), ['minute', 'minute', 'minute', '15m', '15m']);
  assert.ok(series('visits', lately, [], 'all').query);
});

test('visits do not know pages, page views not the entry page', () => {
  assert.deepEqual(series('visits', where, [is('path', '/')], 'day'), { why: 'visitsByPage' });
  assert.deepEqual(series('events', where, [is('entry_page', '/')], 'day'), { why: 'eventsByVisit' });
  assert.deepEqual(list('entry', where, [is('path', '/')]), { why: 'visitsByPage' });
  assert.deepEqual(list('pages', where, [is('exit_page', '/')]), { why: 'eventsByVisit' });
});

test('with an entry page a list counts visits', () => {
  const filters = [is('entry_page', '/')];
  assert.deepEqual(listFor('browsers', filters).measures, ['visits', 'bounces']);
  assert.match(list('browsers', where, filters).query.sql, /^SELECT browser, count\(\*\) AS visits.* FROM sessions WHERE entry_page = '\/' GROUP BY 1$/);
  assert.equal(list('entry', where, filters).rows, 'entry_pages');
});

test('texts cannot leave their quotes', () => {
  assert.equal(quote("it's '; DROP TABLE events; --"), "'it''s ''; DROP TABLE events; --'");
  assert.equal(quote('back\\slash'), "'back\\slash'");
  const hostile = "x' OR '1'='1";
  const { sql } = list('pages', where, [is('path', hostile), is('os', hostile)]).query;
  assert.equal(sql.replace(/'(?:[^']|'')*'/g, 'T'), "SELECT path, count(DISTINCT visitor) AS visitors, count(*) AS pageviews FROM events "
    + "WHERE event_type = T AND NOT bot AND path = T AND os = T GROUP BY 1");
});

test('a dimension that is none is never part of a SELECT', () => {
  assert.ok(series('events', where, [is('path) --', 'x')], 'day').why);
  assert.ok(series('visits', where, [is('1=1', 'x')], 'day').why);
});

test('a file of campaigns has what the list shows', () => {
  assert.match(list('campaigns', where, [], { telling: true }).query.sql, / AND \(utm_source IS NOT NULL OR utm_medium IS NOT NULL OR utm_campaign IS NOT NULL\) GROUP BY 1, 2, 3$/);
  assert.equal(list('pages', where, [], { telling: true }).rows, 'pageviews_by_page');
});

test('a search finds its letters as they are', () => {
  assert.equal(containing('50%_\\'), '%50\\%\\_\\\\%');
  assert.ok(list('pages', where, [], { search: "a'b" }).query.sql.includes("path ILIKE '%a''b%'"));
});

test('links within the site are no referrers', () => {
  assert.deepEqual(list('referrers', where, []).params['filter[referrer_host]!'], ['a.example', 'www.a.example']);
  assert.equal(list('referrers', where, [is('referrer_host', 'b.example')]).params['filter[referrer_host]!'], undefined);
});

test('an answer’s rows are objects with times', () => {
  assert.deepEqual(objects({ columns: ['time', 'path', 'visits'], rows: [['1970-01-01T01:00:00+01:00', null, 3]] }), [{ time: 0, path: null, visits: 3 }]);
});

test('gaps are where nothing can be said, not where nothing happened', () => {
  const answer = { columns: ['time', 'visits', 'bounces'], rows: [[new Date(20).toISOString(), 4, 1]] };
  const starts = [0, 10, 20, 30, 40];
  assert.deepEqual(values(answer, 'visits', starts, 50, 12, 35), [null, 0, 4, 0, null]);
  assert.deepEqual(values(answer, 'bounce_rate', starts, 50, 12, 35), [null, null, 0.25, null, null]);
});
