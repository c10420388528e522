/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as 16 bytes (IPv4 as IPv4-mapped IPv6) and lists of networks. Pure functions: no
 * name look-up, any thread. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct address {
    uint8_t bytes[16]; /* network order; ::ffff:a.b.c.d for IPv4 */
};

struct sockaddr;

enum { ADDRESS_TEXT_BYTES = 48 };

/* "192.0.2.1" or "2001:db8::1" (no brackets, zone or port); -1 if it is neither. */
int address_parse(struct span text, struct address *out) MUST_CHECK;
/* As a proxy writes it: also "[2001:db8::1]:443", "192.0.2.1:443" and blanks around it. */
int address_parse_hop(struct span text, struct address *out) MUST_CHECK;
int address_of_socket(const struct sockaddr *sa, struct address *out) MUST_CHECK;

bool address_is_v4(const struct address *a);
/* Shortest usual form, IPv4 dotted; returns the length. */
size_t address_format(char out[ADDRESS_TEXT_BYTES], const struct address *a);

struct network {
    struct address base;
    unsigned bits; /* of the 128 */
};

struct network_list {
    struct network *items; /* free with network_list_clear */
    size_t n;
};

/* Comma-separated addresses and CIDRs: "10.0.0.0/8, ::1". NULL or "" is the empty list. */
int network_list_parse(struct network_list *l, const char *text, struct err *e) MUST_CHECK;
bool network_list_has(const struct network_list *l, const struct address *a);
void network_list_clear(struct network_list *l);

#endif
