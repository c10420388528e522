// SPDX-License-Identifier: Apache-2.0
// Choosing all views or one.

import { h, replace } from '../lib/dom.js';
import { system as text } from '../texts.js';

export function viewChoice() {
  const select = h('select', { name: 'views' }, h('option', { value: '' }, text.allViews));
  let names = '';

  return {
    control: (id) => {
      select.id = id;
      return select;
    },
    show(views) {
      const now = views.map((v) => v.name);
      if (now.join() === names) return;
      names = now.join();
      const chosen = select.value;
      replace(select, h('option', { value: '' }, text.allViews), now.map((name) => h('option', { value: name }, name)));
      select.value = now.includes(chosen) ? chosen : '';
    },
    choose: (name) => { select.value = name; },
    /** What a job is asked for with. */
    body: () => (select.value === '' ? {} : { views: [select.value] }),
  };
}
