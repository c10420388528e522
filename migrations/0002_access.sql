-- SPDX-License-Identifier: Apache-2.0
-- Who may talk to the service, and about which sites.

CREATE TABLE token (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE, -- SHA-256; the secret itself is shown once and not kept
    scope       text NOT NULL CHECK (scope IN ('ingest', 'read', 'admin')),
    site        text COLLATE "C", -- the only site it is for; NULL: any
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz -- ids are scopes of stored keys and sources: rows stay
);

CREATE TABLE site (
    name       text COLLATE "C" PRIMARY KEY,
    is_public  boolean NOT NULL DEFAULT false, -- anyone may read its views
    learned    boolean NOT NULL DEFAULT false, -- by a token's use; false: added by an admin
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Foreign ids (UUIDs, numbers) that stand for a site.
CREATE TABLE site_alias (
    alias text COLLATE "C" PRIMARY KEY,
    site  text COLLATE "C" NOT NULL REFERENCES site (name)
);

-- The visitor's hash: a random key per UTC day. Rows are removed 48 h after their day.
CREATE TABLE salt (
    day        date PRIMARY KEY,
    key        bytea NOT NULL CHECK (length(key) = 16),
    created_at timestamptz NOT NULL DEFAULT now()
);

REVOKE ALL ON token, site, site_alias, salt FROM PUBLIC;
