/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that answers questions about positions, one after another; they are rare. */
#include "log/sources.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { MAX_WAITING = 1000 };

struct sources {
    char *uri;
    struct sql *sql; /* the thread's; NULL: not connected */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct source_query *head, **tail;
    unsigned waiting;
    bool stopping;
};

int sources_position(struct sql *sql, struct source_query *q, struct err *e)
{
    char partition[16], scope[24];
    struct sql_rows rows = {0};
    snprintf(partition, sizeof(partition), "%u", q->partition);
    snprintf(scope, sizeof(scope), "%lld", (long long)q->scope);
    struct span site = span_absent(q->site) ? SPAN_LITERAL("") : q->site;
    if (sql_run(sql,
                "SELECT position FROM source_position"
                " WHERE partition = $1 AND scope = $2 AND site = $3 AND name = $4",
                SQL_PARAMS(span_of(partition), span_of(scope), site, q->name), &rows, e) != 0)
        return -1;
    q->position = rows.count == 0 ? 0 : sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

static int try_answer(struct sources *s, struct source_query *q)
{
    if (s->sql == NULL && sql_open(&s->sql, s->uri, &q->err) != 0)
        return -1;
    int status = sources_position(s->sql, q, &q->err);
    if (sql_is_down(s->sql)) {
        sql_close(s->sql);
        s->sql = NULL;
    }
    return status;
}

static void answer(struct sources *s, struct source_query *q)
{
    bool was_connected = s->sql != NULL;
    q->err = (struct err){0};
    if (try_answer(s, q) != 0 && q->err.kind == ERR_DOWN && was_connected) {
        q->err = (struct err){0}; /* the connection had gone stale: once more */
        (void)(try_answer(s, q) == 0);
    }
    q->on_done(q);
}

static struct source_query *take(struct sources *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->head == NULL && !s->stopping)
        pthread_cond_wait(&s->wake, &s->lock);
    struct source_query *q = s->head;
    if (q != NULL) {
        s->head = q->next;
        s->waiting--;
        if (s->head == NULL)
            s->tail = &s->head;
    }
    pthread_mutex_unlock(&s->lock);
    return q;
}

static void *run(void *context)
{
    struct sources *s = context;
    for (struct source_query *q; (q = take(s)) != NULL;)
        answer(s, q);
    return NULL;
}

int sources_ask(struct sources *s, struct source_query *q, struct err *e)
{
    int status = 0;
    q->next = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->stopping || s->waiting >= MAX_WAITING) {
        status = err_set(e, ERR_BUSY, "%u questions about sources wait already", s->waiting);
    } else {
        *s->tail = q;
        s->tail = &q->next;
        s->waiting++;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void sources_free(struct sources *s)
{
    sql_close(s->sql);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->uri);
    free(s);
}

int sources_open(struct sources **out, const char *postgres_uri, struct err *e)
{
    struct sources *s = mem_alloc(sizeof(*s));
    *out = NULL;
    s->uri = mem_copy_text(postgres_uri);
    s->tail = &s->head;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (sql_open(&s->sql, postgres_uri, e) != 0) {
        sources_free(s);
        return -1;
    }
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        sources_free(s);
        return err_set(e, ERR_BUSY, "no thread for questions about sources");
    }
    *out = s;
    return 0;
}

void sources_close(struct sources *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    sources_free(s);
}
