-- SPDX-License-Identifier: Apache-2.0
-- Visits per quarter hour in which they began, by the page they began with: the path of its URL, without query.
-- bounces: visits of that page view alone.
-- Bots are left out.
CREATE MATERIALIZED VIEW entry_pages AS
SELECT site, date_bin('15 minutes', session_start, 'epoch') AS time, entry_page,
       count(*) AS visits, count(*) FILTER (WHERE bounce) AS bounces
FROM sessions
GROUP BY 1, 2, 3;
