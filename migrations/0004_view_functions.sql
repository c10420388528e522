-- SPDX-License-Identifier: Apache-2.0
-- Functions for views that never fail: NULL where others raise an error. The evaluator has the same
-- in C (views/eval_number.c, views/eval_props.c). Numbers have 17 digits before the point and nine
-- behind it; they are rounded half away from zero, once: nothing is computed with fewer digits first.
-- A replay's proof calls them for every event, so they are made for speed: ff_num and ff_int are not
-- STRICT, which would keep PostgreSQL from putting their text in place of the call; those with
-- arguments that are calls themselves are in PL/pgSQL, which is several times as fast there as SQL.

-- A number of props, rounded to nine places; NULL unless it is one below 10^17.
CREATE FUNCTION ff_num(props jsonb, key text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(props -> key) <> 'number' THEN NULL
    WHEN abs((props -> key)::numeric) < 99999999999999999.9999999995 THEN round((props -> key)::numeric, 9)
END;

-- A number of props that is whole and fits into a bigint, else NULL.
CREATE FUNCTION ff_int(props jsonb, key text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(props -> key) <> 'number' THEN NULL
    WHEN (props -> key)::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
         AND (props -> key)::numeric = trunc((props -> key)::numeric) THEN (props -> key)::bigint
END;

-- The others: NULL for NaN and infinity, and for arguments beyond 10^10000, whose sums, products and
-- quotients numeric might not hold.

CREATE FUNCTION ff_add(a numeric, b numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN abs(a) >= 1e10000 OR abs(b) >= 1e10000 THEN NULL
        WHEN abs(a + b) < 99999999999999999.9999999995 THEN round(a + b, 9)
    END;
END $$;

CREATE FUNCTION ff_sub(a numeric, b numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN abs(a) >= 1e10000 OR abs(b) >= 1e10000 THEN NULL
        WHEN abs(a - b) < 99999999999999999.9999999995 THEN round(a - b, 9)
    END;
END $$;

CREATE FUNCTION ff_mul(a numeric, b numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN abs(a) >= 1e10000 OR abs(b) >= 1e10000 THEN NULL
        WHEN abs(a * b) < 99999999999999999.9999999995 THEN round(a * b, 9)
    END;
END $$;

-- The quotient of / has a number of digits of PostgreSQL's choice. div is exact: half of one more
-- than twice the billionfold, cut off, is the billionfold rounded.
CREATE FUNCTION ff_div(a numeric, b numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    billionfold numeric;
BEGIN
    IF abs(a) >= 1e10000 OR abs(b) >= 1e10000 OR b = 0 THEN
        RETURN NULL;
    END IF;
    billionfold := div(div(abs(a) * 2000000000, abs(b)) + 1, 2);
    RETURN CASE WHEN billionfold < 1e26 THEN sign(a) * sign(b) * billionfold * 0.000000001 END;
END $$;
