// SPDX-License-Identifier: Apache-2.0
// Numbers, dates and durations for people, in the words of the browser's language.

const made = new Map();

function formatter(Kind, options) {
  const key = Kind.name + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Kind(undefined, options));
  return made.get(key);
}

const number = (options) => formatter(Intl.NumberFormat, options);
const date = (options) => formatter(Intl.DateTimeFormat, options);
const missing = (n) => n === null || n === undefined || Number.isNaN(Number(n));

const NONE = '–';

/** 12,345 */
export function count(n) {
  return missing(n) ? NONE : number({ maximumFractionDigits: 0 }).format(n);
}

/** 1.2 with at most so many places */
export function decimal(n, places = 1) {
  return missing(n) ? NONE : number({ minimumFractionDigits: places, maximumFractionDigits: places }).format(n);
}

/** 12,345 up to 99,999, then 123K, 1.2M */
export function compact(n) {
  if (missing(n)) return NONE;
  return Math.abs(n) < 100000 ? count(n) : number({ notation: 'compact', maximumSignificantDigits: 3 }).format(n);
}

/** 0.423 as 42.3 % */
export function percent(x, places = 1) {
  return missing(x) ? NONE : number({ style: 'percent', minimumFractionDigits: places, maximumFractionDigits: places }).format(x);
}

/** Seconds as 48s, 3m 05s, 2h 10m, 3d 4h */
export function duration(seconds) {
  if (missing(seconds)) return NONE;
  const s = Math.round(seconds);
  const two = (n) => String(n).padStart(2, '0');
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

/** 12.3 MB, 45 bytes */
export function bytes(n) {
  if (missing(n)) return NONE;
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let i = 0;
  let x = Number(n);
  for (; x >= 1000 && i < units.length - 1; i++) x /= 1000;
  return number({ style: 'unit', unit: units[i], unitDisplay: i === 0 ? 'long' : 'short', maximumFractionDigits: x < 10 && i > 0 ? 1 : 0 }).format(x);
}

/** A moment: 26 Nov 2026, 14:05 */
export function time(when, zone) {
  return date({ dateStyle: 'medium', timeStyle: 'short', timeZone: zone }).format(new Date(when));
}

/** 14:05 */
export function clock(when, zone) {
  return date({ timeStyle: 'short', timeZone: zone }).format(new Date(when));
}

/** Thu, 26 Nov 2026 */
export function day(when, zone) {
  return date({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: zone }).format(new Date(when));
}

/** Any other form: options of Intl.DateTimeFormat. */
export function dateAs(when, zone, options) {
  return date({ ...options, timeZone: zone }).format(new Date(when));
}

/** A range of days or months, as short as the language allows. */
export function dateRange(from, to, zone, options) {
  return date({ ...options, timeZone: zone }).formatRange(new Date(from), new Date(to));
}

/** 5 minutes ago */
export function ago(when, now = Date.now()) {
  const s = Math.round((new Date(when).getTime() - now) / 1000);
  const relative = formatter(Intl.RelativeTimeFormat, { numeric: 'auto' });
  const a = Math.abs(s);
  if (a < 60) return relative.format(s, 'second');
  if (a < 3600) return relative.format(Math.round(s / 60), 'minute');
  if (a < 86400) return relative.format(Math.round(s / 3600), 'hour');
  return relative.format(Math.round(s / 86400), 'day');
}

/** How `now` compares with `before`: {text: '+12 %', direction: 1 | 0 | -1}; null when there is nothing to compare with. */
export function change(now, before) {
  if (missing(now) || missing(before) || Number(before) === 0) return null;
  const x = now / before - 1;
  const places = Math.abs(x) < 0.0995 ? 1 : 0;
  const text = number({ style: 'percent', minimumFractionDigits: places, maximumFractionDigits: places, signDisplay: 'exceptZero' }).format(x);
  const rounded = Number(x.toFixed(places + 2));
  return { text, direction: Math.sign(rounded) };
}
