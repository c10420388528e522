-- SPDX-License-Identifier: Apache-2.0
-- Page views per minute and country (ISO 3166-1; NULL: not known).
-- Bots are left out.
CREATE MATERIALIZED VIEW pageviews_by_country AS
SELECT site, date_bin('1 minute', event_time, 'epoch') AS time, country,
       count(*) AS pageviews
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2, 3;
