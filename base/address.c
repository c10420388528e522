/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"

enum { V4_OFFSET = 12, V4_BITS_BEFORE = 96 };

static const uint8_t v4_prefix[V4_OFFSET] = {[10] = 0xff, [11] = 0xff};

static void set_v4(struct address *out, const void *four_bytes)
{
    memcpy(out->bytes, v4_prefix, V4_OFFSET);
    memcpy(out->bytes + V4_OFFSET, four_bytes, 4);
}

/* Four decimal numbers without leading zeros, as inet_pton takes them; here because every event
 * brings one. */
static bool parse_v4(struct span text, uint8_t four[4])
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        unsigned x = 0;
        size_t start = at;
        for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9' && at - start < 3; at++)
            x = x * 10 + (unsigned)(text.p[at] - '0');
        bool leading_zero = at - start > 1 && text.p[start] == '0';
        if (at == start || x > 255 || leading_zero)
            return false;
        four[i] = (uint8_t)x;
        if (i < 3 && (at >= text.n || text.p[at++] != '.'))
            return false;
    }
    return at == text.n;
}

int address_parse(struct span text, struct address *out)
{
    char copy[ADDRESS_TEXT_BYTES];
    uint8_t four[4];
    if (parse_v4(text, four)) {
        set_v4(out, four);
        return 0;
    }
    if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, '\0', text.n) != NULL)
        return -1;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(AF_INET6, copy, out->bytes) == 1 ? 0 : -1;
}

int address_parse_hop(struct span text, struct address *out)
{
    struct span s = span_trim(text);
    if (s.n != 0 && s.p[0] == '[') {
        const char *end = memchr(s.p, ']', s.n);
        return end == NULL ? -1
                           : address_parse((struct span){s.p + 1, (size_t)(end - s.p - 1)}, out);
    }
    const char *colon = s.n == 0 ? NULL : memchr(s.p, ':', s.n);
    if (colon != NULL && memchr(s.p, '.', (size_t)(colon - s.p)) != NULL)
        s.n = (size_t)(colon - s.p); /* IPv4 with a port */
    return address_parse(s, out);
}

int address_of_socket(const struct sockaddr *sa, struct address *out)
{
    if (sa->sa_family == AF_INET) {
        set_v4(out, &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
        return 0;
    }
    if (sa->sa_family != AF_INET6)
        return -1;
    memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    return 0;
}

bool address_is_v4(const struct address *a)
{
    return memcmp(a->bytes, v4_prefix, V4_OFFSET) == 0;
}

size_t address_format(char out[ADDRESS_TEXT_BYTES], const struct address *a)
{
    if (address_is_v4(a))
        inet_ntop(AF_INET, a->bytes + V4_OFFSET, out, ADDRESS_TEXT_BYTES);
    else
        inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_BYTES);
    return strlen(out);
}

static int parse_bits(struct span text, unsigned max, unsigned *bits)
{
    *bits = 0;
    if (text.n == 0 || text.n > 3)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        *bits = *bits * 10 + (unsigned)(text.p[i] - '0');
    }
    return *bits <= max ? 0 : -1;
}

static int parse_network(struct span text, struct network *out)
{
    const char *slash = memchr(text.p, '/', text.n);
    struct span host = {text.p, slash == NULL ? text.n : (size_t)(slash - text.p)};
    if (address_parse(host, &out->base) != 0)
        return -1;
    unsigned before = address_is_v4(&out->base) ? V4_BITS_BEFORE : 0;
    out->bits = 128;
    if (slash == NULL)
        return 0;
    struct span bits = {slash + 1, text.n - host.n - 1};
    if (parse_bits(bits, 128 - before, &out->bits) != 0)
        return -1;
    out->bits += before;
    return 0;
}

int network_list_parse(struct network_list *l, const char *text, struct err *e)
{
    *l = (struct network_list){0};
    const char *p = text == NULL ? "" : text;
    while (*p != '\0') {
        size_t n = strcspn(p, ",");
        struct span item = span_trim((struct span){p, n});
        struct network network;
        if (item.n != 0) {
            if (parse_network(item, &network) != 0) {
                network_list_clear(l);
                return err_set(e, ERR_INPUT,
                               "'%.*s' is not an address or a network like 10.0.0.0/8",
                               SPAN_ARGS(item));
            }
            l->items = mem_resize(l->items, (l->n + 1) * sizeof(*l->items));
            l->items[l->n++] = network;
        }
        p += n + (p[n] == ',');
    }
    return 0;
}

static bool contains(const struct network *network, const struct address *a)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->base.bytes, a->bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((network->base.bytes[whole] ^ a->bytes[whole]) & mask) == 0;
}

bool network_list_has(const struct network_list *l, const struct address *a)
{
    for (size_t i = 0; i < l->n; i++)
        if (contains(&l->items[i], a))
            return true;
    return false;
}

void network_list_clear(struct network_list *l)
{
    free(l->items);
    *l = (struct network_list){0};
}
