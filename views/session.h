/* SPDX-License-Identifier: Apache-2.0 */
/* A session: page views of one visitor of one site, none of them more than 30 minutes behind the
 * one before it, in order of (event_time, seq). Sessions that overlap, or lie no further apart than
 * that, are one. So sessions of any parts of the log can be merged in any order, and the result is
 * that of all events together.
 *
 * Stored form, of a visitor's sessions that ended on one UTC day: a MessagePack array
 *   [format, end, end_seq, length, start_seq, pageviews, texts..., end, ...]
 * ascending; end in microseconds since 1970, length from start to end in microseconds; a text is a
 * str or nil. At most 48, as there are more than 30 minutes from one end to the next. */
#ifndef VIEWS_SESSION_H
#define VIEWS_SESSION_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "log/event.h"
#include "views/relation.h"

#define SESSION_GAP_US (30 * US_PER_MINUTE)
/* An event further behind the latest of its site is no part of any session. */
#define SESSION_LATENESS_US (48 * US_PER_HOUR)

enum { SESSION_FORMAT = 1, SESSIONS_A_DAY = 48 };

/* What a session says about its first and last page view, in the order of the relation's columns.
 */
enum session_text {
    SESSION_TEXT_ENTRY_PAGE,
    SESSION_TEXT_EXIT_PAGE,
    SESSION_TEXT_REFERRER,
    SESSION_TEXT_REFERRER_HOST,
    SESSION_TEXT_COUNTRY,
    SESSION_TEXT_REGION,
    SESSION_TEXT_BROWSER,
    SESSION_TEXT_OS,
    SESSION_TEXT_DEVICE,
    SESSION_TEXT_UTM_SOURCE,
    SESSION_TEXT_UTM_MEDIUM,
    SESSION_TEXT_UTM_CAMPAIGN,
    N_SESSION_TEXTS
};
_Static_assert(SESSION_ENTRY_PAGE + N_SESSION_TEXTS == SESSION_BOUNCE, "texts are columns");

/* A set of texts: bit 1 << enum session_text. Who needs only some leaves the others absent. */
typedef uint32_t session_text_set;
#define SESSION_TEXT_BIT(text) (UINT32_C(1) << (text))
#define ALL_SESSION_TEXTS ((UINT32_C(1) << N_SESSION_TEXTS) - 1)

extern const enum event_column session_text_columns[N_SESSION_TEXTS]; /* what each is made of */
/* Those among columns of the relation (bit 1 << enum session_column). */
static inline session_text_set session_texts_of(uint32_t columns)
{
    return columns >> SESSION_ENTRY_PAGE & ALL_SESSION_TEXTS;
}

struct session_point {
    int64_t time_us;
    uint64_t seq; /* decides between events of one time */
};

static inline bool session_point_before(struct session_point a, struct session_point b)
{
    return a.time_us != b.time_us ? a.time_us < b.time_us : a.seq < b.seq;
}

struct session {
    struct session_point start, end;
    int64_t pageviews;
    bool changed; /* the caller's mark; a merged session has it if any of its parts had it */
    struct span texts[N_SESSION_TEXTS]; /* absent: NULL */
};

/* A visitor's sessions, ascending, more than SESSION_GAP_US apart. Zeroed: none. */
struct session_list {
    struct session *at; /* in the arena given */
    uint32_t n, cap;
};

/* Puts a session among them, merged with those it touches; texts stay borrowed. */
void session_list_add(struct session_list *l, const struct session *s, struct arena *memory);

/* Calls back for what differs between two lists of which `to` came from `from` by adding sessions
 * marked as changed: each session that is gone (SESSION_GONE), then each that is new. */
enum session_change { SESSION_GONE = -1, SESSION_NEW = 1 };
struct session_observer {
    void (*on_change)(void *context, enum session_change change, const struct session *s);
    void *context;
};
void session_list_compare(const struct session_list *from, const struct session_list *to,
                          const struct session_observer *o);

/* The UTC day, since 1970, on which a session ended: where it is stored. */
static inline int64_t session_day(int64_t end_us)
{
    return clock_floor(end_us, US_PER_DAY) / US_PER_DAY;
}

/* Whether no event to come can touch a session that ended on this day, at this watermark of its
 * site: such an event would be too late to count. Stays so. */
static inline bool session_day_closed(int64_t day, int64_t watermark_us)
{
    return (day + 1) * US_PER_DAY + SESSION_LATENESS_US + SESSION_GAP_US < watermark_us;
}

/* The list's sessions that ended on that day; nothing is appended, and false given, when there is
 * none. */
bool session_list_encode(const struct session_list *l, int64_t day, struct buf *out);
/* Appends the sessions of a day's stored form; the texts point into it. Refuses what
 * session_list_encode does not write, and what does not lie behind the list's last session
 * (ERR_DATA). */
int session_list_decode(struct span stored, int64_t day, struct session_list *l,
                        struct arena *memory, struct err *e) MUST_CHECK;

#endif
