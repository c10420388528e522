// SPDX-License-Identifier: Apache-2.0
// Views to start from. Their titles are in texts.js, by name.

export const examples = [
  {
    name: 'pages',
    sql: `CREATE MATERIALIZED VIEW shop_pages AS
SELECT site, date_trunc('hour', event_time) AS time, path,
       count(*) AS pageviews, count(DISTINCT visitor) AS visitors
FROM events
WHERE event_type = 'PageViewEvent' AND NOT bot AND path LIKE '/shop/%'
GROUP BY 1, 2, 3
ORDER BY pageviews DESC;
`,
  },
  {
    name: 'money',
    sql: `-- Money by country and hour, without test orders.
CREATE MATERIALIZED VIEW sales AS
SELECT site, date_trunc('hour', event_time) AS time, country,
       props ->> 'currency' AS currency,
       count(*) AS orders, count(DISTINCT visitor) AS buyers,
       sum(ff_num(props, 'price')) AS revenue
FROM events
WHERE event_type = 'order' AND NOT bot
  AND props ->> 'mode' IS DISTINCT FROM 'test'
GROUP BY 1, 2, 3, 4
ORDER BY revenue DESC;
`,
  },
  {
    name: 'visits',
    sql: `-- Visits by the page they began on and the host they came from.
CREATE MATERIALIZED VIEW landings AS
SELECT site, date_trunc('hour', session_start) AS time, entry_page, referrer_host,
       count(*) AS visits, count(*) FILTER (WHERE bounce) AS bounces,
       sum(duration) AS duration
FROM sessions
GROUP BY 1, 2, 3, 4
ORDER BY visits DESC;
`,
  },
  {
    name: 'bots',
    sql: `CREATE MATERIALIZED VIEW bots AS
SELECT site, date_trunc('hour', event_time) AS time, browser AS bot_name,
       count(*) AS requests
FROM events
WHERE bot
GROUP BY 1, 2, 3
ORDER BY requests DESC;
`,
  },
];
