// SPDX-License-Identifier: Apache-2.0
// The live stream of the site that is looked at: by the worker that all tabs share, or where there is none by a
// connection of its own. A page that nobody sees lets go of it.

import { follow } from '../live/stream.js';

const HERE_MS = 25000;

function byWorker(address, onTotals, onState) {
  const { port } = new SharedWorker(address, { name: 'footfall-live' });
  port.addEventListener('message', ({ data }) => {
    if (data.totals) onTotals(data.totals);
    if (data.state) onState(data.state);
  });
  port.start();
  return {
    follow: (site) => port.postMessage({ follow: site }),
    rest: () => port.postMessage({ rest: true }),
    here: (site) => port.postMessage({ here: site }),
  };
}

function byItself(onTotals, onState) {
  let stop = null;
  const rest = () => {
    if (stop) stop();
    stop = null;
  };
  return {
    follow(site) {
      rest();
      stop = follow(site, onTotals, onState);
    },
    rest,
    here() {},
  };
}

function connect(onTotals, onState) {
  const meta = document.querySelector('meta[name="footfall-live-worker"]');
  try {
    if (meta && window.SharedWorker) return byWorker(meta.content, onTotals, onState);
  } catch {
    // Not allowed here: a stream of its own does it.
  }
  return byItself(onTotals, onState);
}

/** `follow(site)` from now on; `onTotals(totals)` of that site, `onState('wait' | 'live' | 'off' | 'paused')`. */
export function openLive(onTotals, onState) {
  let site = null;
  const stream = connect((totals) => {
    if (totals.site === site && !document.hidden) onTotals(totals);
  }, (state) => {
    if (!document.hidden) onState(state);
  });

  function turn() {
    if (site === null) return;
    if (document.hidden) {
      stream.rest();
      onState('paused');
    } else {
      stream.follow(site);
    }
  }

  document.addEventListener('visibilitychange', turn);
  addEventListener('pagehide', () => stream.rest());
  addEventListener('pageshow', (event) => {
    if (event.persisted) turn();
  });
  setInterval(() => {
    if (!document.hidden && site !== null) stream.here(site);
  }, HERE_MS);
  return {
    follow(name) {
      if (name === site) return;
      site = name;
      turn();
    },
  };
}
