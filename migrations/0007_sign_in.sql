-- SPDX-License-Identifier: Apache-2.0
-- Who is signed in: a browser's cookie stands for a token, until it expires, is signed out or the
-- token is revoked. (The word session belongs to visits: 0005_sessions.sql.)

CREATE TABLE sign_in (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE, -- SHA-256; the secret itself is in the cookie alone
    token_id    bigint NOT NULL REFERENCES token (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sign_in_of_token ON sign_in (token_id, id);

-- Stands for a token from now on, for so long; a token has so many at most: the oldest end. Returns
-- when it expires; NULL: the token is revoked, or one of scope ingest, which reads nothing.
CREATE FUNCTION sign_in_add(of_token bigint, hash bytea, lasts interval, most integer)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    expires timestamptz := now() + lasts;
BEGIN
    -- one after another, so that none is counted by nobody
    PERFORM FROM token WHERE id = of_token AND revoked_at IS NULL AND scope <> 'ingest'
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO sign_in (secret_hash, token_id, expires_at) VALUES (hash, of_token, expires);
    DELETE FROM sign_in WHERE id IN (
        SELECT id FROM sign_in WHERE token_id = of_token ORDER BY id DESC OFFSET most);
    RETURN expires;
END
$$;

REVOKE ALL ON sign_in FROM PUBLIC;
REVOKE ALL ON FUNCTION sign_in_add(bigint, bytea, interval, integer) FROM PUBLIC;
