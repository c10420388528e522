-- SPDX-License-Identifier: Apache-2.0
-- Page views per minute and region (ISO 3166-2 like US-CA, or ISO 3166-1 like DE; ZZ: not known).
-- Bots are left out.
CREATE MATERIALIZED VIEW pageviews_by_region AS
SELECT site, date_bin('1 minute', event_time, 'epoch') AS time, region,
       count(*) AS pageviews
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2, 3;
