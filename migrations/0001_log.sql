-- SPDX-License-Identifier: Apache-2.0
-- The log: batches of events, the fence, who may do what, the relation events.

-- ---------------------------------------------------------------- roles

-- They belong to the whole server, so they may be there already.
DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['footfall_writer', 'footfall_keeper', 'footfall_reader'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
            IF NOT pg_has_role(current_user, name, 'MEMBER') THEN
                EXECUTE format('GRANT %I TO %I', name, current_user);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server was migrated at the same moment
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION USING
                    ERRCODE = 'insufficient_privilege',
                    MESSAGE = format('the role %I cannot be made or granted by %I', name, current_user),
                    HINT = format('let an administrator run: CREATE ROLE %1$I NOLOGIN; GRANT %1$I TO %2$I;',
                                  name, current_user);
        END;
    END LOOP;
END
$roles$;

-- ---------------------------------------------------------------- identity and fence

-- Who this log is. One row.
CREATE TABLE log_meta (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    log_id       uuid NOT NULL DEFAULT gen_random_uuid(), -- a restored log gets a new one
    import_secret bytea NOT NULL, -- 16 bytes: salts of days that have none of their own
    created_at   timestamptz NOT NULL DEFAULT now(),
    restored_at  timestamptz
);
INSERT INTO log_meta (import_secret)
VALUES (substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16));

-- The fence: whoever appends holds FOR SHARE on the row of its epoch; taking over raises the epoch.
CREATE TABLE log_head (
    partition integer PRIMARY KEY CHECK (partition >= 0),
    epoch     bigint NOT NULL DEFAULT 0
);
INSERT INTO log_head (partition) VALUES (0);

-- Who appends, and when it was last heard of. Not in log_head, whose rows are locked by appends.
CREATE TABLE log_owner (
    partition    integer PRIMARY KEY,
    epoch        bigint NOT NULL,
    backend_pid  integer NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);

-- The columns a batch was written with. Columns are only added; a batch reads as NULL in those that
-- came after it.
CREATE TABLE log_schema (
    schema_id integer PRIMARY KEY,
    columns   text[] NOT NULL
);
INSERT INTO log_schema VALUES (1, '{
    event_id, event_type, event_time, received_at, site, host, path, query, referrer,
    referrer_host, session_id, user_id, visitor, browser, os, device, country, region,
    utm_source, utm_medium, utm_campaign, bot, props, ip, token}');

-- ---------------------------------------------------------------- batches

-- One row is one batch: event_count events from first_seq on, an array per column. A NULL array: NULL
-- for every event. A one-element array: that value for every event.
CREATE TABLE log_tail (
    partition     integer NOT NULL,
    first_seq     bigint NOT NULL CHECK (first_seq >= 0),
    event_count   integer NOT NULL CHECK (event_count BETWEEN 1 AND 10000),
    schema_id     integer NOT NULL,
    batch_id      bigint NOT NULL, -- random: tells whether a commit in doubt happened
    min_time      timestamptz NOT NULL,
    max_time      timestamptz NOT NULL,
    event_id      uuid[] COMPRESSION lz4 NOT NULL,
    event_type    text[] COMPRESSION lz4 COLLATE "C" NOT NULL,
    event_time    timestamptz[] COMPRESSION lz4 NOT NULL,
    received_at   timestamptz[] COMPRESSION lz4 NOT NULL,
    site          text[] COMPRESSION lz4 COLLATE "C" NOT NULL,
    host          text[] COMPRESSION lz4 COLLATE "C",
    path          text[] COMPRESSION lz4 COLLATE "C",
    query         text[] COMPRESSION lz4 COLLATE "C",
    referrer      text[] COMPRESSION lz4 COLLATE "C",
    referrer_host text[] COMPRESSION lz4 COLLATE "C",
    session_id    text[] COMPRESSION lz4 COLLATE "C",
    user_id       text[] COMPRESSION lz4 COLLATE "C",
    visitor       bigint[] COMPRESSION lz4 NOT NULL,
    browser       text[] COMPRESSION lz4 COLLATE "C",
    os            text[] COMPRESSION lz4 COLLATE "C",
    device        text[] COMPRESSION lz4 COLLATE "C",
    country       text[] COMPRESSION lz4 COLLATE "C",
    region        text[] COMPRESSION lz4 COLLATE "C" NOT NULL,
    utm_source    text[] COMPRESSION lz4 COLLATE "C",
    utm_medium    text[] COMPRESSION lz4 COLLATE "C",
    utm_campaign  text[] COMPRESSION lz4 COLLATE "C",
    bot           boolean[] COMPRESSION lz4 NOT NULL,
    props         jsonb[] COMPRESSION lz4,
    ip            text[] COMPRESSION lz4 COLLATE "C",
    token         bigint[] COMPRESSION lz4,
    PRIMARY KEY (partition, first_seq),
    CONSTRAINT lengths CHECK (
        cardinality(event_id) IN (1, event_count)
        AND cardinality(event_type) IN (1, event_count)
        AND cardinality(event_time) IN (1, event_count)
        AND cardinality(received_at) IN (1, event_count)
        AND cardinality(site) IN (1, event_count)
        AND cardinality(host) IN (1, event_count)
        AND cardinality(path) IN (1, event_count)
        AND cardinality(query) IN (1, event_count)
        AND cardinality(referrer) IN (1, event_count)
        AND cardinality(referrer_host) IN (1, event_count)
        AND cardinality(session_id) IN (1, event_count)
        AND cardinality(user_id) IN (1, event_count)
        AND cardinality(visitor) IN (1, event_count)
        AND cardinality(browser) IN (1, event_count)
        AND cardinality(os) IN (1, event_count)
        AND cardinality(device) IN (1, event_count)
        AND cardinality(country) IN (1, event_count)
        AND cardinality(region) IN (1, event_count)
        AND cardinality(utm_source) IN (1, event_count)
        AND cardinality(utm_medium) IN (1, event_count)
        AND cardinality(utm_campaign) IN (1, event_count)
        AND cardinality(bot) IN (1, event_count)
        AND cardinality(props) IN (1, event_count)
        AND cardinality(ip) IN (1, event_count)
        AND cardinality(token) IN (1, event_count)
    )
);
-- Time bounds prune by this; min_time rides along so that the index alone decides.
CREATE INDEX log_tail_time ON log_tail (max_time, min_time);

-- Statistics of what is in the arrays would take long to gather, and no plan asks for them.
CREATE FUNCTION log_skip_statistics(of_table text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                WHERE attrelid = of_table::regclass AND attnum > 0 AND typcategory = 'A'
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', of_table, name);
    END LOOP;
END
$$;
SELECT log_skip_statistics('log_tail');

-- Sealed batches: the same columns, in segments made ahead.
CREATE TABLE log_batch (LIKE log_tail INCLUDING ALL) PARTITION BY RANGE (partition, first_seq);

-- ---------------------------------------------------------------- immutability

CREATE FUNCTION log_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'footfall_keeper' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = format('the log is immutable: %s of %I is refused to %I',
                         TG_OP, TG_TABLE_NAME, current_user),
        HINT = 'only seal, retention and erasure change it, as the role footfall_keeper';
END
$$;

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON log_tail
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON log_batch
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuse_change();

-- ---------------------------------------------------------------- segments

-- Makes the segment of log_batch that holds seq, unless it is there. It is made beside the table and
-- then attached, which does not stall readers or appends. Returns whether it was made.
CREATE FUNCTION log_make_segment(of_partition integer, seq bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    span constant bigint := 100000000; -- events in a segment
    number constant bigint := seq / span;
    name constant text := format('log_batch_%s_%s', of_partition, number);
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE log_batch INCLUDING ALL)', name);
    PERFORM log_skip_statistics(name);
    EXECUTE format('CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION log_refuse_change()', name);
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', name);
    EXECUTE format('GRANT SELECT ON %I TO footfall_writer, footfall_reader, footfall_keeper', name);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO footfall_keeper', name);
    EXECUTE format('ALTER TABLE log_batch ATTACH PARTITION %I FOR VALUES FROM (%s, %s) TO (%s, %s)',
                   name, of_partition, number * span, of_partition, (number + 1) * span);
    RETURN true;
END
$$;

-- ---------------------------------------------------------------- reading

CREATE VIEW log_batches AS
SELECT * FROM log_tail UNION ALL SELECT * FROM log_batch;

-- The next seq of a partition.
CREATE FUNCTION log_next_seq(of_partition integer) RETURNS bigint STABLE LANGUAGE sql AS $$
    SELECT coalesce(greatest(
        (SELECT first_seq + event_count FROM log_tail WHERE partition = of_partition
         ORDER BY first_seq DESC LIMIT 1),
        (SELECT first_seq + event_count FROM log_batch WHERE partition = of_partition
         ORDER BY first_seq DESC LIMIT 1)), 0)
$$;

-- A column as one element per event.
CREATE FUNCTION log_spread(elements anyarray, event_count integer) RETURNS anyarray
IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE WHEN cardinality(elements) = 1 THEN array_fill(elements[1], ARRAY[event_count])
                ELSE elements END
$$;

-- Every event with the bounds of its batch: a condition on these keeps whole batches from being read.
CREATE VIEW log_events AS
SELECT b.first_seq, b.min_time, b.max_time, b.partition, b.first_seq + e.n - 1 AS seq,
       e.event_id, e.event_type, e.event_time, e.received_at, e.site, e.host, e.path, e.query,
       e.referrer, e.referrer_host, e.session_id, e.user_id, e.visitor, e.browser, e.os,
       e.device, e.country, e.region, e.utm_source, e.utm_medium, e.utm_campaign, e.bot,
       e.props
FROM log_batches b
CROSS JOIN LATERAL ROWS FROM (
         unnest(log_spread(b.event_id, b.event_count)),
         unnest(log_spread(b.event_type, b.event_count)),
         unnest(log_spread(b.event_time, b.event_count)),
         unnest(log_spread(b.received_at, b.event_count)),
         unnest(log_spread(b.site, b.event_count)), unnest(log_spread(b.host, b.event_count)),
         unnest(log_spread(b.path, b.event_count)), unnest(log_spread(b.query, b.event_count)),
         unnest(log_spread(b.referrer, b.event_count)),
         unnest(log_spread(b.referrer_host, b.event_count)),
         unnest(log_spread(b.session_id, b.event_count)),
         unnest(log_spread(b.user_id, b.event_count)),
         unnest(log_spread(b.visitor, b.event_count)),
         unnest(log_spread(b.browser, b.event_count)), unnest(log_spread(b.os, b.event_count)),
         unnest(log_spread(b.device, b.event_count)),
         unnest(log_spread(b.country, b.event_count)),
         unnest(log_spread(b.region, b.event_count)),
         unnest(log_spread(b.utm_source, b.event_count)),
         unnest(log_spread(b.utm_medium, b.event_count)),
         unnest(log_spread(b.utm_campaign, b.event_count)),
         unnest(log_spread(b.bot, b.event_count)), unnest(log_spread(b.props, b.event_count)),
         generate_series(1, b.event_count)
     ) AS e (
         event_id, event_type, event_time, received_at, site, host, path, query, referrer,
         referrer_host, session_id, user_id, visitor, browser, os, device, country, region,
         utm_source, utm_medium, utm_campaign, bot, props, n
     );

-- The events, one row each: stable, documented, for analysts. It reads every batch: bound it with
-- events_between (time) or events_from (seq).
CREATE VIEW events AS
SELECT partition, seq, event_id, event_type, event_time, received_at, site, host, path, query,
       referrer, referrer_host, session_id, user_id, visitor, browser, os, device, country,
       region, utm_source, utm_medium, utm_campaign, bot, props
FROM log_events;

-- The events with from_time <= event_time < to_time; reads only batches that hold such times.
CREATE FUNCTION events_between(from_time timestamptz, to_time timestamptz) RETURNS SETOF events
STABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT partition, seq, event_id, event_type, event_time, received_at, site, host, path, query,
       referrer, referrer_host, session_id, user_id, visitor, browser, os, device, country,
       region, utm_source, utm_medium, utm_campaign, bot, props
FROM log_events
WHERE max_time >= from_time AND min_time < to_time
  AND event_time >= from_time AND event_time < to_time
$$;

-- The events of a partition with from_seq <= seq < to_seq; reads only the batches of that range.
CREATE FUNCTION events_from(of_partition integer, from_seq bigint, to_seq bigint) RETURNS SETOF events
STABLE PARALLEL SAFE LANGUAGE sql AS $$
SELECT partition, seq, event_id, event_type, event_time, received_at, site, host, path, query,
       referrer, referrer_host, session_id, user_id, visitor, browser, os, device, country,
       region, utm_source, utm_medium, utm_campaign, bot, props
FROM log_events
WHERE partition = of_partition AND first_seq > from_seq - 10000 AND first_seq < to_seq
  AND seq >= from_seq AND seq < to_seq
$$;

-- ---------------------------------------------------------------- repeats

-- How far each source has been taken in: stored by the commit that appends its events, for ever.
CREATE TABLE source_position (
    partition  integer NOT NULL,
    scope      bigint NOT NULL, -- the token's id; 0: an admin's, -1: without one
    site       text COLLATE "C" NOT NULL, -- the token's site, or ''
    name       text COLLATE "C" NOT NULL,
    position   bigint NOT NULL CHECK (position >= 0),
    batch_id   bigint NOT NULL, -- of the commit that wrote it
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, scope, site, name)
);

-- Idempotency keys of the last 24 hours with the answers that were given.
CREATE TABLE idempotency_key (
    partition  integer NOT NULL,
    scope      bigint NOT NULL,
    site       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    body_hash  bytea NOT NULL,
    answer     text NOT NULL,
    batch_id   bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, scope, site, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

-- ---------------------------------------------------------------- rights

REVOKE ALL ON log_meta, log_head, log_owner, log_schema, log_tail, log_batch, log_batches, log_events, events,
    source_position, idempotency_key FROM PUBLIC;
GRANT SELECT, INSERT ON log_tail TO footfall_writer;
GRANT SELECT ON log_batch, log_meta, log_schema TO footfall_writer;
GRANT SELECT, INSERT, UPDATE ON log_head, log_owner, source_position, idempotency_key TO footfall_writer;
GRANT SELECT ON log_meta, log_schema, log_head TO footfall_keeper;
GRANT UPDATE ON log_head TO footfall_keeper;
GRANT SELECT, INSERT, UPDATE, DELETE ON log_tail, log_batch TO footfall_keeper;
GRANT SELECT ON events, log_events, log_batches, log_tail, log_batch, log_head, log_schema TO footfall_reader;

SELECT log_make_segment(0, 0);
