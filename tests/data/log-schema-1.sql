-- SPDX-License-Identifier: Apache-2.0
-- A batch as schema 1 wrote it. Never change this file: it stands for logs in the field.
INSERT INTO log_tail (partition, first_seq, event_count, schema_id, batch_id, min_time, max_time,
    event_id, event_type, event_time, received_at, site, host, path, query, referrer, referrer_host,
    session_id, user_id, visitor, browser, os, device, country, region, utm_source, utm_medium,
    utm_campaign, bot, props, ip, token)
VALUES (0, 0, 2, 1, 4711, '2026-11-23 04:00:00+00', '2026-11-23 04:00:00.5+00',
    '{00000000-0000-7000-8000-000000000001,00000000-0000-7000-8000-000000000002}',
    '{PageViewEvent}', '{2026-11-23 04:00:00+00,2026-11-23 04:00:00.5+00}',
    '{2026-11-23 04:00:01+00}', '{example.com}', NULL, '{/a,NULL}', NULL, NULL, NULL,
    NULL, NULL, '{255}', NULL, NULL, NULL, NULL, '{DE-BE,FR}', NULL, NULL,
    NULL, '{f,t}', ARRAY['{"plan": "pro"}', NULL]::jsonb[], NULL, NULL);
