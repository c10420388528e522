// SPDX-License-Identifier: Apache-2.0
// The head of the page: site, who is there now, ways to other pages; below it the period, comparison and time zone.

import { h, replace, setText, svg } from '../lib/dom.js';
import { common, dashboard as texts } from '../texts.js';
import { PERIODS } from './period.js';
import { rangeText } from './ticks.js';

function mark() {
  return svg('svg', { viewBox: '0 0 32 32', class: 'mark', 'aria-hidden': 'true' }, svg('rect', { width: 32, height: 32, rx: 7, class: 'mark-ground' }),
    svg('path', { d: 'M6.4 22.5h3.5V25H6.4zM11.6 18h3.5v7h-3.5zM16.8 13.5h3.5V25h-3.5zM22 7h3.5v18H22z', class: 'mark-bars' }));
}

function siteSelect(on) {
  const select = h('select', { class: 'site', 'aria-label': texts.site, on: { change: () => on.site(select.value) } });
  return {
    select,
    update(site, sites) {
      const names = [...new Set([...sites, ...(site ? [site] : [])])].sort();
      const there = [...select.options].map((o) => o.value).join('\n');
      if (there !== names.join('\n')) replace(select, names.map((n) => h('option', { value: n }, n)));
      if (site) select.value = site;
    },
  };
}

function links(session, on) {
  const admin = session.scope === 'admin';
  return [
    admin && h('a', { class: 'button quiet', href: '/system' }, common.system),
    session.signed_in ? h('button', { type: 'button', class: 'button quiet', on: { click: on.signOut } }, common.signOut)
      : h('button', { type: 'button', class: 'button quiet', on: { click: on.signIn } }, common.signIn),
  ];
}

/** The head: `update(state, sites)`, `range(range, ...)`, `session(session)`. `now`: the part of now.js. */
export function makeHeader(now, on) {
  const site = siteSelect(on);
  const ways = h('nav', { class: 'ways', 'aria-label': common.product });
  const help = h('button', { type: 'button', class: 'button quiet icon', 'aria-label': texts.help, title: texts.help, on: { click: on.help } }, '?');
  const el = h('header', { class: 'top' }, h('div', { class: 'wrap top-row' },
    h('h1', { class: 'brand' }, mark(), h('span', { class: 'visually-hidden' }, common.product)), site.select, now.el, h('span', { class: 'space' }), ways, help));
  return {
    el,
    update: (state, sites) => site.update(state.site, sites),
    session: (session) => replace(ways, links(session, on)),
  };
}

/** The bar of controls under it: `update(state, range, isLast)`. */
export function makeControls(on) {
  const periods = PERIODS.map((p) => h('button', { type: 'button', class: 'period', dataset: { period: p }, on: { click: () => on.period(p) } }, texts.periods[p]));
  const step = (name, text, n) => h('button', { type: 'button', class: 'button quiet icon', 'aria-label': name, title: name, on: { click: () => on.shift(n) } }, text);
  const earlier = step(texts.earlier, '‹', -1);
  const later = step(texts.later, '›', 1);
  const range = h('span', { class: 'range', 'aria-live': 'polite' }, '\u00a0');
  const compare = h('button', { type: 'button', class: 'button', title: texts.compareTitle, on: { click: on.compare } }, texts.compare);
  const zone = h('button', { type: 'button', class: 'button', title: texts.zoneTitle, on: { click: on.zone } });
  const el = h('div', { class: 'wrap controls' },
    h('div', { class: 'periods', role: 'group', 'aria-label': texts.periodGroup }, periods),
    h('div', { class: 'ranges' }, earlier, range, later), h('span', { class: 'space' }), h('div', { class: 'choices' }, compare, zone));
  return {
    el,
    update(state, resolved, now) {
      for (const p of periods) p.setAttribute('aria-pressed', String(p.dataset.period === state.period));
      setText(range, resolved ? rangeText(resolved, state.tz) : '\u00a0');
      earlier.disabled = state.period === 'all';
      later.disabled = state.period === 'all' || !resolved || resolved.to > now;
      compare.setAttribute('aria-pressed', String(state.compare));
      compare.disabled = state.period === 'all';
      setText(zone, state.tz.replace(/_/g, ' '));
      zone.setAttribute('aria-label', `${texts.zone}: ${state.tz}`);
    },
  };
}
