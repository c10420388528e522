-- SPDX-License-Identifier: Apache-2.0
-- Views change while the service runs: each definition a view has had is a version. `pending` is
-- built beside what is read, `current` is read, `past` was (or was replaced before it was built).
-- A change is one call of one function here, so that a crash leaves the old or the new state; the
-- row of view_catalog makes changes wait for each other, and its number tells others that there
-- was one.

ALTER TABLE view_definition
    ADD COLUMN canonical    text, -- its SELECT as PostgreSQL gives it back
    ADD COLUMN shipped_hash text, -- of the shipped text that was installed last; NULL: none
    ADD COLUMN dropped_at   timestamptz;

CREATE TABLE view_version (
    name            text COLLATE "C" NOT NULL REFERENCES view_definition (name) ON DELETE CASCADE,
    version         integer NOT NULL,
    sql             text NOT NULL,
    canonical       text, -- NULL: of before there were versions
    definition_hash text NOT NULL,
    state           text NOT NULL CHECK (state IN ('pending', 'current', 'past')),
    added_at        timestamptz NOT NULL DEFAULT now(),
    switched_at     timestamptz, -- it became current; NULL: never
    ended_at        timestamptz, -- it became past
    last_offset     bigint,      -- what was built of it reached so far
    last_digest     text,        -- and had this digest there
    PRIMARY KEY (name, version)
);
CREATE INDEX view_version_in_use ON view_version (name) WHERE state <> 'past';

INSERT INTO view_version (name, version, sql, definition_hash, state, added_at, switched_at)
SELECT name, 1, sql, definition_hash, 'current', created_at, created_at FROM view_definition;

CREATE TABLE view_catalog (
    version bigint NOT NULL
);
INSERT INTO view_catalog VALUES (1);

CREATE FUNCTION view_change_begin() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM view_catalog FOR UPDATE;
END
$$;

CREATE FUNCTION view_change_end() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE view_catalog SET version = version + 1;
END
$$;

-- Replays of this view alone have lost their purpose; those of several views find out by themselves.
CREATE FUNCTION view_cancel_jobs(of_name text, why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE job SET
        params = params || jsonb_build_object('reason', why),
        result = CASE state WHEN 'waiting' THEN jsonb_build_object('error', why) ELSE result END,
        finished_at = CASE state WHEN 'waiting' THEN now() ELSE finished_at END,
        state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE 'cancelling' END
    WHERE kind = 'replay' AND finished_at IS NULL AND params->'views' = jsonb_build_array(of_name);
END
$$;

-- The pending version, if there is one, is not wanted any more.
CREATE FUNCTION view_withdraw(of_name text, why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE view_version SET state = 'past', ended_at = now()
    WHERE name = of_name AND state = 'pending';
    IF FOUND THEN
        PERFORM view_cancel_jobs(of_name, why);
    END IF;
END
$$;

CREATE FUNCTION view_next_version(of_name text) RETURNS integer LANGUAGE sql AS $$
    SELECT coalesce(max(version), 0) + 1 FROM view_version WHERE name = of_name
$$;

-- A definition that PostgreSQL has approved becomes the pending version, and the job that builds it
-- is added. outcome: `building` (job: who builds it), `ready` (it is what is read already), `full`.
CREATE FUNCTION view_add(of_name text, new_sql text, new_canonical text, new_hash text,
                         max_views integer, OUT outcome text, OUT job bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    used view_version;
    dropped boolean;
BEGIN
    PERFORM view_change_begin();
    dropped := coalesce((SELECT dropped_at IS NOT NULL FROM view_definition WHERE name = of_name), true);
    IF dropped AND (SELECT count(*) FROM view_definition WHERE dropped_at IS NULL) >= max_views THEN
        outcome := 'full';
        RETURN;
    END IF;
    SELECT * INTO used FROM view_version WHERE name = of_name AND state = 'current';
    IF FOUND AND used.definition_hash = new_hash THEN
        PERFORM view_withdraw(of_name, 'the definition that is read was given again');
        UPDATE view_version SET sql = new_sql WHERE name = of_name AND version = used.version;
        UPDATE view_definition SET sql = new_sql, updated_at = now() WHERE name = of_name;
        PERFORM view_change_end();
        outcome := 'ready';
        RETURN;
    END IF;
    SELECT * INTO used FROM view_version WHERE name = of_name AND state = 'pending';
    IF FOUND AND used.definition_hash = new_hash THEN
        UPDATE view_version SET sql = new_sql WHERE name = of_name AND version = used.version;
        job := (SELECT max(id) FROM job WHERE kind = 'replay' AND state IN ('waiting', 'running')
                AND params->'views' = jsonb_build_array(of_name));
    ELSE
        PERFORM view_withdraw(of_name, 'the view was given another definition');
        INSERT INTO view_definition AS d (name, sql, canonical, definition_hash)
        VALUES (of_name, new_sql, new_canonical, new_hash)
        ON CONFLICT (name) DO UPDATE SET dropped_at = NULL, updated_at = now();
        INSERT INTO view_version (name, version, sql, canonical, definition_hash, state)
        VALUES (of_name, view_next_version(of_name), new_sql, new_canonical, new_hash, 'pending');
        DELETE FROM view_version WHERE name = of_name AND state = 'past'
            AND version < view_next_version(of_name) - 100; -- a history has an end
    END IF;
    IF job IS NULL THEN
        INSERT INTO job (kind, params)
        VALUES ('replay', jsonb_build_object('views', jsonb_build_array(of_name)))
        RETURNING id INTO job;
    END IF;
    PERFORM view_change_end();
    outcome := 'building';
END
$$;

CREATE FUNCTION view_hash_of_text(of_text text) RETURNS text LANGUAGE sql AS $$
    SELECT encode(sha256(convert_to(of_text, 'UTF8')), 'hex')
$$;

-- A shipped view that has never been here is current at once: the live builder builds it. So is one
-- of before there were versions, whose plan nobody can tell any more.
CREATE FUNCTION view_install(of_name text, new_sql text, new_canonical text, new_hash text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM view_change_begin();
    IF EXISTS (SELECT FROM view_definition WHERE name = of_name AND canonical IS NOT NULL) THEN
        RETURN;
    END IF;
    INSERT INTO view_definition (name, sql, canonical, definition_hash, shipped_hash)
    VALUES (of_name, new_sql, new_canonical, new_hash, view_hash_of_text(new_sql))
    ON CONFLICT (name) DO UPDATE SET sql = new_sql, canonical = new_canonical,
        definition_hash = new_hash, shipped_hash = view_hash_of_text(new_sql), updated_at = now();
    INSERT INTO view_version (name, version, sql, canonical, definition_hash, state, switched_at)
    VALUES (of_name, 1, new_sql, new_canonical, new_hash, 'current', now())
    ON CONFLICT (name, version) DO UPDATE SET sql = new_sql, canonical = new_canonical,
        definition_hash = new_hash;
    PERFORM view_change_end();
END
$$;

-- Of a shipped text: `new` (view_install), `changed` since it was installed and nobody has replaced
-- or dropped it (view_upgrade), or `settled`.
CREATE FUNCTION view_shipped_state(of_name text, shipped_sql text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE
        WHEN d.name IS NULL OR d.canonical IS NULL THEN 'new'
        WHEN d.shipped_hash <> view_hash_of_text(shipped_sql) AND d.shipped_hash = view_hash_of_text(
            (SELECT v.sql FROM view_version v WHERE v.name = of_name AND v.state <> 'past'
             ORDER BY v.version DESC LIMIT 1)) THEN 'changed'
        ELSE 'settled' END
    FROM (VALUES (1)) one LEFT JOIN view_definition d ON d.name = of_name
$$;

CREATE FUNCTION view_upgrade(of_name text, new_sql text, new_canonical text, new_hash text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM view_change_begin();
    IF view_shipped_state(of_name, new_sql) <> 'changed' THEN
        RETURN;
    END IF;
    UPDATE view_definition SET shipped_hash = view_hash_of_text(new_sql) WHERE name = of_name;
    PERFORM view_add(of_name, new_sql, new_canonical, new_hash, 2147483647);
END
$$;

-- Dropped for readers from now on; who owns the views takes away what was built.
CREATE FUNCTION view_drop(of_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM view_change_begin();
    UPDATE view_definition SET dropped_at = now(), updated_at = now()
    WHERE name = of_name AND dropped_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE view_version SET state = 'past', ended_at = now() WHERE name = of_name AND state <> 'past';
    PERFORM view_cancel_jobs(of_name, 'the view was dropped');
    PERFORM view_change_end();
    RETURN true;
END
$$;

-- A generation that is building becomes the one that is read, and its version current. The one
-- before is dropping; reached and digest say where it ended. NULL: not the owner; false: it is not
-- building, not newer, or nobody wants its definition any more.
CREATE FUNCTION view_switch(of_partition integer, of_epoch bigint, of_name text,
                            of_generation bigint, reached bigint, digest text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    hash text;
    chosen view_version;
BEGIN
    PERFORM view_change_begin();
    PERFORM FROM view_owner WHERE partition = of_partition AND epoch = of_epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    hash := (SELECT g.definition_hash FROM view_generation g JOIN view_definition d USING (name)
             WHERE g.name = of_name AND g.partition = of_partition AND g.generation = of_generation
             AND g.state = 'building' AND coalesce(d.current_generation, 0) < g.generation);
    SELECT * INTO chosen FROM view_version
    WHERE name = of_name AND definition_hash = hash AND state <> 'past';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE view_generation SET state = 'dropping', updated_at = now()
    WHERE name = of_name AND partition = of_partition AND state = 'current';
    UPDATE view_generation SET state = 'current', updated_at = now()
    WHERE name = of_name AND partition = of_partition AND generation = of_generation;
    UPDATE view_definition SET current_generation = of_generation, sql = chosen.sql,
        canonical = chosen.canonical, definition_hash = hash, updated_at = now()
    WHERE name = of_name;
    IF chosen.state = 'pending' THEN
        UPDATE view_version
        SET state = 'past', ended_at = now(), last_offset = reached, last_digest = digest
        WHERE name = of_name AND state = 'current';
        UPDATE view_version SET state = 'current', switched_at = now()
        WHERE name = of_name AND version = chosen.version;
        PERFORM view_change_end();
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON view_version, view_catalog FROM PUBLIC;
REVOKE ALL ON FUNCTION view_change_begin(), view_change_end(), view_cancel_jobs(text, text),
    view_withdraw(text, text), view_next_version(text),
    view_add(text, text, text, text, integer), view_hash_of_text(text),
    view_install(text, text, text, text), view_shipped_state(text, text),
    view_upgrade(text, text, text, text), view_drop(text),
    view_switch(integer, bigint, text, bigint, bigint, text) FROM PUBLIC;
