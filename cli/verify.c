/* SPDX-License-Identifier: Apache-2.0 */
/* footfall verify: compares views with the same SQL, run by PostgreSQL over the log. */
#include <stdio.h>

#include "cli/job.h"

static int judge(const struct json *j, const struct json_value *view)
{
    return job_flag(j, view, "agrees") ? EXIT_DONE : EXIT_FAILED;
}

static void print_difference(const struct json *j, const struct json_value *d)
{
    struct span expected = job_text(j, d, "expected"), stored = job_text(j, d, "stored");
    printf("  site %.*s, %.*s of %.*s, group %.*s, %.*s: SQL says %.*s, the view %.*s\n",
           SPAN_ARGS(job_text(j, d, "site")), SPAN_ARGS(job_text(j, d, "tier")),
           SPAN_ARGS(job_text(j, d, "time")), SPAN_ARGS(job_text(j, d, "group")),
           SPAN_ARGS(job_text(j, d, "measure")), SPAN_ARGS(expected), SPAN_ARGS(stored));
}

static void print(const struct json *j, const struct json_value *view)
{
    struct json_value differences;
    printf("%.*s: %s at offset %.0f, %.0f groups in %.0f pages, %.1f s",
           SPAN_ARGS(job_text(j, view, "view")), job_flag(j, view, "agrees") ? "agrees" : "DIFFERS",
           job_number(j, view, "offset"), job_number(j, view, "groups"),
           job_number(j, view, "pages"), job_number(j, view, "seconds"));
    double n = job_number(j, view, "n_differences");
    if (n > 0)
        printf(", %.0f differences", n);
    printf("\n");
    if (json_get(j, view, "differences", &differences, NULL) != 1 || differences.type != JSON_ARRAY)
        return;
    struct json_walk walk = json_enter(j, &differences);
    for (struct json_member m; json_next(&walk, &m);)
        print_difference(j, &m.value);
}

const struct option verify_command_options[] = {
    {.name = "site", .type = OPTION_TEXT, .about = "compare only this site"},
    {.name = "from",
     .type = OPTION_TEXT,
     .about = "compare only what begins at or after this time (RFC 3339 or Unix seconds), rounded "
              "down to a UTC day"},
    {.name = "to",
     .type = OPTION_TEXT,
     .about = "compare only what ends by this time, rounded up to a UTC day"},
    {0},
};

static void put_scope(const struct command_run *r, struct buf *body)
{
    static const char *const names[] = {"site", "from", "to"};
    for (int i = 0; i < 3; i++) {
        const char *value = config_text(r->config, names[i]);
        if (value == NULL)
            continue;
        buf_printf(body, ",\"%s\":", names[i]);
        buf_put_json(body, span_of(value));
    }
}

int verify_main(struct command_run *r, struct err *e)
{
    static const struct job_kind_of_command kind = {.path = "/v1/admin/verifications",
                                                    .doing = "verifying",
                                                    .judge = judge,
                                                    .print = print,
                                                    .put_more = put_scope};
    return job_run_to_end(r, &kind, e);
}
