// SPDX-License-Identifier: Apache-2.0
// Periods of time in an IANA zone: pure arithmetic on calendar days and instants (milliseconds), no clock of its own.
// A day can have 23 or 25 hours, and a zone's hours need not be UTC's.

export const PERIODS = ['today', 'yesterday', '24h', '7d', '30d', 'month', 'year', 'all', 'custom'];

const MINUTE = 60000;
export const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const MAX_SLOTS = 400;

/* ---- zones */

const readers = new Map();

function reader(zone) {
  if (!readers.has(zone)) {
    readers.set(zone, new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric',
      month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }));
  }
  return readers.get(zone);
}

export function isZone(name) {
  try {
    return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_+/-]{1,60}$/.test(name) && Boolean(reader(name));
  } catch {
    return false;
  }
}

/** A zone's name in the letters that the service knows it by: browsers take any case. */
export function zoneNamed(name) {
  const known = reader(name).resolvedOptions().timeZone; // may be an older name of the same zone
  return known.toLowerCase() === name.toLowerCase() ? known : name;
}

/** How far a zone's clock is ahead of UTC at an instant, as Intl says it (slowly). */
function askOffset(instant, zone) {
  const part = {};
  for (const { type, value } of reader(zone).formatToParts(instant)) part[type] = Number(value);
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - Math.floor(instant / 1000) * 1000;
}

const offsets = new Map(); // zone -> UTC day -> offset at its beginning

function offsetOfDay(day, zone) {
  if (!offsets.has(zone)) offsets.set(zone, new Map());
  const known = offsets.get(zone);
  if (!known.has(day)) known.set(day, askOffset(day * DAY, zone));
  return known.get(day);
}

/** The wall clock of a zone at an instant, as the same numbers in UTC (milliseconds). */
function wall(instant, zone) {
  const day = Math.floor(instant / DAY);
  const offset = offsetOfDay(day, zone);
  // A clock is changed once a day at most: equal at both ends, it is so in between.
  const exact = offset === offsetOfDay(day + 1, zone) ? offset : askOffset(instant, zone);
  return Math.floor(instant / 1000) * 1000 + exact;
}

/** The instant at which a zone's clock shows this; what it never shows (spring) is taken as one hour later. */
export function instantOf(wallMs, zone) {
  const before = wallMs - (wall(wallMs - DAY, zone) - (wallMs - DAY));
  const after = wallMs - (wall(wallMs + DAY, zone) - (wallMs + DAY));
  for (const candidate of [Math.min(before, after), Math.max(before, after)]) {
    if (wall(candidate, zone) === wallMs) return candidate;
  }
  return Math.max(before, after);
}

/* ---- calendar days: 'YYYY-MM-DD' */

const utc = (day) => Date.parse(`${day}T00:00:00Z`);
const dayOfUtc = (ms) => new Date(ms).toISOString().slice(0, 10);

export const dayOf = (instant, zone) => dayOfUtc(wall(instant, zone));
export const startOf = (day, zone) => instantOf(utc(day), zone);
export const addDays = (day, n) => dayOfUtc(utc(day) + n * DAY);

function addMonths(day, n) {
  const [y, m, d] = day.split('-').map(Number);
  const last = new Date(Date.UTC(y, m + n, 0)).getUTCDate();
  return dayOfUtc(Date.UTC(y, m - 1 + n, Math.min(d, last)));
}

const firstOfMonth = (day) => `${day.slice(0, 7)}-01`;
const firstOfYear = (day) => `${day.slice(0, 4)}-01-01`;
const monday = (day) => addDays(day, -((new Date(utc(day)).getUTCDay() + 6) % 7));
const daysBetween = (a, b) => Math.round((utc(b) - utc(a)) / DAY);

/** 'YYYY-MM-DD' or 'YYYY-MM-DDTHH:MM' that exists, from 1990 to 2099; else null. */
function parseLocal(text) {
  const m = /^((?:199|20\d)\d-(?:0\d|1[0-2])-[0-3]\d)(?:T([01]\d|2[0-3]):([0-5]\d))?$/.exec(text || '');
  if (!m || Number.isNaN(utc(m[1])) || dayOfUtc(utc(m[1])) !== m[1]) return null;
  return { day: m[1], minutes: m[2] === undefined ? null : Number(m[2]) * 60 + Number(m[3]) };
}

function floorHour(instant, zone) {
  const whole = Math.floor(instant / 1000) * 1000;
  return whole - (wall(whole, zone) % HOUR);
}

const localInstant = (text, zone) => {
  const { day, minutes } = parseLocal(text);
  return instantOf(utc(day) + (minutes || 0) * MINUTE, zone);
};

export const localText = (instant, zone) => new Date(wall(instant, zone)).toISOString().slice(0, 16);

/* ---- what a period means now */

const days = (from, to, zone) => ({ from: startOf(from, zone), to: startOf(to, zone), days: [from, to] });

/** `[from, to)` of a period in milliseconds; `days: [first, after]` where it is whole days. `first`: the site's first event. */
export function resolve({ period, from, to }, zone, now, first = now) {
  const today = dayOf(now, zone);
  const tomorrow = addDays(today, 1);
  const end = floorHour(now, zone) + HOUR;
  switch (period) {
    case 'today': return days(today, tomorrow, zone);
    case 'yesterday': return days(addDays(today, -1), today, zone);
    case '24h': return { from: end - DAY, to: end, days: null };
    case '30d': return days(addDays(today, -29), tomorrow, zone);
    case 'month': return days(firstOfMonth(today), addMonths(firstOfMonth(today), 1), zone);
    case 'year': return days(firstOfYear(today), addMonths(firstOfYear(today), 12), zone);
    case 'all': return days(dayOf(Math.min(first, now), zone), tomorrow, zone);
    case 'custom': return custom(from, to, zone);
    default: return days(addDays(today, -6), tomorrow, zone);
  }
}

/** A custom period: whole days with `to` the last of them, or two times of day. */
function custom(from, to, zone) {
  const a = parseLocal(from);
  const b = parseLocal(to);
  if (a.minutes === null && b.minutes === null) return days(a.day, addDays(b.day, 1), zone);
  const end = b.minutes === null ? startOf(addDays(b.day, 1), zone) : localInstant(to, zone);
  return { from: localInstant(from, zone), to: end, days: null };
}

/** True when these two make a custom period that is not empty. */
export function isRange(from, to) {
  const a = parseLocal(from);
  const b = parseLocal(to);
  if (!a || !b) return false;
  if (a.minutes === null && b.minutes === null) return a.day <= b.day;
  const end = b.minutes === null ? utc(b.day) + DAY : utc(b.day) + b.minutes * MINUTE;
  return utc(a.day) + (a.minutes || 0) * MINUTE < end;
}

/* ---- earlier and later */

function wholeMonths([a, b]) {
  if (a.slice(8) !== '01' || b.slice(8) !== '01') return 0;
  return (Number(b.slice(0, 4)) - Number(a.slice(0, 4))) * 12 + Number(b.slice(5, 7)) - Number(a.slice(5, 7));
}

/** The range as long as this one, `n` times further on (-1: the one before): months stay months. */
export function moved(range, zone, n) {
  if (range.days === null) {
    const length = range.to - range.from;
    return { from: range.from + n * length, to: range.to + n * length, days: null };
  }
  const [a, b] = range.days;
  const months = wholeMonths(range.days);
  if (months > 0) return days(addMonths(a, n * months), addMonths(b, n * months), zone);
  const length = daysBetween(a, b);
  return days(addDays(a, n * length), addDays(b, n * length), zone);
}

/** A range as the state keeps it: by name when a name means it now, else as custom. */
export function named(range, zone, now) {
  for (const period of ['today', 'yesterday', '24h', '7d', '30d', 'month', 'year']) {
    const r = resolve({ period }, zone, now);
    if (r.from === range.from && r.to === range.to) return { period, from: null, to: null };
  }
  if (range.days) return { period: 'custom', from: range.days[0], to: addDays(range.days[1], -1) };
  return { period: 'custom', from: localText(range.from, zone), to: localText(range.to, zone) };
}

/** The instant of the range `to` that stands beside one of `from`: the same time of as many days later, by the clock where these are days. */
export function beside(instant, from, to, zone) {
  if (from.days === null) return to.from + (instant - from.from);
  return instantOf(wall(to.from, zone) + (wall(instant, zone) - wall(from.from, zone)), zone);
}

/**
 * The period before, and of it as much as has passed of the running one (to a quarter hour): what a fair comparison
 * takes. In its first minutes that is nothing: `fair` is where it begins.
 */
export function before(range, zone, now) {
  const whole = moved(range, zone, -1);
  if (now >= range.to) return { ...whole, fair: whole.to };
  const passed = Math.round((beside(now, range, whole, zone) - whole.from) / QUARTER) * QUARTER;
  return { ...whole, fair: Math.min(whole.to, whole.from + Math.max(0, passed)) };
}

/* ---- slots */

/** The step that gives a chart of the range a readable number of slots. `finest`: what is kept. */
export function stepFor(range, finest) {
  const length = range.to - range.from;
  if (length <= 6 * HOUR) return finest;
  if (length <= 14 * DAY + HOUR) return 'hour';
  return length / DAY <= MAX_SLOTS ? 'day' : 'week';
}

const fixed = { minute: MINUTE, '15m': QUARTER, hour: HOUR };

const MAX_STARTS = 10000; // what an answer may have

/** The starts of the days of a range, or of its weeks from Monday; a date that a zone left out has none. */
function dayStarts(range, length, zone) {
  const starts = [];
  const first = dayOf(range.from, zone);
  for (let day = length === 7 ? monday(first) : first; starts.length < MAX_STARTS; day = addDays(day, length)) {
    const at = startOf(day, zone);
    if (at >= range.to) break;
    if (at !== starts[starts.length - 1]) starts.push(at);
  }
  return starts;
}

/**
 * The starts of all slots of a range, ascending, as the service makes them: steps under a day are counted from each
 * local midnight. The first may lie before the range.
 */
export function slots(range, step, zone) {
  if (!fixed[step]) return dayStarts(range, step === 'week' ? 7 : 1, zone);
  const starts = [];
  for (const [i, midnight] of dayStarts(range, 1, zone).entries()) {
    const skipped = i > 0 ? 0 : Math.floor((range.from - midnight) / fixed[step]);
    const end = Math.min(range.to, startOf(addDays(dayOf(midnight, zone), 1), zone));
    for (let at = midnight + skipped * fixed[step]; at < end && starts.length < MAX_STARTS; at += fixed[step]) starts.push(at);
  }
  return starts;
}

/** The index of the slot that holds an instant, or -1. */
export function slotOf(starts, instant) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= instant) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A dragged stretch of a chart as a range of whole slots: whole days where these are days or weeks. */
export function zoomed(starts, step, range, zone, from, to) {
  const a = Math.max(0, slotOf(starts, from));
  const b = Math.max(a, slotOf(starts, to));
  const start = Math.max(starts[a], range.from);
  const end = b + 1 < starts.length ? starts[b + 1] : range.to;
  const whole = step === 'day' || step === 'week';
  return whole ? days(dayOf(start, zone), dayOf(end, zone), zone) : { from: start, to: end, days: null };
}
