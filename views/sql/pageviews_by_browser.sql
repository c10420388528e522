-- SPDX-License-Identifier: Apache-2.0
-- Page views and different visitors per quarter hour and browser family (NULL: not known).
-- Bots are left out.
CREATE MATERIALIZED VIEW pageviews_by_browser AS
SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, browser,
       count(*) AS pageviews, count(DISTINCT visitor) AS visitors
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2, 3;
