/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can be killed is killed at random moments while senders of every kind send; then
 * the ledgers of the senders, the log, the views, verify and a replay must agree.
 * FOOTFALL_TEST_SEED asks for a known course of events (it is printed; the moments are never quite
 * the same), FOOTFALL_TEST_CHAOS_ROUNDS for a number of rounds (default: those that begin within
 * 15 s). */
#include "tests/chaos/harm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "tests/chaos/account.h"

enum {
    DEFAULT_SECONDS = 15,
    MAX_HARMS = 4,        /* in a round */
    ROUND_REQUESTS = 12,  /* of each sender in a round */
    DEADLINE_MS = 180000, /* beyond this something hangs */
};

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text == NULL || text[0] == '\0' ? otherwise : strtoull(text, NULL, 10);
}

static bool senders_are_idle(void *arg)
{
    return crew_is_idle(arg);
}

static void round_of_harm(struct battle *b, unsigned number, int64_t until_us)
{
    unsigned n = 1 + random_below(&b->random, MAX_HARMS);
    crew_grant(&b->crew, ROUND_REQUESTS);
    for (unsigned i = 0; i < n && clock_monotonic_us() < until_us; i++) {
        const struct harm *h = &harms[random_below(&b->random, n_harms)];
        uint32_t ms = random_below(&b->random, 400);
        /* Harms come at random moments; no check depends on when. */
        nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
        print_message("round %u: %s\n", number, h->name);
        h->inflict(b);
    }
    wait_until(DEADLINE_MS, "every request to be answered", senders_are_idle, &b->crew);
}

/* ------------------------------------------------------------------ the law */

static void run_command(struct service *s, const char *command, const char *must_say,
                        const char *must_not_say)
{
    struct buf out = {0}, err_out = {0};
    const char *words[] = {command, "--data-dir", s->footfall.data_dir, NULL};
    int status = support_footfall_run(&out, &err_out, words);
    bool good = status == 0 && strstr((char *)out.p, must_say) != NULL &&
                strstr((char *)out.p, must_not_say) == NULL;
    if (!good)
        fail_msg("footfall %s: status %d\n%s%s", command, status, out.p, err_out.p);
    buf_clear(&out);
    buf_clear(&err_out);
}

static void the_law_holds(struct service *s)
{
    service_wait_caught_up(s, DEADLINE_MS);
    run_command(s, "verify", "agrees", "DIFFERS");
    run_command(s, "replay", "same", "changed");
    run_command(s, "verify", "agrees", "DIFFERS");
}

static void nothing_acknowledged_is_lost_or_doubled_whatever_happens(void **state)
{
    static struct battle b; /* its senders may outlive a failed assertion */
    (void)state;
    uint64_t seed = number_of("FOOTFALL_TEST_SEED", (uint64_t)clock_now_us());
    uint64_t rounds = number_of("FOOTFALL_TEST_CHAOS_ROUNDS", 0);
    int64_t until_us =
        rounds > 0 ? INT64_MAX : clock_monotonic_us() + DEFAULT_SECONDS * US_PER_SECOND;
    print_message("FOOTFALL_TEST_SEED=%" PRIu64 "\n", seed);
    b = (struct battle){.random = seed};
    service_start(&b.service);
    crew_start(&b.crew, seed);
    crew_point(&b.crew, b.service.footfall.url, b.service.footfall.admin_token);
    for (unsigned i = 0; rounds > 0 ? i < rounds : clock_monotonic_us() < until_us; i++)
        round_of_harm(&b, i, until_us);
    crew_stop(&b.crew);
    the_law_holds(&b.service);
    account_check(&b.crew, &b.service);
    crew_clear(&b.crew);
    service_stop(&b.service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_or_doubled_whatever_happens),
    };
    return support_run("chaos", tests, sizeof(tests) / sizeof(tests[0]));
}
