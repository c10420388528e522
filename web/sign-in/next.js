// SPDX-License-Identifier: Apache-2.0
// Where to go after signing in: a path of this service, and nothing that leads elsewhere.

/**
 * The path that `text` (the parameter `next`) names, with its query and fragment; '/' when it is none of this origin, or the
 * page for signing in itself. Browsers take '\' for '/', leave out control characters, and '//host' for another host; a path
 * like '/.//host' becomes one of those by being resolved.
 */
export function nextPath(text, origin) {
  if (!text || text[0] !== '/' || /[\\\u0000-\u0020]/.test(text)) return '/';
  let url;
  try {
    url = new URL(text, origin);
  } catch {
    return '/';
  }
  if (url.origin !== origin || url.pathname.startsWith('//') || url.pathname === '/sign-in') return '/';
  return url.pathname + url.search + url.hash;
}
