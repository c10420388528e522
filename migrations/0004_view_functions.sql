-- SPDX-License-Identifier: Apache-2.0
-- Functions for views that never fail: NULL where others raise an error. The evaluator has the same
-- in C (views/eval_number.c, views/eval_props.c). Numbers have 17 digits before the point and nine
-- behind it; they are rounded half away from zero, once: nothing is computed with fewer digits first.

-- A number of props, rounded to nine places; NULL unless it is one below 10^17.
CREATE FUNCTION ff_num(props jsonb, key text) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(props -> key) <> 'number' THEN NULL
    WHEN abs((props -> key)::numeric) < 99999999999999999.9999999995 THEN round((props -> key)::numeric, 9)
END;

-- A number of props that is whole and fits into a bigint, else NULL.
CREATE FUNCTION ff_int(props jsonb, key text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(props -> key) <> 'number' THEN NULL
    WHEN (props -> key)::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
         AND (props -> key)::numeric = trunc((props -> key)::numeric) THEN (props -> key)::bigint
END;

-- Rounded to nine places; NULL at 10^17, for NaN and infinity.
CREATE FUNCTION ff_limited(result numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN abs(result) < 99999999999999999.9999999995 THEN round(result, 9) END;

-- What may be computed with at all: no NaN, no infinity, and products and quotients stay numeric.
CREATE FUNCTION ff_usable(a numeric, b numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN abs(a) < 1e10000 AND abs(b) < 1e10000;

CREATE FUNCTION ff_add(a numeric, b numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN ff_usable(a, b) THEN ff_limited(a + b) END;

CREATE FUNCTION ff_sub(a numeric, b numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN ff_usable(a, b) THEN ff_limited(a - b) END;

CREATE FUNCTION ff_mul(a numeric, b numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN ff_usable(a, b) THEN ff_limited(a * b) END;

-- The quotient of / has a number of digits of PostgreSQL's choice. div is exact: half of one more
-- than twice the billionfold, cut off, is the billionfold rounded.
CREATE FUNCTION ff_div(a numeric, b numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN ff_usable(a, b) AND b <> 0 THEN
    ff_limited(sign(a) * sign(b) * 0.000000001 * div(div(abs(a) * 2000000000, abs(b)) + 1, 2)) END;
