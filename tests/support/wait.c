/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/wait.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "base/clock.h"

void wait_until(int deadline_ms, const char *what, bool (*predicate)(void *arg), void *arg)
{
    int64_t deadline = clock_monotonic_us() + (int64_t)deadline_ms * 1000;
    while (!predicate(arg)) {
        if (clock_monotonic_us() > deadline)
            fail_msg("waited %d ms in vain for: %s", deadline_ms, what);
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    }
}
