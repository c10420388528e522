// SPDX-License-Identifier: Apache-2.0
// A text area with line numbers, and a mark under a place in it.

import { h, replace } from '../lib/dom.js';

const TAB = '  ';

/** Tab indents and Shift+Tab takes that back; after Escape the next Tab leaves the field. */
function indent(area, event, changed) {
  if (event.key !== 'Tab' || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const { selectionStart: at, value } = area;
  const start = value.lastIndexOf('\n', at - 1) + 1;
  if (event.shiftKey) {
    if (!value.startsWith(TAB, start)) return;
    area.setRangeText('', start, start + TAB.length, 'preserve');
  } else {
    area.setRangeText(TAB, at, area.selectionEnd, 'end');
  }
  changed();
}

/** Where a line begins, as an index. */
function startOf(value, line) {
  let at = 0;
  for (let i = 1; i < line; i++) at = value.indexOf('\n', at) + 1 || value.length;
  return at;
}

/** Characters are counted as the service does: by code point. */
function indexOf(value, line, column) {
  const start = startOf(value, line);
  const end = value.indexOf('\n', start);
  const characters = Array.from(value.slice(start, end < 0 ? value.length : end));
  return start + characters.slice(0, column - 1).join('').length;
}

/** From a place to the end of its word, or one character. */
function wordFrom(value, at) {
  const word = /^[\w.]+/.exec(value.slice(at));
  return word ? word[0].length : 1;
}

export function codeEditor(label, value) {
  const gutter = h('div', { class: 'code-gutter', 'aria-hidden': 'true' });
  const under = h('pre', { class: 'code-under', 'aria-hidden': 'true' });
  const area = h('textarea', { class: 'code-area', 'aria-label': label, spellcheck: 'false', autocapitalize: 'none', autocomplete: 'off', wrap: 'off', value });
  const element = h('div', { class: 'code' }, gutter, h('div', { class: 'code-body' }, under, area));
  let listener = () => {};
  let leaves = false;
  let marked = 0;

  function number() {
    const n = area.value.split('\n').length;
    area.rows = Math.max(8, n + 1);
    replace(gutter, Array.from({ length: n }, (_, i) => h('div', { class: i + 1 === marked ? 'bad' : null }, String(i + 1))));
  }

  function changed() {
    number();
    listener();
  }

  area.addEventListener('input', changed);
  area.addEventListener('scroll', () => { under.scrollLeft = area.scrollLeft; });
  area.addEventListener('keydown', (event) => {
    if (!leaves) indent(area, event, changed);
    if (event.key === 'Escape' && !leaves) {
      event.preventDefault(); // the dialog stays: a second Escape closes it
      event.stopPropagation();
      leaves = true;
    } else if (event.key !== 'Tab' && event.key !== 'Shift') {
      leaves = false;
    }
  });
  number();

  return {
    element,
    value: () => area.value,
    setValue: (sql) => { area.value = sql; changed(); },
    focus: () => { area.focus(); area.setSelectionRange(0, 0); },
    onInput: (f) => { listener = f; },
    mark(line, column) {
      const at = indexOf(area.value, line, column);
      const length = wordFrom(area.value, at);
      marked = line;
      const mark = h('mark', null, area.value.slice(at, at + length) || ' ');
      replace(under, area.value.slice(0, at), mark, area.value.slice(at + length), '\n');
      area.scrollLeft = mark.offsetLeft - area.clientWidth / 2; // and the copy follows
      area.setAttribute('aria-invalid', 'true');
      number();
    },
    unmark() {
      if (marked === 0) return;
      marked = 0;
      under.replaceChildren();
      area.removeAttribute('aria-invalid');
      number();
    },
    goTo(line, column) {
      const at = indexOf(area.value, line, column);
      area.focus();
      area.setSelectionRange(at, at);
    },
  };
}
