/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP byte by byte, for tests of what a well-behaved client would never send. Failures fail the
 * test; nothing here waits longer than WIRE_TIMEOUT_S. */
#ifndef SUPPORT_WIRE_H
#define SUPPORT_WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"

enum { WIRE_TIMEOUT_S = 20 };

struct wire_answer {
    int status; /* 0: the connection was closed before an answer */
    char head[4096];
    char body[4096]; /* NUL-terminated, cut; */
    size_t body_bytes;
};

/* A socket that is not connected yet, and the address to connect to ("127.0.0.1:43210"). */
static inline int wire_socket(const char *address, struct sockaddr_in *to)
{
    struct timeval limit = {.tv_sec = WIRE_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *to = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1))};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return fd;
}

static inline int wire_connect(const char *address)
{
    struct sockaddr_in to;
    int fd = wire_socket(address, &to);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static inline void wire_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* closed by the server: the answer tells */
        bytes += sent;
        n -= (size_t)sent;
    }
}

static inline void wire_put(int fd, const char *text)
{
    wire_send(fd, text, strlen(text));
}

/* One byte at a time, so that nothing of the next answer is taken. */
static inline int wire_read_head(int fd, struct wire_answer *a)
{
    size_t n = 0;
    while (n + 1 < sizeof(a->head) && (n < 4 || memcmp(a->head + n - 4, "\r\n\r\n", 4) != 0)) {
        ssize_t got = recv(fd, a->head + n, 1, 0);
        if (got < 0)
            fail_msg("no answer within %d s", WIRE_TIMEOUT_S);
        if (got == 0)
            break;
        n++;
    }
    a->head[n] = '\0';
    return n < 12 ? 0 : atoi(a->head + 9);
}

/* The answer to a request of that method ("HEAD" has no body). */
static inline struct wire_answer wire_read(int fd, const char *method)
{
    struct wire_answer a = {.status = 0};
    a.status = wire_read_head(fd, &a);
    const char *length = strcasestr(a.head, "\ncontent-length:");
    size_t left =
        length == NULL || strcmp(method, "HEAD") == 0 ? 0 : strtoul(length + 16, NULL, 10);
    while (left > 0) {
        char piece[65536];
        ssize_t got = recv(fd, piece, left < sizeof(piece) ? left : sizeof(piece), 0);
        if (got <= 0)
            fail_msg("the body ends %zu bytes early", left);
        for (ssize_t i = 0; i < got && a.body_bytes + (size_t)i + 1 < sizeof(a.body); i++)
            a.body[a.body_bytes + (size_t)i] = piece[i];
        a.body_bytes += (size_t)got;
        left -= (size_t)got;
    }
    return a;
}

/* Whether the server closes without sending anything more. */
static inline bool wire_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

/* One request on a connection of its own, closed after it. */
static inline struct wire_answer wire_ask(const char *address, const char *request)
{
    int fd = wire_connect(address);
    wire_put(fd, request);
    struct wire_answer a = wire_read(fd, strncmp(request, "HEAD ", 5) == 0 ? "HEAD" : "GET");
    close(fd);
    return a;
}

static inline void wire_has(const struct wire_answer *a, const char *text)
{
    if (strstr(a->head, text) == NULL && strstr(a->body, text) == NULL)
        fail_msg("'%s' is not in\n%s%s", text, a->head, a->body);
}

static inline void wire_has_not(const struct wire_answer *a, const char *text)
{
    if (strstr(a->head, text) != NULL || strstr(a->body, text) != NULL)
        fail_msg("'%s' is in\n%s%s", text, a->head, a->body);
}

#endif
