// SPDX-License-Identifier: Apache-2.0
// Days of time zones, found by looking at the clocks that Intl shows.

const shown = (zone) => new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
});

/** The date there, 2026-11-26. */
export const dateAt = (at, zone) => shown(zone).format(at).slice(0, 10);

/** When the date begins there: the first quarter hour of it. */
export function beginOf(date, zone) {
    const quarter = 900_000, clock = shown(zone);
    for (let at = Date.parse(`${date}T00:00Z`) - 15 * 3_600_000; ; at += quarter)
        if (clock.format(at).slice(0, 10) >= date)
            return at;
}

/** The date n days later. */
export const later = (date, n) => new Date(Date.parse(`${date}T00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);
