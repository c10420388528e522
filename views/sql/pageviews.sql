-- SPDX-License-Identifier: Apache-2.0
-- Page views per minute: how many pages people looked at.
-- Bots are left out.
CREATE MATERIALIZED VIEW pageviews AS
SELECT site, date_bin('1 minute', event_time, 'epoch') AS time,
       count(*) AS pageviews
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot
GROUP BY 1, 2;
