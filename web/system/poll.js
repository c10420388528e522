// SPDX-License-Identifier: Apache-2.0
// Asking again and again, while somebody looks.

/**
 * Calls `work` now and `pauseMs` after each end (or what work gives, in milliseconds); at most a fifth of the time
 * is spent asking, so that a slow service is asked less often. A hidden page rests. `work` deals with its own errors.
 */
export function poll(work, pauseMs) {
  let timer = 0;
  let running = false;
  let again = false;

  async function turn() {
    clearTimeout(timer);
    again = running;
    if (running || document.hidden) return;
    running = true;
    const began = performance.now();
    const wished = await work();
    const pause = Math.max(wished || pauseMs, 4 * (performance.now() - began));
    running = false;
    timer = setTimeout(turn, again ? 0 : pause);
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) turn();
  });
  turn();
  return { now: turn };
}
