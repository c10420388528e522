/* SPDX-License-Identifier: Apache-2.0 */
/* The moments are random, so there are pauses; nothing is decided by them. What is asked of a
 * server that may be dead just fails. */
#include "tests/chaos/harm.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"

enum { MAX_CHILDREN = 64, SHORT_MS = 1500, LONG_MS = 13000 };

/* How long a harm lasts (a frozen process); no check depends on it. */
static void pause_ms(uint32_t ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* ------------------------------------------------------------------ processes */

/* Parent and name of a process, from /proc/PID/stat: "pid (name) state parent ...". */
static bool is_child(const char *pid, pid_t parent, const char *name)
{
    char path[64];
    struct buf text = {0};
    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    bool found = false;
    if (file_read(&text, path, 4096, NULL) == 0) {
        buf_put_byte(&text, '\0');
        char *open = strchr((char *)text.p, '('), *close = strrchr((char *)text.p, ')');
        long its_parent = -1;
        if (open != NULL && close != NULL && sscanf(close + 1, " %*c %ld", &its_parent) == 1)
            found = its_parent == parent && strncmp(open + 1, name, strlen(name)) == 0;
    }
    buf_clear(&text);
    return found;
}

static unsigned children(pid_t parent, const char *name, pid_t *out)
{
    unsigned n = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *d; all != NULL && (d = readdir(all)) != NULL && n < MAX_CHILDREN;)
        if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && is_child(d->d_name, parent, name))
            out[n++] = (pid_t)strtol(d->d_name, NULL, 10);
    if (all != NULL)
        closedir(all);
    return n;
}

/* A child of footfall, 0 when there is none now. */
static pid_t server_of(struct battle *b, const char *name)
{
    pid_t all[MAX_CHILDREN];
    return children(b->service.footfall.pid, name, all) == 0 ? 0 : all[0];
}

static pid_t some_backend(struct battle *b)
{
    pid_t all[MAX_CHILDREN], postmaster = server_of(b, "postgres");
    unsigned n = postmaster == 0 ? 0 : children(postmaster, "postgres", all);
    return n == 0 ? 0 : all[random_below(&b->random, n)];
}

static void send_signal(pid_t pid, int number)
{
    if (pid > 1)
        (void)kill(pid, number); /* it may have ended meanwhile */
}

static void freeze(struct battle *b, pid_t pid, uint32_t most_ms)
{
    send_signal(pid, SIGSTOP);
    pause_ms(random_below(&b->random, most_ms));
    send_signal(pid, SIGCONT);
}

/* ------------------------------------------------------------------ the servers */

static void kill_postmaster(struct battle *b)
{
    send_signal(server_of(b, "postgres"), SIGKILL);
}

static void kill_backend(struct battle *b)
{
    send_signal(some_backend(b), SIGKILL);
}

static void end_backend(struct battle *b)
{
    send_signal(some_backend(b), SIGTERM);
}

static void freeze_backend(struct battle *b)
{
    freeze(b, some_backend(b), SHORT_MS);
}

/* Longer than a commit may be in doubt. */
static void freeze_backend_long(struct battle *b)
{
    freeze(b, some_backend(b), LONG_MS);
}

/* The frozen one is an orphan then, that hears nothing. */
static void kill_postmaster_with_frozen_backend(struct battle *b)
{
    send_signal(some_backend(b), SIGSTOP);
    kill_postmaster(b);
}

static void kill_redis(struct battle *b)
{
    send_signal(server_of(b, "redis"), SIGKILL);
}

static void freeze_redis(struct battle *b)
{
    freeze(b, server_of(b, "redis"), SHORT_MS);
}

/* Longer than the builder waits for an answer. */
static void freeze_redis_long(struct battle *b)
{
    freeze(b, server_of(b, "redis"), LONG_MS);
}

static void flush_redis(struct battle *b)
{
    static const char command[] = "FLUSHALL\r\n";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 5};
    char reply[16];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", b->service.redis + strlen("unix:"));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
        send(fd, command, sizeof(command) - 1, MSG_NOSIGNAL) > 0 &&
        recv(fd, reply, sizeof(reply), 0) < 0)
        print_message("Redis did not answer to FLUSHALL\n");
    close(fd);
}

/* ------------------------------------------------------------------ the service */

static void start_again(struct battle *b)
{
    service_restart(&b->service);
    crew_point(&b->crew, b->service.footfall.url, b->service.footfall.admin_token);
}

static void kill_service(struct battle *b)
{
    service_kill9(&b->service);
    start_again(b);
}

static void stop_service(struct battle *b)
{
    assert_int_equal(support_footfall_stop(&b->service.footfall), 0);
    start_again(b);
}

/* It is told to stop while its log is away. */
static void stop_service_without_postgres(struct battle *b)
{
    kill_postmaster(b);
    stop_service(b);
}

static void freeze_service(struct battle *b)
{
    freeze(b, b->service.footfall.pid, SHORT_MS);
}

/* ------------------------------------------------------------------ jobs: no harm at all */

static void ask_for_job(struct battle *b, const char *path)
{
    static const char *const views[] = {"pageviews", "pageviews_by_page", "visitors",
                                        "pageviews_by_region"};
    char body[80];
    int n =
        snprintf(body, sizeof(body), "{\"views\": [\"%s\"]}", views[random_below(&b->random, 4)]);
    char *url = mem_format("%s%s", b->service.footfall.url, path);
    struct support_answer a =
        support_http(&(struct support_http){.url = url,
                                            .token = b->service.footfall.admin_token,
                                            .headers = {"content-type: application/json"},
                                            .body = {body, (size_t)n},
                                            .timeout_ms = 5000});
    support_answer_clear(&a); /* not now is fine */
    free(url);
}

static void replay(struct battle *b)
{
    ask_for_job(b, "/v1/admin/replays");
}

static void verify(struct battle *b)
{
    ask_for_job(b, "/v1/admin/verifications");
}

const struct harm harms[] = {
    {"PostgreSQL killed", kill_postmaster},
    {"a backend killed", kill_backend},
    {"a backend ended", end_backend},
    {"a backend frozen", freeze_backend},
    {"a backend frozen for long", freeze_backend_long},
    {"PostgreSQL killed with a backend frozen", kill_postmaster_with_frozen_backend},
    {"Redis killed", kill_redis},
    {"Redis frozen", freeze_redis},
    {"Redis frozen for long", freeze_redis_long},
    {"Redis flushed", flush_redis},
    {"footfall killed", kill_service},
    {"footfall stopped", stop_service},
    {"footfall stopped while PostgreSQL is away", stop_service_without_postgres},
    {"footfall frozen", freeze_service},
    {"a replay", replay},
    {"a verification", verify},
};
const unsigned n_harms = sizeof(harms) / sizeof(harms[0]);
