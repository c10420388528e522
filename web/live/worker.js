// SPDX-License-Identifier: Apache-2.0
// A SharedWorker: all tabs that look at a site share one stream of it, since a browser keeps no more than six
// connections to a server without HTTP/2.
//
//   tab -> worker   {follow: site}  {here: site}  {rest: true}      worker -> tab   {totals}  {state}
//
// A tab says every now and then that it is there; one that has not for long is taken for gone (and comes back by
// saying it again, as after a machine's sleep).

import { follow } from './stream.js';

const GONE_MS = 90000;
const LOOK_MS = 30000;

const sites = new Map(); // site -> {ports, totals, state, stop}
const tabs = new Map(); // port -> {site, seen}

function tell(site, message) {
  if (message.state && message.state === site.state) return;
  Object.assign(site, message);
  for (const port of site.ports) port.postMessage(message);
}

function leave(port) {
  const { site } = tabs.get(port);
  const joined = sites.get(site);
  tabs.get(port).site = null;
  if (!joined) return;
  joined.ports.delete(port);
  if (joined.ports.size > 0) return;
  joined.stop();
  sites.delete(site);
}

function connect(name, site) {
  site.stop = follow(name, (totals) => tell(site, { totals }), (state) => tell(site, { state }));
}

function open(name) {
  const site = { ports: new Set(), totals: null, state: 'wait', stop: null };
  sites.set(name, site);
  connect(name, site);
  return site;
}

/** After a machine's sleep a connection may be dead without knowing it. */
function connectAgain() {
  for (const [name, site] of sites) {
    site.stop();
    connect(name, site);
  }
}

function join(port, name) {
  leave(port);
  tabs.get(port).site = name;
  const site = sites.get(name) || open(name);
  site.ports.add(port);
  port.postMessage({ state: site.state });
  if (site.totals) port.postMessage({ totals: site.totals });
}

function onMessage(port, message) {
  if (!tabs.has(port)) tabs.set(port, { site: null, seen: 0 });
  const tab = tabs.get(port);
  tab.seen = Date.now();
  if (message.rest) leave(port);
  else if (typeof message.follow === 'string') join(port, message.follow);
  else if (typeof message.here === 'string' && message.here !== tab.site) join(port, message.here);
}

function forgetTheGone(now) {
  for (const [port, tab] of tabs) {
    if (tab.seen > now - GONE_MS) continue;
    leave(port);
    tabs.delete(port);
  }
}

self.addEventListener('connect', (event) => {
  const [port] = event.ports;
  port.addEventListener('message', (m) => onMessage(port, m.data));
  port.start();
});

let looked = Date.now();

setInterval(() => {
  const now = Date.now();
  const slept = now - looked > 2 * LOOK_MS;
  looked = now;
  if (slept) connectAgain(); // and tabs could not say that they are there
  else forgetTheGone(now);
}, LOOK_MS);
