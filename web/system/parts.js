// SPDX-License-Identifier: Apache-2.0
// What the sections of the system page are made of.

import { h } from '../lib/dom.js';
import { common, system as text } from '../texts.js';

/** A card with a heading; `more` stands at the right of it. */
export function section(id, title, more, ...children) {
  return h('section', { class: 'card padded section', id, 'aria-labelledby': `${id}-title`, tabindex: '-1' },
    h('header', { class: 'section-head' }, h('h2', { id: `${id}-title` }, title), more),
    children);
}

let fields = 0;

/** A labelled control: `control(id)` makes it. */
export function field(label, control, hint) {
  const id = `field-${++fields}`;
  const made = control(id);
  if (hint) made.setAttribute('aria-describedby', `${id}-hint`);
  return h('div', { class: 'field' }, h('label', { for: id }, label), made,
    hint ? h('p', { class: 'soft small', id: `${id}-hint` }, hint) : null);
}

export function button(label, onClick, kind = '') {
  return h('button', { type: 'button', class: `button ${kind}`.trim(), on: { click: onClick } }, label);
}

/** Columns: texts, or `{label, kind}` with the class of their cells; a scrolling box with a table whose body is `body`. */
export function table(label, columns, body) {
  const head = columns.map((c) => h('th', { scope: 'col', class: c.kind }, c.label === undefined ? c : c.label));
  return h('div', { class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0' },
    h('table', { class: 'lined' }, h('caption', { class: 'visually-hidden' }, label), h('thead', null, h('tr', null, head)), body));
}

/** What an error says to a person. */
export function messageOf(error) {
  return error.status === 0 ? common.unreachable : error.detail || error.title || error.message;
}

/** A place for errors of what was just tried: `say(error, retry)`, `clear()`. Read aloud. */
export function errorPlace() {
  const element = h('div', { role: 'alert', class: 'error-place' });
  const clear = () => element.replaceChildren();
  const say = (error, retry) => {
    element.replaceChildren(h('div', { class: 'notice bad with-button' }, h('p', null, messageOf(error)),
      retry ? button(common.retry, () => { clear(); retry(); }) : ''));
  };
  return { element, say, clear };
}

/** A place for what has been done. Read aloud, politely. */
export function donePlace() {
  const element = h('p', { role: 'status', class: 'done-place' });
  return { element, say: (message) => { element.textContent = message; }, clear: () => { element.textContent = ''; } };
}

/** A form that sends once at a time: its errors stand in it. */
export function form(label, children, send) {
  const error = errorPlace();
  const el = h('form', { 'aria-label': label, novalidate: true }, children, error.element);
  let busy = false;
  el.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    error.clear();
    try {
      await send(el);
    } catch (e) {
      error.say(e);
      const wrong = e.field && el.elements[e.field];
      if (wrong && wrong.focus) wrong.focus();
    } finally {
      busy = false;
    }
  });
  return el;
}

export function submitButton(label, kind = 'primary') {
  return h('button', { type: 'submit', class: `button ${kind}` }, label);
}

const MAX_OPTIONS = 500;

/** A list of names to choose from while typing. */
export function suggestions(id, names) {
  return h('datalist', { id }, names.slice(0, MAX_OPTIONS).map((name) => h('option', { value: name })));
}

export function pill(label, kind = 'plain') {
  return h('span', { class: `pill ${kind}` }, label);
}

/** Sixteen digits and more, shortened: the whole is in the title and for reading aloud in full. */
export function digest(value) {
  return value ? h('code', { title: value, class: 'digest' }, value.slice(0, 12)) : h('span', { class: 'soft' }, text.none);
}
