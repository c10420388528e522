// SPDX-License-Identifier: Apache-2.0

/** The lines that the pages of a site carry to be counted by the service at `origin`. */
export function snippet(site, origin = location.origin) {
  const image = `<img src="${origin}/v1/pixel.gif?s=${site}" referrerpolicy="no-referrer-when-downgrade" alt="">`;
  return `<script defer src="${origin}/track.js" data-site="${site}"></script>\n<noscript>${image}</noscript>`;
}
