-- SPDX-License-Identifier: Apache-2.0
-- Visits per quarter hour in which they began, by the page they ended with: the path of its URL, without query.
-- Bots are left out.
CREATE MATERIALIZED VIEW exit_pages AS
SELECT site, date_bin('15 minutes', session_start, 'epoch') AS time, exit_page,
       count(*) AS visits
FROM sessions
GROUP BY 1, 2, 3;
