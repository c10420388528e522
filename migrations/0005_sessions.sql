-- SPDX-License-Identifier: Apache-2.0
-- Sessions: a visitor's page views of a site, cut where there is none for more than 30 minutes.

-- One row per session, stable, for analysts. Bots' page views and other events are no part of it, nor
-- is an event more than 48 hours behind the latest event_time its site had shown by then (in log
-- order, all events of the site, its own included): so what streams the log may forget old sessions,
-- and still has exactly these.
--
-- The page views of a visitor stand in order of (event_time, seq). The rows in the middle of a
-- session are left out before the last step: a session's first row then meets its last one, either in
-- itself or in the next row.
CREATE VIEW sessions AS
SELECT partition, site, visitor,
       event_time AS session_start,
       last_time AS session_end,
       last_place - place + 1 AS pageviews,
       path AS entry_page, last_path AS exit_page, referrer, referrer_host, country, region,
       browser, os, device, utm_source, utm_medium, utm_campaign,
       last_place = place AS bounce,
       floor(extract(epoch FROM last_time - event_time))::bigint AS duration
FROM (SELECT edges.*,
             CASE WHEN ends THEN event_time ELSE lead(event_time) OVER visit END AS last_time,
             CASE WHEN ends THEN place ELSE lead(place) OVER visit END AS last_place,
             CASE WHEN ends THEN path ELSE lead(path) OVER visit END AS last_path
      FROM (SELECT accepted.*,
                   row_number() OVER visit AS place,
                   coalesce(lag(event_time) OVER visit < event_time - interval '30 minutes', true) AS starts,
                   coalesce(lead(event_time) OVER visit > event_time + interval '30 minutes', true) AS ends
            FROM (SELECT partition, seq, site, visitor, event_time, event_type, bot, path, referrer,
                         referrer_host, country, region, browser, os, device, utm_source, utm_medium,
                         utm_campaign,
                         max(event_time) OVER (PARTITION BY partition, site ORDER BY seq
                                               ROWS UNBOUNDED PRECEDING) AS latest
                  FROM events) accepted
            WHERE event_type = 'PageViewEvent' AND NOT bot
              AND event_time >= latest - interval '48 hours'
            WINDOW visit AS (PARTITION BY partition, site, visitor ORDER BY event_time, seq)) edges
      WHERE starts OR ends
      WINDOW visit AS (PARTITION BY partition, site, visitor ORDER BY event_time, seq)) spans
WHERE starts;

REVOKE ALL ON sessions FROM PUBLIC;
GRANT SELECT ON sessions TO footfall_reader;
