/* SPDX-License-Identifier: Apache-2.0 */
/* A sketch is, up to SKETCH_EXACT hashes, their sorted array; beyond, one byte per register. Both
 * are functions of the set of hashes, so order, splits and merges never show.
 *
 * Of a hash the upper 14 bits name the register, the rank is the number of leading zeros of the
 * other 50 bits plus 1 (51 when all are zero). Sorted, the hashes of one register are neighbours
 * and the first has the highest rank: so the sorted array tells of rising registers, too.
 *
 * Stored:  nothing                   the empty sketch
 *          1, hashes (8 bytes big-endian each, ascending, 1 to 1024 of them)
 *          2, registers (6 bits each, most significant bit first: 12,288 bytes)          */
#include "views/sketch.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/siphash.h"

enum { RANK_BITS = 64 - SKETCH_P, MAX_RANK = RANK_BITS + 1, INLINE_HASHES = 3 };
enum { STORED_HASHES = 1, STORED_REGISTERS = 2 };

struct sketch {
    uint32_t n;   /* hashes */
    uint32_t cap; /* room for hashes; INLINE_HASHES: in `few`; 0: registers */
    union {
        uint64_t few[INLINE_HASHES];
        uint64_t *hashes;
        uint8_t *registers;
    };
};

static inline unsigned register_of(uint64_t hash)
{
    return (unsigned)(hash >> RANK_BITS);
}

static inline unsigned rank_of(uint64_t hash)
{
    return (unsigned)__builtin_clzll(hash << SKETCH_P | UINT64_C(1) << (SKETCH_P - 1)) + 1;
}

static inline bool has_registers(const struct sketch *s)
{
    return s->cap == 0;
}

static inline bool on_heap(const struct sketch *s)
{
    return s->cap != INLINE_HASHES;
}

static inline const uint64_t *hashes_of(const struct sketch *s)
{
    return on_heap(s) ? s->hashes : s->few;
}

struct sketch *sketch_new(void)
{
    struct sketch *s = mem_alloc(sizeof(*s));
    s->cap = INLINE_HASHES;
    return s;
}

void sketch_free(struct sketch *s)
{
    if (s == NULL)
        return;
    if (on_heap(s))
        free(s->hashes);
    free(s);
}

static size_t heap_bytes(const struct sketch *s)
{
    return has_registers(s) ? SKETCH_REGISTERS : on_heap(s) ? s->cap * sizeof(uint64_t) : 0;
}

size_t sketch_bytes(const struct sketch *s)
{
    return s == NULL ? 0 : sizeof(*s) + heap_bytes(s);
}

struct sketch *sketch_copy(const struct sketch *s)
{
    if (s == NULL)
        return NULL;
    struct sketch *copy = mem_alloc(sizeof(*copy));
    *copy = *s;
    if (on_heap(s)) {
        copy->hashes = mem_resize(NULL, heap_bytes(s));
        memcpy(copy->hashes, s->hashes, heap_bytes(s));
    }
    return copy;
}

uint64_t sketch_hash(const void *bytes, size_t n)
{
    /* the key of the SipHash paper's test vectors: bytes 0 to 15 */
    static const struct siphash_key key = {UINT64_C(0x0706050403020100),
                                           UINT64_C(0x0f0e0d0c0b0a0908)};
    return siphash(key, bytes, n);
}

/* ---- adding ---- */

static inline void tell(const struct sketch_observer *o, unsigned reg, unsigned from, unsigned to)
{
    if (o != NULL)
        o->on_rise(o->context, reg, from, to);
}

static inline void raise(struct sketch *s, unsigned reg, unsigned rank,
                         const struct sketch_observer *o)
{
    if (rank <= s->registers[reg])
        return;
    tell(o, reg, s->registers[reg], rank);
    s->registers[reg] = (uint8_t)rank;
}

static void make_registers(struct sketch *s)
{
    uint8_t *registers = mem_alloc(SKETCH_REGISTERS);
    const uint64_t *hashes = hashes_of(s);
    for (uint32_t i = s->n; i-- > 0;) /* the first of a register is the highest: it stays */
        registers[register_of(hashes[i])] = (uint8_t)rank_of(hashes[i]);
    if (on_heap(s))
        free(s->hashes);
    s->registers = registers;
    s->cap = s->n = 0;
}

/* Where the hash is or belongs. */
static uint32_t position_of(const struct sketch *s, uint64_t hash)
{
    const uint64_t *hashes = hashes_of(s);
    uint32_t low = 0, n = s->n;
    if (n > 0 && hash > hashes[n - 1]) /* merging puts them in order */
        return n;
    while (n > 0) {
        uint32_t half = n / 2;
        bool right = hashes[low + half] < hash;
        low = right ? low + half + 1 : low;
        n = right ? n - half - 1 : half;
    }
    return low;
}

static uint64_t *grow(struct sketch *s)
{
    uint32_t cap = s->cap == INLINE_HASHES ? 8 : s->cap * 2;
    uint64_t *hashes = mem_resize(on_heap(s) ? s->hashes : NULL, cap * sizeof(*hashes));
    if (!on_heap(s))
        memcpy(hashes, s->few, sizeof(s->few));
    s->hashes = hashes;
    s->cap = cap;
    return hashes;
}

static void insert(struct sketch *s, uint32_t at, uint64_t hash, const struct sketch_observer *o)
{
    uint64_t *hashes = s->n == s->cap ? grow(s) : on_heap(s) ? s->hashes : s->few;
    unsigned reg = register_of(hash);
    bool first = at == 0 || register_of(hashes[at - 1]) != reg;
    unsigned before = at < s->n && register_of(hashes[at]) == reg ? rank_of(hashes[at]) : 0;
    memmove(hashes + at + 1, hashes + at, (s->n - at) * sizeof(*hashes));
    hashes[at] = hash;
    s->n++;
    if (first && rank_of(hash) > before)
        tell(o, reg, before, rank_of(hash));
}

void sketch_add(struct sketch *s, uint64_t hash, const struct sketch_observer *o)
{
    if (!has_registers(s)) {
        uint32_t at = position_of(s, hash);
        if (at < s->n && hashes_of(s)[at] == hash)
            return;
        if (s->n < SKETCH_EXACT) {
            insert(s, at, hash, o);
            return;
        }
        make_registers(s);
    }
    raise(s, register_of(hash), rank_of(hash), o);
}

static void merge_registers(struct sketch *into, const uint8_t *from,
                            const struct sketch_observer *o)
{
    if (o == NULL)
        for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
            into->registers[i] = from[i] > into->registers[i] ? from[i] : into->registers[i];
    else
        for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
            raise(into, i, from[i], o);
}

/* Two sorted arrays become one; more than SKETCH_EXACT hashes become registers. */
static void merge_hashes(struct sketch *into, const struct sketch *from)
{
    const uint64_t *a = hashes_of(into), *a_end = a + into->n;
    const uint64_t *b = hashes_of(from), *b_end = b + from->n;
    uint32_t cap = into->n + from->n, n = 0;
    uint64_t *both = mem_resize(NULL, cap * sizeof(*both));
    while (a < a_end && b < b_end) {
        uint64_t least = *a < *b ? *a : *b;
        a += *a == least;
        b += *b == least;
        both[n++] = least;
    }
    for (; a < a_end; a++)
        both[n++] = *a;
    for (; b < b_end; b++)
        both[n++] = *b;
    if (on_heap(into))
        free(into->hashes);
    into->hashes = both;
    into->cap = cap;
    into->n = n;
    if (n > SKETCH_EXACT)
        make_registers(into);
}

/* So many hashes are merged faster than added one by one. */
enum { MANY_HASHES = 8 };

void sketch_merge(struct sketch *into, const struct sketch *from, const struct sketch_observer *o)
{
    if (from == NULL || from == into)
        return;
    if (has_registers(from)) {
        if (!has_registers(into))
            make_registers(into);
        merge_registers(into, from->registers, o);
        return;
    }
    if (o == NULL && !has_registers(into) && from->n >= MANY_HASHES) {
        merge_hashes(into, from);
        return;
    }
    for (uint32_t i = 0; i < from->n; i++)
        sketch_add(into, hashes_of(from)[i], o);
}

/* ---- reading ---- */

void sketch_each_register(const struct sketch *s, const struct sketch_observer *o)
{
    if (s == NULL)
        return;
    if (has_registers(s)) {
        for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
            if (s->registers[i] != 0)
                tell(o, i, 0, s->registers[i]);
        return;
    }
    const uint64_t *hashes = hashes_of(s);
    for (uint32_t i = 0; i < s->n; i++)
        if (i == 0 || register_of(hashes[i - 1]) != register_of(hashes[i]))
            tell(o, register_of(hashes[i]), 0, rank_of(hashes[i]));
}

/* Ertl 2017, algorithm 6: sigma(x) = x + sum over k >= 1 of x^(2^k) 2^(k-1). */
static double sigma(double x)
{
    if (x == 1)
        return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

/* The same: tau(x) = (1 - x - sum over k >= 1 of (1 - x^(2^-k))^2 2^-k) / 3. */
static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y /= 2;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static double estimate(const uint32_t count[MAX_RANK + 1])
{
    const double m = SKETCH_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double z = m * tau(1 - count[MAX_RANK] / m);
    for (int k = RANK_BITS; k >= 1; k--)
        z = 0.5 * (z + count[k]);
    z += m * sigma(count[0] / m);
    return alpha * m * m / z;
}

uint64_t sketch_estimate(const struct sketch *s)
{
    if (s == NULL || !has_registers(s))
        return s == NULL ? 0 : s->n;
    uint32_t count[MAX_RANK + 1] = {0};
    for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
        count[s->registers[i]]++;
    double d = estimate(count);
    return d >= 0x1p63 ? UINT64_MAX : (uint64_t)(d + 0.5);
}

/* By registers: what verify can make from SQL's rows and what the digest is made of. */
bool sketch_equal(const struct sketch *a, const struct sketch *b)
{
    uint8_t *ranks = mem_alloc(2 * SKETCH_REGISTERS);
    const struct sketch *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        struct sketch *copy = both[i] == NULL ? sketch_new() : sketch_copy(both[i]);
        if (!has_registers(copy))
            make_registers(copy);
        memcpy(ranks + i * SKETCH_REGISTERS, copy->registers, SKETCH_REGISTERS);
        sketch_free(copy);
    }
    bool equal = memcmp(ranks, ranks + SKETCH_REGISTERS, SKETCH_REGISTERS) == 0;
    free(ranks);
    return equal;
}

/* ---- stored form ---- */

static void encode_registers(const uint8_t *registers, struct buf *out)
{
    for (unsigned i = 0; i < SKETCH_REGISTERS; i += 4) {
        uint32_t four = (uint32_t)registers[i] << 18 | (uint32_t)registers[i + 1] << 12 |
                        (uint32_t)registers[i + 2] << 6 | registers[i + 3];
        uint8_t bytes[3] = {(uint8_t)(four >> 16), (uint8_t)(four >> 8), (uint8_t)four};
        buf_put(out, bytes, sizeof(bytes));
    }
}

size_t sketch_encoded_bytes(const struct sketch *s)
{
    if (s == NULL || (!has_registers(s) && s->n == 0))
        return 0;
    return has_registers(s) ? SKETCH_MAX_ENCODED : 1 + s->n * sizeof(uint64_t);
}

void sketch_encode(const struct sketch *s, struct buf *out)
{
    if (sketch_encoded_bytes(s) == 0)
        return;
    buf_put_byte(out, has_registers(s) ? STORED_REGISTERS : STORED_HASHES);
    if (has_registers(s)) {
        encode_registers(s->registers, out);
        return;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        uint64_t word = htobe64(hashes_of(s)[i]);
        buf_put(out, &word, sizeof(word));
    }
}

static struct sketch *decode_hashes(const uint8_t *p, size_t n_bytes)
{
    size_t n = n_bytes / sizeof(uint64_t);
    if (n == 0 || n > SKETCH_EXACT || n_bytes % sizeof(uint64_t) != 0)
        return NULL;
    struct sketch *s = sketch_new();
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t word;
        memcpy(&word, p + i * sizeof(word), sizeof(word));
        word = be64toh(word);
        if (i > 0 && word <= before) {
            sketch_free(s);
            return NULL;
        }
        sketch_add(s, word, NULL);
        before = word;
    }
    return s;
}

static struct sketch *decode_registers(const uint8_t *p, size_t n_bytes)
{
    if (n_bytes != SKETCH_MAX_ENCODED - 1)
        return NULL;
    struct sketch *s = sketch_new();
    make_registers(s);
    unsigned highest = 0;
    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        unsigned shift = 18 - i % 4 * 6;
        const uint8_t *three = p + i / 4 * 3;
        uint32_t four = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
        s->registers[i] = four >> shift & 63;
        highest = s->registers[i] > highest ? s->registers[i] : highest;
    }
    if (highest > 0 && highest <= MAX_RANK)
        return s;
    sketch_free(s);
    return NULL;
}

int sketch_decode(struct span bytes, struct sketch **out, struct err *e)
{
    *out = NULL;
    if (bytes.n == 0)
        return 0;
    const uint8_t *p = (const uint8_t *)bytes.p;
    if (p[0] == STORED_HASHES)
        *out = decode_hashes(p + 1, bytes.n - 1);
    if (p[0] == STORED_REGISTERS)
        *out = decode_registers(p + 1, bytes.n - 1);
    if (*out == NULL)
        return err_set(e, ERR_DATA, "%zu bytes of a stored distinct count (form %u) make no sense",
                       bytes.n, p[0]);
    return 0;
}
