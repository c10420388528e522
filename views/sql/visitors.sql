-- SPDX-License-Identifier: Apache-2.0
-- Page views and different visitors per minute. A visitor is one person's device on one UTC day as far
-- as it can be told without cookies (README, "What the numbers mean"). Minutes are kept for two days.
-- Bots are left out.
CREATE MATERIALIZED VIEW visitors WITH (minute_retention = '2 days') AS
SELECT site, date_bin('1 minute', event_time, 'epoch') AS time,
       count(*) AS pageviews, count(DISTINCT visitor) AS visitors
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2;
