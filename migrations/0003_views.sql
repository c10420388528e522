-- SPDX-License-Identifier: Apache-2.0
-- Views: their definitions and generations, who builds them, jobs. (Their contents are in Redis.)

CREATE TABLE view_definition (
    name               text COLLATE "C" PRIMARY KEY,
    sql                text NOT NULL,
    definition_hash    text NOT NULL,
    current_generation bigint, -- the one that is read; the pointer in Redis is made from this
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE view_generation (
    name            text COLLATE "C" NOT NULL REFERENCES view_definition (name) ON DELETE CASCADE,
    partition       integer NOT NULL,
    generation      bigint NOT NULL,
    state           text NOT NULL CHECK (state IN ('building', 'ready', 'current', 'dropping')),
    definition_hash text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, partition, generation)
);

-- The fence of the builders: who writes a partition's views holds its epoch; taking over raises it.
CREATE TABLE view_owner (
    partition    integer PRIMARY KEY,
    epoch        bigint NOT NULL DEFAULT 0,
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO view_owner (partition) VALUES (0);

CREATE TABLE job (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL, -- 'replay', 'verify' ...
    state        text NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelling', 'cancelled')),
    params       jsonb NOT NULL DEFAULT '{}',
    progress     jsonb NOT NULL DEFAULT '{}',
    result       jsonb,
    owner        text, -- the process that runs it
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    heartbeat_at timestamptz,
    finished_at  timestamptz
);
CREATE INDEX job_unfinished ON job (id) WHERE finished_at IS NULL;

REVOKE ALL ON view_definition, view_generation, view_owner, job FROM PUBLIC;
