// SPDX-License-Identifier: Apache-2.0
// One connection to GET /v1/live: the totals of a site as they change. The browser reconnects by itself after a
// broken connection; after an answer that is no stream (a restart, no permission) this tries again, ever less often.

const FIRST_WAIT_MS = 2000;
const MAX_WAIT_MS = 30000;

/** Follows a site until the function it returns is called. `onTotals(totals)`, `onState('wait' | 'live' | 'off')`. */
export function follow(site, onTotals, onState) {
  let source = null;
  let timer = 0;
  let wait = FIRST_WAIT_MS;

  function open() {
    onState('wait');
    source = new EventSource(`/v1/live?site=${encodeURIComponent(site)}`);
    source.addEventListener('open', () => {
      wait = FIRST_WAIT_MS;
      onState('live');
    });
    source.addEventListener('totals', (event) => {
      onState('live');
      onTotals(JSON.parse(event.data));
    });
    source.addEventListener('state', () => onState('off')); // connected, but there are no numbers for now
    source.addEventListener('error', () => {
      onState('off');
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait);
      wait = Math.min(MAX_WAIT_MS, wait * 2);
    });
  }

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
