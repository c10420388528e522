// SPDX-License-Identifier: Apache-2.0
// The tracker: sends the page views and the events of the page that includes it to POST /v1/events.
// No cookies, nothing stored, nothing thrown into the page. README: "From a browser".
//
// An event waits in a queue of this page until the server has taken it. One request is under way at
// a time; what one may or may not have delivered is sent again with the same eventId, by which the
// server knows it. When the page goes away, beacons take what is left.

const MAX_QUEUE = 100; // what the server takes in one request without a token
const MAX_BODY = 2e4; // characters, at most 60 KB: browsers let 64 KiB outlive the page
const MAX_ADDRESS = 4096; // characters; what the server takes
const MAX_DELAY = 3e5; // milliseconds between two tries, about

// A page must not suffer from being counted.
const quietly = (f) => (...args) => {
  try {
    f(...args);
  } catch (e) {}
};

const start = (script, options) => {
  const endpoint = (options.api || new URL(script.src).origin).replace(/\/$/, '') + '/v1/events';
  const queue = []; // {text: the event as JSON without its end, time: its}
  const waiting = (window.footfall || {}).q || []; // arguments of calls that came too early
  let sending, timer, delay = 0; // a request is under way; the next is planned
  const all = options.query == null; // parameters; else utm_* and those it names
  let here, before = document.referrer; // the page shown, and the one from which it was reached

  // The address without what is nobody's business: fragment, user name, password, parameters.
  const address = () => (location.origin + location.pathname + (all ? location.search
    : (location.search.match(RegExp('[?&](utm_\\w+|' + options.query + ')=[^&]*', 'g')) || [])
      .join('').replace(/^&/, '?'))).slice(0, MAX_ADDRESS);

  // crypto.randomUUID is missing where the page came by plain HTTP.
  const uuid = () => 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16));

  const record = (eventType, props) => {
    const text = JSON.stringify(
      { eventType, pageUrl: address(), referrer: before, site: options.site, eventId: uuid(), props });
    if (queue.length < MAX_QUEUE)
      queue.push({ text: text.slice(0, -1), time: Date.now() });
    timer || send();
  };

  const body = (events) => '[' + events.map(({ text, time }) =>
    text + ',"age":' + Math.max(0, Date.now() - time) + '}') + ']';

  // As many of the events as make one request, from the first on.
  const fitting = (events) =>
    events.length > 1 && body(events).length > MAX_BODY
      ? fitting(events.slice(0, events.length / 2)) : events;

  const send = () => {
    clearTimeout(timer);
    timer = 0;
    if (sending || !queue.length)
      return;
    const events = fitting(queue), text = body(events), n = events.length;
    sending = 1;
    fetch(endpoint, { // a text goes as text/plain, which takes no preflight
      method: 'POST',
      body: text,
      credentials: 'omit',
      keepalive: text.length <= MAX_BODY,
    }).then(({ status }) => status == 429 || status > 499, () => 1).then((failed) => {
      sending = 0;
      if (failed) {
        delay = Math.min(2 * delay || 1000, MAX_DELAY);
        timer = setTimeout(send, delay * (.5 + Math.random()));
      } else {
        delay = 0;
        queue.splice(0, n); // taken, or refused for good
        send();
      }
    });
  };

  const leave = (events) => {
    const first = fitting(events);
    if (first.length) {
      navigator.sendBeacon(endpoint, body(first));
      leave(events.slice(first.length));
    }
  };

  const view = () => {
    here = address();
    record();
  };

  // A single-page site shows another page when the path or the query has changed.
  const moved = () => {
    const was = here;
    here = address();
    if (was != here && !document.prerendering) {
      before = was;
      record();
    }
  };

  const begin = () => {
    view();
    waiting.forEach((args) => footfall(...args));
  };

  const footfall = quietly((name, props) => {
    if (document.prerendering)
      waiting.push([name, props]);
    else if (name)
      record(name + '', props);
  });

  const after = (name, then) => {
    const original = history[name];
    history[name] = function () {
      const result = original.apply(this, arguments);
      then();
      return result;
    };
  };

  const on = (type, f) => addEventListener(type, quietly(f), true);

  if (!all)
    before = before.split('?')[0];
  window.footfall = footfall;
  footfall.running = 1;
  after('pushState', quietly(moved));
  after('replaceState', quietly(() => here = address()));
  on('popstate', moved);
  on('pageshow', (e) => e.persisted && view());
  on('pagehide', () => leave(queue));
  on('online', send);
  on('visibilitychange', () => document.hidden || send());
  if (document.prerendering)
    on('prerenderingchange', begin);
  else
    begin();
};

quietly(() => {
  const script = document.currentScript, options = script.dataset;
  if ((window.footfall || {}).running || !/^http/.test(location.protocol))
    return;
  if (options.dnt != null && (navigator.globalPrivacyControl || navigator.doNotTrack == 1))
    window.footfall = () => {};
  else
    start(script, options);
})();
