// SPDX-License-Identifier: Apache-2.0
// Values of dimensions as people read them: countries and regions by name, NULL with a name of its own.

import { dashboard as texts } from '../texts.js';

let namesOf = null;

function country(code) {
  namesOf = namesOf || new Intl.DisplayNames(undefined, { type: 'region' });
  try {
    return namesOf.of(code);
  } catch {
    return code; // no code at all, but what an event said
  }
}

const isCountry = (text) => /^[A-Z]{2}$/.test(text);

function place(value) {
  if (value === 'ZZ') return { text: texts.nothing.country, code: null };
  const land = value.slice(0, 2);
  if (!isCountry(land) || (value.length > 2 && value[2] !== '-')) return { text: value, code: null };
  return value.length === 2 ? { text: country(value), code: value } : { text: country(land), code: value };
}

/** `{text, code}`: what a value is called, and its code where it has one beside the name. */
export function nameOf(dim, value) {
  if (value === null || value === undefined) return { text: texts.nothing[dim], code: null };
  const text = String(value);
  if (dim === 'country' || dim === 'region') return place(text);
  return { text: text === '' ? '“”' : text, code: null };
}

/** One text for it, as in a pill or a title. */
export function label(dim, value) {
  const { text, code } = nameOf(dim, value);
  return dim === 'region' && code !== null && code.length > 2 ? `${code} ${text}` : text;
}

/** A row of a list: the values of its dimensions, those that are NULL left out unless all are. */
export function rowLabel(dims, row) {
  if (dims.length === 1) return label(dims[0], row[dims[0]]);
  const given = dims.filter((d) => row[d] !== null);
  return given.length === 0 ? label(dims[0], null) : given.map((d) => label(d, row[d])).join(' / ');
}

/** The filters that a row stands for. */
export function filtersOf(dims, row) {
  const given = dims.length === 1 ? dims : dims.filter((d) => row[d] !== null);
  return given.map((dim) => ({ dim, value: row[dim], not: false }));
}
