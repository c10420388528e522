/* SPDX-License-Identifier: Apache-2.0 */
/* footfall replay: builds views again from the log, beside what is being read. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/job.h"
#include "log/jobs.h"

const struct option replay_command_options[] = {
    {.name = "threads",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = JOB_MAX_THREADS,
     .about = "spread the views over so many threads (0: as views.replay_threads of the service)"},
    {.name = "rate",
     .type = OPTION_INT,
     .fallback = "-1",
     .min = -1,
     .max = JOB_MAX_RATE,
     .about = "read at most so many events a second (0: no limit, -1: as views.replay_rate)"},
    {0},
};

static void put_speed(const struct command_run *r, struct buf *body)
{
    int64_t threads = config_int(r->config, "threads"), rate = config_int(r->config, "rate");
    if (threads != 0)
        buf_printf(body, ",\"threads\":%" PRId64, threads);
    if (rate >= 0)
        buf_printf(body, ",\"rate\":%" PRId64, rate);
}

/* A generation may differ from what was there before (that may have been wrong): it is told, and is
 * no failure of the replay. */
static int judge(const struct json *j, const struct json_value *view)
{
    (void)j;
    (void)view;
    return EXIT_DONE;
}

static void print(const struct json *j, const struct json_value *view)
{
    double events = job_number(j, view, "events"), seconds = job_number(j, view, "seconds");
    const char *outcome = !job_flag(j, view, "compared")
                              ? "rebuilt, there was nothing to compare with"
                          : job_flag(j, view, "same") ? "same"
                                                      : "changed";
    printf("%.*s: %.0f events, %.1f s, %.0f events/s, %s\n", SPAN_ARGS(job_text(j, view, "view")),
           events, seconds, seconds > 0 ? events / seconds : 0, outcome);
}

int replay_main(struct command_run *r, struct err *e)
{
    static const struct job_kind_of_command kind = {.path = "/v1/admin/replays",
                                                    .doing = "replaying",
                                                    .put_more = put_speed,
                                                    .judge = judge,
                                                    .print = print};
    return job_run_to_end(r, &kind, e);
}
