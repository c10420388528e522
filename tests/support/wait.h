/* SPDX-License-Identifier: Apache-2.0 */
/* The only way for a test to wait. */
#ifndef SUPPORT_WAIT_H
#define SUPPORT_WAIT_H

#include <stdbool.h>

/* Asks again and again until the answer is true; fails the test, saying what it waited for, when
 * deadline_ms have passed. Sanitized and busy machines are slow: a deadline is generous, and never
 * decides anything but that something hangs. */
void wait_until(int deadline_ms, const char *what, bool (*predicate)(void *arg), void *arg);

#endif
