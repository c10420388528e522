/* SPDX-License-Identifier: Apache-2.0 */
#include "views/query_run.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/parallel.h"

enum { RUN_EVENTS = 16384 }; /* seqs read at once */

struct query_runner {
    struct query_runner_options options;
    struct parallel *parallel;
    struct log_reader *readers[PARALLEL_MAX_THREADS]; /* each of a part; opened when needed */
};

int query_runner_open(struct query_runner **out, const struct query_runner_options *o,
                      struct err *e)
{
    struct query_runner *r = mem_alloc(sizeof(*r));
    r->options = *o;
    *out = NULL;
    if (parallel_open(&r->parallel, o->n_threads, e) != 0) {
        free(r);
        return -1;
    }
    *out = r;
    return 0;
}

void query_runner_close(struct query_runner *r)
{
    if (r == NULL)
        return;
    parallel_close(r->parallel);
    for (unsigned i = 0; i < r->options.n_threads; i++)
        log_reader_close(r->readers[i]);
    free(r);
}

static int reader_of(struct query_runner *r, unsigned i, struct log_reader **out, struct err *e)
{
    if (r->readers[i] == NULL && log_reader_open(&r->readers[i], r->options.postgres_uri, e) != 0)
        return -1;
    *out = r->readers[i];
    return 0;
}

/* ------------------------------------------------------------------ patience */

enum query_end query_state(const struct query_patience *p, struct err *e)
{
    if (p->is_cancelled != NULL && p->is_cancelled(p->context)) {
        err_set(e, ERR_BUSY, "the query was cancelled");
        return QUERY_CANCELLED;
    }
    if (clock_monotonic_us() < p->deadline_us)
        return QUERY_ANSWERED;
    err_set(e, ERR_BUSY, "the query took too long");
    return QUERY_TIMED_OUT;
}

int query_tick(void *patience, struct err *e)
{
    return query_state(patience, e) == QUERY_ANSWERED ? 0 : -1;
}

/* What it does, it does no longer than that. */
static void be_patient(struct log_reader *reader, const struct query_patience *p)
{
    log_reader_set_tick(reader, query_tick, (void *)(uintptr_t)p);
}

static void be_patient_for_ever(struct log_reader *reader)
{
    log_reader_set_tick(reader, NULL, NULL);
}

int query_head(struct query_runner *r, const struct query_patience *p, struct query_head *out,
               struct err *e)
{
    struct log_reader *reader;
    if (reader_of(r, 0, &reader, e) != 0)
        return -1;
    be_patient(reader, p);
    int result = log_identity(reader, &out->log, e);
    if (result == 0)
        result = log_head(reader, 0, &out->offset, e);
    be_patient_for_ever(reader);
    return result;
}

/* ------------------------------------------------------------------ one question */

struct part {
    struct query_part *part;
    uint64_t read;
    enum query_end end;
    struct err failure;
};

struct work {
    struct query_runner *runner;
    const struct query_call *call;
    struct log_run *runs;
    uint32_t n_runs;
    _Atomic uint32_t next; /* run that nobody has taken */
    _Atomic bool is_over;  /* a part has failed: the others need not go on */
    struct part *parts;    /* one a thread */
};

/* What ended the part: a statement that was given up because of the question's end is that end. */
static void end_part(struct work *w, struct part *p, enum query_end end)
{
    struct err why = {0};
    enum query_end now = query_state(&w->call->patience, &why);
    p->end = end == QUERY_FAILED && now != QUERY_ANSWERED ? now : end;
    atomic_store(&w->is_over, true);
}

static bool add_chunk(struct part *p, const struct log_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->count; i++) {
        p->read += chunk->slices[i].count;
        if (!query_part_add(p->part, &chunk->slices[i]))
            return false;
    }
    return true;
}

static enum query_end take_run(struct work *w, struct part *p, struct log_reader *reader,
                               const struct log_run *run)
{
    const struct query_scope *s = w->call->scope;
    struct log_chunk chunk;
    const struct log_range range = {.from_seq = run->from_seq,
                                    .to_seq = run->to_seq,
                                    .columns = plan_columns(&s->plan),
                                    .max_events = UINT32_MAX,
                                    .from_time_us = s->read_us[0],
                                    .to_time_us = s->read_us[1]};
    if (log_read(reader, &range, &chunk, &p->failure) != 0)
        return QUERY_FAILED;
    bool taken = add_chunk(p, &chunk);
    log_chunk_clear(&chunk);
    return taken ? QUERY_ANSWERED : QUERY_FULL;
}

static enum query_end take_runs(struct work *w, struct part *p, struct log_reader *reader)
{
    enum query_end end = QUERY_ANSWERED;
    for (uint32_t i; end == QUERY_ANSWERED && (i = atomic_fetch_add(&w->next, 1)) < w->n_runs;) {
        if (atomic_load(&w->is_over))
            break;
        end = query_state(&w->call->patience, &p->failure);
        if (end == QUERY_ANSWERED)
            end = take_run(w, p, reader, &w->runs[i]);
    }
    return end;
}

/* Of the memory: each thread's; or the sessions' and their groups', which are in one part. */
static unsigned shares(const struct work *w)
{
    return w->call->scope->in_order ? 2 : w->runner->options.n_threads;
}

static void work_part(void *context, unsigned i)
{
    struct work *w = context;
    struct part *p = &w->parts[i];
    const struct query_runner_options *o = &w->runner->options;
    struct log_reader *reader;
    if (atomic_load(&w->next) >= w->n_runs)
        return; /* the others were quick: no connection is opened for nothing */
    if (reader_of(w->runner, i, &reader, &p->failure) != 0) {
        end_part(w, p, QUERY_FAILED);
        return;
    }
    p->part = query_part_new(w->call->scope,
                             (struct aggregate_limits){o->max_cells, o->max_bytes / shares(w)});
    be_patient(reader, &w->call->patience);
    enum query_end end = take_runs(w, p, reader);
    be_patient_for_ever(reader);
    if (end == QUERY_ANSWERED && !query_part_finish(p->part))
        end = QUERY_FULL;
    if (end != QUERY_ANSWERED)
        end_part(w, p, end);
}

/* The first part that did not come to its end speaks for all. */
static int judge(const struct work *w, struct query_result *out, struct err *e)
{
    for (unsigned i = 0; i < w->runner->options.n_threads; i++) {
        const struct part *p = &w->parts[i];
        out->read += p->read;
        if (out->end == QUERY_ANSWERED && p->end != QUERY_ANSWERED) {
            out->end = p->end;
            if (p->failure.kind != ERR_NONE)
                err_set(e, p->failure.kind, "%s", p->failure.text);
        }
    }
    return out->end == QUERY_ANSWERED ? 0 : -1;
}

static void merge(struct work *w, struct query_result *out)
{
    query_pages_init(&out->pages, w->call->scope);
    for (unsigned i = 0; i < w->runner->options.n_threads; i++) {
        struct query_part *p = w->parts[i].part;
        if (p == NULL)
            continue;
        struct query_counts counts = query_part_counts(p);
        out->counts.events += counts.events;
        if (counts.latest_us > out->counts.latest_us)
            out->counts.latest_us = counts.latest_us;
        query_pages_merge(&out->pages, p);
        query_part_free(p);
        w->parts[i].part = NULL;
    }
}

static int find_runs(struct work *w, struct err *e)
{
    const struct query_scope *s = w->call->scope;
    struct log_reader *reader;
    const struct log_range range = {.to_seq = w->call->offset,
                                    .max_events = RUN_EVENTS,
                                    .from_time_us = s->read_us[0],
                                    .to_time_us = s->read_us[1]};
    if (reader_of(w->runner, 0, &reader, e) != 0)
        return -1;
    be_patient(reader, &w->call->patience);
    int result = log_runs(reader, &range, &w->runs, &w->n_runs, e);
    be_patient_for_ever(reader);
    return result;
}

int query_run(struct query_runner *r, const struct query_call *call, struct query_result *out,
              struct err *e)
{
    struct work w = {.runner = r, .call = call};
    struct err why = {0};
    *out = (struct query_result){.counts.latest_us = INT64_MIN};
    if (find_runs(&w, e) != 0) {
        out->end = query_state(&call->patience, &why);
        out->end = out->end == QUERY_ANSWERED ? QUERY_FAILED : out->end;
        return -1;
    }
    w.parts = mem_alloc(r->options.n_threads * sizeof(*w.parts));
    parallel_run(r->parallel, call->scope->in_order ? 1 : r->options.n_threads, work_part, &w);
    int result = judge(&w, out, e);
    if (result == 0)
        merge(&w, out);
    for (unsigned i = 0; i < r->options.n_threads; i++)
        query_part_free(w.parts[i].part);
    free(w.parts);
    free(w.runs);
    return result;
}

void query_result_clear(struct query_result *r)
{
    if (r->pages.pages != NULL)
        query_pages_clear(&r->pages);
}
