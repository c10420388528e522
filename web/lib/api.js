// SPDX-License-Identifier: Apache-2.0
// The service's HTTP interface as the pages use it: JSON in, JSON out, problems (RFC 9457) as ApiError.
// The browser's session cookie signs requests; nothing here knows a token.

export class ApiError extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.slug = String(body.type || '').split('/').pop();
    this.title = body.title || '';
    this.detail = body.detail || '';
    this.field = body.field || null;
    this.retryAfter = retryAfter;
    this.body = body;
  }
}

/** The path with its parameters; a list gives its name once for each value, null and undefined none. */
export function url(path, params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params || {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) query.append(name, one);
    }
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

async function parsed(answer) {
  if (answer.status === 204) return null;
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return { title: text.slice(0, 200) };
  }
}

async function send(path, { accept = 'application/json', headers, ...options }) {
  let answer;
  try {
    answer = await fetch(path, { credentials: 'same-origin', headers: { accept, ...headers }, ...options });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new ApiError(0, { type: 'unreachable', title: 'The service cannot be reached' }, null);
  }
  if (answer.ok) return accept === 'application/json' ? parsed(answer) : answer.text();
  const retry = Number(answer.headers.get('retry-after'));
  throw new ApiError(answer.status, (await parsed(answer)) || {}, retry > 0 ? retry : null);
}

/** Reads. `signal` aborts; `accept` asks for another form than JSON, which is given as text. */
export function get(path, params, { signal, accept } = {}) {
  return send(url(path, params), { signal, accept });
}

export function post(path, body, { signal, accept } = {}) {
  return send(path, { method: 'POST', signal, accept, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

export function del(path, { signal } = {}) {
  return send(path, { method: 'DELETE', signal });
}

let asked = null;

/** Who is signed in: `{signed_in, scope, site, expires}`; asked once a page. */
export function session() {
  asked = asked || get('/v1/session').catch((e) => {
    asked = null;
    throw e;
  });
  return asked;
}

let channel = null;

/** To the other tabs; one for all, since a tab hears what a second one of its own says. */
function tabs() {
  channel = channel || new BroadcastChannel('footfall-signed-out');
  return channel;
}

/** Ends the session, and tells the other tabs. */
export async function signOut() {
  try {
    await del('/v1/session');
  } catch (e) {
    if (e.status !== 401) throw e; // it had ended already
  }
  tabs().postMessage(null);
}

/** Calls `then` when another tab of this browser has signed out. */
export function onSignedOut(then) {
  tabs().addEventListener('message', then);
}

/** Where to sign in, and to come back from there to this page. */
export function signInUrl() {
  return url('/sign-in', { next: location.pathname + location.search });
}

let leaving = false;

/** Goes there, in this page's place, and once, however many requests were refused. */
export function goSignIn() {
  if (leaving) return;
  leaving = true;
  addEventListener('pageshow', (event) => {
    if (event.persisted) leaving = false; // the browser brought this page back
  });
  location.replace(signInUrl());
}
