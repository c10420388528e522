-- SPDX-License-Identifier: Apache-2.0
-- Page views and different visitors per quarter hour and host that linked here (NULL: no referrer).
-- Bots are left out.
CREATE MATERIALIZED VIEW pageviews_by_referrer AS
SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, referrer_host,
       count(*) AS pageviews, count(DISTINCT visitor) AS visitors
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2, 3;
