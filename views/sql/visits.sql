-- SPDX-License-Identifier: Apache-2.0
-- Visits per quarter hour in which they began: a visitor's page views with no more than 30 minutes from one
-- to the next. bounces: visits of one page view; duration: seconds from first to last page view, summed up;
-- pageviews: those of the visits.
-- Bots are left out.
CREATE MATERIALIZED VIEW visits AS
SELECT site, date_bin('15 minutes', session_start, 'epoch') AS time,
       count(*) AS visits, count(*) FILTER (WHERE bounce) AS bounces,
       sum(duration) AS duration, sum(pageviews) AS pageviews
FROM sessions
GROUP BY 1, 2;
