/* SPDX-License-Identifier: Apache-2.0 */
/* H is made in two steps: a cell (site, group, slot) gives two words, made once a cell; each is
 * then mixed with the measure (and register). Stored digests depend on every constant here; a
 * change needs a new PAGE_FORMAT.
 *
 * The cell: each lane starts from its own seed and takes in 8-byte words (little-endian, the
 * lengths of site and group first, so that no two cells have the same words) by xor, multiplication
 * with its own odd constant and a shifted xor. Every step is a bijection of the state for a given
 * word and of the word for a given state; the finish is that of splitmix64 (Steele, Lea, Flood,
 * 2014), which passes statistical tests with a counter as input. The sums of two different contents
 * agree in both lanes by chance 2^-128. The hash is not secret and not meant to withstand a forger:
 * whoever can write Redis can write the digest too; senders choose groups, but gain only that a
 * fault elsewhere might go unseen. */
#include "views/digest.h"

#include <endian.h>
#include <stdio.h>

struct lane {
    uint64_t seed, multiplier;
};
static const struct lane LANE_A = {UINT64_C(0x243f6a8885a308d3), UINT64_C(0x9fb21c651e98df25)};
static const struct lane LANE_B = {UINT64_C(0x13198a2e03707344), UINT64_C(0xd6e8feb86659fd93)};

static inline uint64_t absorb(uint64_t state, uint64_t word, struct lane lane)
{
    state = (state ^ word) * lane.multiplier;
    return state ^ (state >> 29);
}

/* splitmix64's finish. */
static inline uint64_t finish(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline void absorb_word(struct digest_cell *c, uint64_t word)
{
    c->a = absorb(c->a, word, LANE_A);
    c->b = absorb(c->b, word, LANE_B);
}

static void absorb_bytes(struct digest_cell *c, struct span s)
{
    uint64_t word;
    for (; s.n >= 8; s.n -= 8, s.p += 8) {
        memcpy(&word, s.p, 8);
        absorb_word(c, le64toh(word));
    }
    if (s.n == 0)
        return;
    word = 0;
    memcpy(&word, s.p, s.n);
    absorb_word(c, le64toh(word));
}

struct digest_cell digest_cell_of(struct span site, struct span group, int64_t slot_time_us)
{
    struct digest_cell c = {LANE_A.seed, LANE_B.seed};
    absorb_word(&c, (uint64_t)site.n << 32 | (uint32_t)group.n);
    absorb_bytes(&c, site);
    absorb_bytes(&c, group);
    absorb_word(&c, (uint64_t)slot_time_us);
    return (struct digest_cell){finish(c.a), finish(c.b)};
}

/* key: what of the cell is counted. */
static inline void add(struct digest *d, struct digest_cell cell, uint64_t key, int64_t delta)
{
    d->a += finish(absorb(cell.a, key, LANE_A)) * (uint64_t)delta;
    d->b += finish(absorb(cell.b, key, LANE_B)) * (uint64_t)delta;
}

void digest_add(struct digest *d, struct digest_cell cell, uint32_t measure, int64_t delta)
{
    add(d, cell, measure, delta);
}

void digest_add_register(struct digest *d, struct digest_cell cell, uint32_t measure, unsigned reg,
                         int64_t rank_delta)
{
    add(d, cell, (uint64_t)(reg + 1) << 32 | measure, rank_delta);
}

void digest_format(struct digest d, char out[33])
{
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)d.a, (unsigned long long)d.b);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_parse(struct span text, struct digest *out)
{
    uint64_t words[2] = {0, 0};
    if (text.n != 32)
        return -1;
    for (int i = 0; i < 32; i++) {
        int digit = hex_digit(text.p[i]);
        if (digit < 0)
            return -1;
        words[i / 16] = words[i / 16] << 4 | (uint64_t)digit;
    }
    *out = (struct digest){words[0], words[1]};
    return 0;
}
