// SPDX-License-Identifier: Apache-2.0
// The dashboard: puts the parts together. A state (state.js, the address) is resolved to a range of time; cards and
// chart, and each panel, ask for it by themselves. Live totals make them ask again, in place.

import '../lib/base.css';
import './dashboard.css';
import { get, goSignIn, session as askSession, signInUrl, onSignedOut, signOut as endSession } from '../lib/api.js';
import { $, h, replace, setText } from '../lib/dom.js';
import { count, time } from '../lib/format.js';
import { common, dashboard as texts } from '../texts.js';
import { aborted, allowQueries, ask } from './ask.js';
import { makeCards } from './cards.js';
import { makeChart } from './chart.js';
import { download, fileName } from './csv.js';
import { answerable, firstDay, objects } from './data.js';
import { makeEmpty } from './empty.js';
import { makeFilters } from './filters.js';
import { makeControls, makeHeader } from './header.js';
import { listenKeys, openHelp } from './keys.js';
import { openLive } from './live.js';
import { causeOf, failure, remark } from './notice.js';
import { makeNow } from './now.js';
import { loadNumbers } from './numbers.js';
import { makePanel } from './panels.js';
import { openPeriodDialog } from './period-dialog.js';
import { moved, named, resolve } from './period.js';
import { TABS, openState, read, withFilter } from './state.js';
import { openZoneDialog } from './zone-dialog.js';

const REFRESH_MS = 5000;
const REFRESH_QUERIES_MS = 20000; // filters are asked of the log
const TURN_MS = 60000; // slots begin without events, too

const ownZone = new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/* ---- the parts */

const state = openState(ownZone, () => render());
const embed = read(location.search, ownZone).embed;
const now = makeNow();
const header = makeHeader(now, { site: goToSite, help: openHelp, signIn: () => location.assign(signInUrl()), signOut });
const controls = makeControls({ period: pickPeriod, shift, compare: () => set({ compare: !state.get().compare }), zone: openZones });
const filters = makeFilters((list) => set({ filters: list }), () => content.focus({ preventScroll: true }));
const cards = makeCards((measure) => set({ measure }, { replace: true }));
const chart = makeChart((range) => set(named(range, state.get().tz, Date.now())), saveChart);
const panels = Object.keys(TABS).map((name) => ({ name, ...makePanel(name, {
  tab: (panel, tab) => set({ tabs: { ...state.get().tabs, [panel]: tab } }, { replace: true }),
  filter: addFilters,
  failed: onFailed,
}) }));

const chartPlace = h('div', { class: 'chart-place' }, chart.el);
const figures = h('section', { class: 'card figures fresh', 'aria-label': texts.figures }, cards.el, chartPlace);
const stale = h('p', { class: 'stale notice warn small', role: 'status', hidden: true });
const numbers = h('div', { class: 'numbers' }, figures, h('div', { class: 'panels' }, panels.map((p) => p.el)));
const asOf = h('p', { class: 'as-of soft' });
const content = h('div', { class: 'wrap content', id: 'content', tabindex: '-1' }, filters.el, stale, numbers, asOf);

function layOut() {
  const app = $('app');
  const only = panels.find((p) => p.name === embed);
  if (embed) document.documentElement.classList.add('embedded');
  if (only) replace(app, only.el);
  else if (embed === 'cards') replace(app, h('div', { class: 'card figures' }, cards.el));
  else if (embed === 'chart') replace(app, h('div', { class: 'card figures' }, chartPlace));
  else if (embed) replace(app, content);
  else replace(app, h('a', { class: 'skip', href: '#content' }, common.skip), header.el, h('div', { class: 'control-bar' }, controls.el), content);
}

/* ---- what is known beside the state */

const known = {
  session: null,
  sites: [],
  since: -Infinity, // the site's first page view; Infinity: none yet
  sinceOf: null,
  context: null, // of the last load
  got: null, // the last numbers
  loading: null, // aborts the numbers
  loadedAt: 0,
  offset: -1, // of the log, as the last live totals say
};

function set(change, how) {
  state.set(change, how);
}

function context() {
  const s = state.get();
  const at = Date.now();
  const range = resolve(s, s.tz, at, Number.isFinite(known.since) ? known.since : at);
  return { state: s, where: { site: s.site, tz: s.tz, range, now: at } };
}

/* ---- what the reader does */

function goToSite(site) {
  set({ site, filters: [] });
}

/** More filters; where these leave the chart's measure without an answer, one that has it. */
function addFilters(added) {
  const list = added.reduce(withFilter, state.get().filters);
  const { measure } = state.get();
  set({ filters: list, measure: answerable(measure, list) });
}

function pickPeriod(period) {
  if (period === 'custom') openPeriodDialog(state.get(), Date.now(), set);
  else set({ period, from: null, to: null });
}

function shift(n) {
  const s = state.get();
  const at = Date.now();
  if (s.period === 'all') return;
  const range = resolve(s, s.tz, at);
  if (n > 0 && range.to > at) return;
  set(named(moved(range, s.tz, n), s.tz, at));
}

function openZones() {
  openZoneDialog(state.get().tz, ownZone, (tz) => set({ tz }));
}

async function signOut() {
  try {
    await endSession();
  } catch (e) {
    return onFailed(e);
  }
  return location.assign('/sign-in');
}

function saveChart() {
  const { where, state: s } = known.context;
  if (known.got && !known.got.why) download(known.got.csv, fileName(s.measure, where)).catch(onFailed);
}

/* ---- loading */

function onFailed(e) {
  if (e.status === 401 && !embed) goSignIn();
  else if (e.status === 403) setText(stale, texts.noSuchSite);
  else setText(stale, texts.stale(causeOf(e)));
  stale.hidden = false;
}

async function showNumbers(at, quiet) {
  if (quiet && known.loading) return;
  if (known.loading) known.loading.abort();
  const mine = known.loading = new AbortController();
  if (!quiet) figures.setAttribute('aria-busy', 'true');
  try {
    const got = await loadNumbers(at, mine.signal);
    if (mine === known.loading) showGot(got);
  } catch (e) {
    if (mine === known.loading && !aborted(e)) failNumbers(e, quiet);
  } finally {
    if (mine === known.loading) {
      known.loading = null;
      figures.removeAttribute('aria-busy');
    }
  }
}

function showCards() {
  const { parts: of, against } = known.got;
  cards.update(of(known.since), against && texts.against(against));
}

function showGot(got) {
  stale.hidden = true;
  figures.classList.remove('fresh');
  known.got = got;
  setText(asOf, got.asOf ? texts.asOf(count(got.asOf.offset), got.latest && time(got.latest, state.get().tz)) : '');
  showCards();
  if (got.why) return replace(chartPlace, remark(texts.why[got.why]));
  if (chart.el.parentNode !== chartPlace || chartPlace.children.length > 1) replace(chartPlace, chart.el);
  return chart.update(got.model(known.since));
}

function failNumbers(e, quiet) {
  if (quiet || e.status === 401) onFailed(e);
  if (quiet) return;
  known.got = null;
  cards.update({ events: {}, visits: {} }); // the numbers of another period would be taken for this one's
  replace(chartPlace, failure(e, () => load()));
}

function parts() {
  const only = panels.filter((p) => p.name === embed);
  if (only.length > 0) return { figures: false, panels: only };
  return { figures: true, panels: embed === 'cards' || embed === 'chart' ? [] : panels };
}

function load({ quiet = false } = {}) {
  known.loadedAt = Date.now();
  known.context = context();
  controls.update(state.get(), known.context.where.range, known.context.where.now);
  const wanted = parts();
  if (wanted.figures) showNumbers(known.context, quiet);
  for (const panel of wanted.panels) panel.load(known.context, { quiet });
}

function showEmpty(site) {
  replace(content, filters.el, stale, makeEmpty(site, known.sites.length === 0 || known.sites.includes(site)));
}

/** When the site's first page view was; a site without one gets a card that says how to send it. */
async function learnSince(site) {
  const answer = await ask(firstDay(site, 'UTC', Date.now()));
  if (site !== state.get().site) return;
  const [row] = objects(answer);
  known.since = row ? row.time : Infinity;
  known.sinceOf = site;
  if (known.since === Infinity) showEmpty(site);
  else if (numbers.parentNode !== content) replace(content, filters.el, stale, numbers, asOf);
}

function render() {
  const s = state.get();
  document.title = texts.title(s.site);
  header.update(s, known.sites);
  filters.update(s.filters);
  cards.pick(s.measure);
  controls.update(s, null, Date.now());
  if (s.site === null) return;
  if (known.sinceOf !== s.site) arrive(s.site);
  if (s.period === 'all' && known.sinceOf !== s.site) return; // the first page view says what to ask for
  load();
}

function arrive(site) {
  known.since = -Infinity;
  known.sinceOf = known.got = null;
  now.clear();
  live.follow(site);
  learnSince(site).then(() => {
    if (known.since === Infinity) return;
    if (state.get().period === 'all') load();
    else if (known.got) {
      showCards();
      if (!known.got.why) chart.update(known.got.model(known.since));
    }
  }, (e) => {
    if (e.status === 401) onFailed(e);
    else if (state.get().period === 'all') replace(chartPlace, failure(e, () => arrive(site)));
  });
}

/* ---- live */

let refreshTimer = 0;

const asksLog = () => state.get().filters.length > 0;

/** A hidden page rests; it asks when it is seen again. */
function refresh() {
  if (!document.hidden && known.context && known.since !== Infinity) load({ quiet: true });
}

function refreshSoon() {
  const { range } = known.context.where;
  if (refreshTimer !== 0 || Date.now() >= range.to) return;
  const wait = known.loadedAt + (asksLog() ? REFRESH_QUERIES_MS : REFRESH_MS) - Date.now();
  refreshTimer = setTimeout(() => {
    refreshTimer = 0;
    refresh();
  }, Math.max(0, wait));
}

function onTotals(totals) {
  now.totals(totals);
  const moves = totals.as_of.offset !== known.offset;
  known.offset = totals.as_of.offset;
  if (!moves || known.context === null) return;
  if (known.since === Infinity) {
    if (!totals.minutes.some((m) => m[1] > 0)) return;
    arrive(totals.site);
  }
  refreshSoon();
}

const live = openLive(onTotals, now.state);

setInterval(refresh, TURN_MS);
document.addEventListener('visibilitychange', () => {
  if (Date.now() - known.loadedAt > REFRESH_MS) refresh();
});

/* ---- the start */

async function learnSession() {
  known.session = await askSession();
  if (known.session.signed_in) allowQueries(1);
  header.session(known.session);
  if (!known.session.signed_in && state.get().site === null) goSignIn();
  return known.session;
}

async function learnSites() {
  const { sites } = await get('/v1/sites');
  known.sites = sites.map((s) => s.name);
  const { site } = state.get();
  if (site !== null && known.since === Infinity) showEmpty(site);
  if (site !== null) return header.update(state.get(), known.sites);
  const usual = known.sites.find((name) => name !== 'localhost') || known.sites[0];
  if (usual) return set({ site: usual }, { replace: true });
  return replace(content, makeEmpty(null, false));
}

function listen() {
  listenKeys({ period: pickPeriod, shift, compare: () => set({ compare: !state.get().compare }),
    search: () => panels[0].openMore(),
    clear: () => state.get().filters.length > 0 && set({ filters: [] }),
    help: openHelp });
}

function start() {
  layOut();
  render();
  const who = learnSession();
  if (!embed) {
    who.then((session) => session.signed_in && learnSites()).catch(onFailed);
    onSignedOut(() => location.reload()); // shows what is public, or the way to sign in
    listen();
  } else {
    who.catch(onFailed);
  }
}

start();
