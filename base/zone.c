/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tzif.h"

enum { MAX_ZONES = 4000, MAX_FILE_BYTES = 64 * 1024, MAX_DEPTH = 3, MAX_NAME = 64 };

struct zone {
    char name[MAX_NAME + 1];
    struct tzif tzif;
};

struct zones {
    struct zone *list; /* sorted by name */
    size_t n, cap;
};

/* ------------------------------------------------------------------ loading */

static void add_zone(struct zones *z, const char *name, struct span file)
{
    struct tzif parsed;
    if (tzif_parse(&parsed, file, NULL) != 0)
        return; /* zone.tab, leapseconds and the like */
    if (z->n == z->cap) {
        z->cap = z->cap == 0 ? 1024 : z->cap * 2;
        z->list = mem_resize(z->list, z->cap * sizeof *z->list);
    }
    struct zone *added = &z->list[z->n++];
    *added = (struct zone){.tzif = parsed};
    snprintf(added->name, sizeof added->name, "%s", name);
}

static void load_file(struct zones *z, int fd, const char *name)
{
    char bytes[MAX_FILE_BYTES];
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < sizeof bytes; n += (size_t)(got > 0 ? got : 0))
        got = read(fd, bytes + n, sizeof bytes - n);
    if (n < sizeof bytes)
        add_zone(z, name, (struct span){bytes, n});
}

static void load_folder(struct zones *z, int folder, const char *prefix, int depth);

/* posix/ and right/ are other copies of the whole; what starts with no letter is no zone. */
static bool is_zone_name(const char *name)
{
    bool letter = (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z');
    return letter && strcmp(name, "posix") != 0 && strcmp(name, "right") != 0 &&
           strcmp(name, "localtime") != 0 && strcmp(name, "posixrules") != 0;
}

static void load_entry(struct zones *z, int folder, const char *path, int depth)
{
    const char *last = strrchr(path, '/');
    int fd = openat(folder, last == NULL ? path : last + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (fd < 0)
        return;
    if (fstat(fd, &about) != 0)
        about.st_mode = 0;
    if (S_ISDIR(about.st_mode) && depth < MAX_DEPTH) {
        load_folder(z, fd, path, depth + 1); /* takes fd */
        return;
    }
    if (S_ISREG(about.st_mode))
        load_file(z, fd, path);
    close(fd);
}

static void load_folder(struct zones *z, int folder, const char *prefix, int depth)
{
    DIR *d = fdopendir(folder);
    if (d == NULL) {
        close(folder);
        return;
    }
    for (struct dirent *entry = readdir(d); entry != NULL && z->n < MAX_ZONES; entry = readdir(d)) {
        char path[MAX_NAME + 1];
        const char *slash = prefix[0] == '\0' ? "" : "/";
        int n = snprintf(path, sizeof path, "%s%s%s", prefix, slash, entry->d_name);
        if (is_zone_name(entry->d_name) && n > 0 && n < (int)sizeof path)
            load_entry(z, dirfd(d), path, depth);
    }
    closedir(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct zone *)a)->name, ((const struct zone *)b)->name);
}

int zones_load(struct zones **out, const char *folder, struct err *e)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_INPUT, "%s can't be read (%m): install the package tzdata", folder);
    struct zones *z = mem_alloc(sizeof *z);
    load_folder(z, fd, "", 0);
    if (z->n == 0) {
        zones_free(z);
        return err_set(e, ERR_INPUT, "%s holds no time zones: install the package tzdata", folder);
    }
    qsort(z->list, z->n, sizeof *z->list, by_name);
    *out = z;
    return 0;
}

void zones_free(struct zones *z)
{
    if (z == NULL)
        return;
    for (size_t i = 0; i < z->n; i++)
        tzif_clear(&z->list[i].tzif);
    free(z->list);
    free(z);
}

static const struct zone utc = {.name = "UTC", .tzif = {.rule = {.present = true}}};

const struct zone *zone_utc(void)
{
    return &utc;
}

const struct zone *zones_find(const struct zones *z, struct span name)
{
    struct zone wanted;
    if (span_is(name, "UTC"))
        return &utc;
    if (z == NULL || name.n == 0 || name.n > MAX_NAME || memchr(name.p, '\0', name.n) != NULL)
        return NULL;
    memcpy(wanted.name, name.p, name.n);
    wanted.name[name.n] = '\0';
    return bsearch(&wanted, z->list, z->n, sizeof *z->list, by_name);
}

size_t zones_count(const struct zones *z)
{
    return z->n;
}

const struct zone *zones_at(const struct zones *z, size_t i)
{
    return &z->list[i];
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

/* ------------------------------------------------------------------ asking */

static int64_t in_us(int64_t s)
{
    if (s > INT64_MAX / US_PER_SECOND)
        return INT64_MAX;
    return s < INT64_MIN / US_PER_SECOND ? INT64_MIN : s * US_PER_SECOND;
}

struct zone_segment zone_segment_at(const struct zone *z, int64_t t_us)
{
    int64_t t_s = clock_floor(t_us, US_PER_SECOND) / US_PER_SECOND;
    struct tzif_segment s = tzif_segment_at(&z->tzif, t_s);
    return (struct zone_segment){in_us(s.from_s), in_us(s.to_s), in_us(s.offset_s)};
}

int64_t zone_date_at(const struct zone *z, int64_t t_us)
{
    int64_t local_us = t_us + zone_segment_at(z, t_us).offset_us;
    return clock_floor(local_us, US_PER_DAY) / US_PER_DAY;
}

int64_t zone_day_start(const struct zone *z, int64_t days)
{
    int64_t midnight_us = days * US_PER_DAY; /* as if local were UTC; offsets stay within 26 h */
    int64_t t_us = midnight_us - 26 * US_PER_HOUR;
    for (;;) {
        struct zone_segment s = zone_segment_at(z, t_us);
        int64_t found_us = midnight_us - s.offset_us;
        if (found_us < t_us)
            found_us = t_us; /* the clock jumped over midnight: the jump starts the day */
        if (found_us < s.to_us)
            return found_us;
        t_us = s.to_us;
    }
}

static int put_offset(char *out, size_t room, int64_t offset_us)
{
    int minutes = (int)((offset_us < 0 ? -offset_us : offset_us) / US_PER_MINUTE);
    return snprintf(out, room, "%c%02d:%02d", offset_us < 0 ? '-' : '+', minutes / 60 % 100,
                    minutes % 60);
}

int zone_format(const struct zone *z, int64_t t_us, char out[CLOCK_TEXT_BYTES])
{
    int64_t offset_us = zone_segment_at(z, t_us).offset_us;
    int n = clock_format(out, t_us + offset_us, 0) - 1; /* without its Z */
    return z == &utc ? n + 1 : n + put_offset(out + n, CLOCK_TEXT_BYTES - (size_t)n, offset_us);
}
