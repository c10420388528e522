-- SPDX-License-Identifier: Apache-2.0
-- Page views and different visitors per quarter hour and campaign: the utm_ parameters of the page's URL
-- (NULL: not given).
-- Bots are left out.
CREATE MATERIALIZED VIEW pageviews_by_campaign AS
SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, utm_source, utm_medium, utm_campaign,
       count(*) AS pageviews, count(DISTINCT visitor) AS visitors
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2, 3, 4, 5;
