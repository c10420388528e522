/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression reads, and whether it is sound: the arguments of each operation by a table. */
#include "views/expr.h"

uint32_t expr_columns(const struct expr *x)
{
    if (x == NULL)
        return 0;
    uint32_t columns = x->op == EXPR_COLUMN ? UINT32_C(1) << x->column : 0;
    for (unsigned i = 0; i < x->n_args; i++)
        columns |= expr_columns(x->args[i]);
    return columns;
}

/* ---- the operations ---- */

/* What an argument, or the result, has to be. The last of a row is that of all further ones. */
enum kind {
    NOTHING,
    BOOL,
    INT,
    NUMBER_0, /* of scale 0 */
    NUMBER_9, /* of scale 9 */
    NUMBER,
    TEXT,
    TIME,
    JSON,
    ANY,
    PLAIN, /* no json */
    INT_OR_NUMBER,
    OWN,            /* of the result's type and scale */
    FIRST,          /* of the first argument's type and scale */
    CONSTANT_FIRST, /* the same, a constant */
    CONSTANT_TEXT,
    CONSTANT_INT /* not 0 */
};

enum { MAX_ARGS = 4096 };

static const struct rule {
    const char *name;
    unsigned least, most;
    enum kind result, args[3];
} rules[] = {
    [EXPR_COLUMN] = {"a column", 0, 0, ANY, {NOTHING}},
    [EXPR_CONST] = {"a constant", 0, 0, PLAIN, {NOTHING}},

    [EXPR_EQUAL] = {"=", 2, 2, BOOL, {PLAIN, FIRST}},
    [EXPR_LESS] = {"<", 2, 2, BOOL, {PLAIN, FIRST}},
    [EXPR_LESS_EQUAL] = {"<=", 2, 2, BOOL, {PLAIN, FIRST}},
    [EXPR_DISTINCT] = {"IS DISTINCT FROM", 2, 2, BOOL, {PLAIN, FIRST}},

    [EXPR_NOT] = {"NOT", 1, 1, BOOL, {BOOL}},
    [EXPR_AND] = {"AND", 2, MAX_ARGS, BOOL, {BOOL, BOOL, BOOL}},
    [EXPR_OR] = {"OR", 2, MAX_ARGS, BOOL, {BOOL, BOOL, BOOL}},
    [EXPR_IS_TRUE] = {"IS TRUE", 1, 1, BOOL, {BOOL}},
    [EXPR_IS_FALSE] = {"IS FALSE", 1, 1, BOOL, {BOOL}},

    [EXPR_IS_NULL] = {"IS NULL", 1, 1, BOOL, {ANY}},
    [EXPR_IN] = {"IN", 2, MAX_ARGS, BOOL, {PLAIN, CONSTANT_FIRST, CONSTANT_FIRST}},
    [EXPR_LIKE] = {"LIKE", 2, 2, BOOL, {TEXT, CONSTANT_TEXT}},
    [EXPR_ILIKE] = {"ILIKE", 2, 2, BOOL, {TEXT, CONSTANT_TEXT}},
    [EXPR_STARTS_WITH] = {"starts_with", 2, 2, BOOL, {TEXT, TEXT}},
    [EXPR_PROPS_HAS] = {"?", 2, 2, BOOL, {JSON, TEXT}},

    [EXPR_NEGATE] = {"-", 1, 1, INT_OR_NUMBER, {OWN}},
    [EXPR_ABS] = {"abs", 1, 1, INT_OR_NUMBER, {OWN}},
    [EXPR_ADD] = {"+", 2, 2, INT_OR_NUMBER, {OWN, OWN}},
    [EXPR_SUBTRACT] = {"-", 2, 2, INT_OR_NUMBER, {OWN, OWN}},
    [EXPR_MULTIPLY] = {"*", 2, 2, INT_OR_NUMBER, {INT_OR_NUMBER, INT_OR_NUMBER}},
    [EXPR_DIVIDE] = {"/", 2, 2, INT, {INT, CONSTANT_INT}},
    [EXPR_MODULO] = {"%", 2, 2, INT, {INT, CONSTANT_INT}},

    [EXPR_TO_NUMBER] = {"a cast to numeric", 1, 1, NUMBER, {INT_OR_NUMBER}},
    [EXPR_TO_INT] = {"a cast to bigint", 1, 1, INT, {PLAIN}},
    [EXPR_TO_TEXT] = {"a cast to text", 1, 1, TEXT, {PLAIN}},
    [EXPR_ROUND] = {"round", 1, 1, NUMBER, {NUMBER}},
    [EXPR_FLOOR] = {"floor", 1, 1, NUMBER_0, {NUMBER}},
    [EXPR_CEIL] = {"ceil", 1, 1, NUMBER_0, {NUMBER}},
    [EXPR_TRUNC] = {"trunc", 1, 1, NUMBER_0, {NUMBER}},

    [EXPR_FF_ADD] = {"ff_add", 2, 2, NUMBER_9, {NUMBER_9, NUMBER_9}},
    [EXPR_FF_SUB] = {"ff_sub", 2, 2, NUMBER_9, {NUMBER_9, NUMBER_9}},
    [EXPR_FF_MUL] = {"ff_mul", 2, 2, NUMBER_9, {NUMBER_9, NUMBER_9}},
    [EXPR_FF_DIV] = {"ff_div", 2, 2, NUMBER_9, {NUMBER_9, NUMBER_9}},
    [EXPR_PROPS_NUMBER] = {"ff_num", 2, 2, NUMBER_9, {JSON, CONSTANT_TEXT}},
    [EXPR_PROPS_INT] = {"ff_int", 2, 2, INT, {JSON, CONSTANT_TEXT}},

    [EXPR_PROPS_TEXT] = {"->>", 2, 2, TEXT, {JSON, CONSTANT_TEXT}},
    [EXPR_LOWER] = {"lower", 1, 1, TEXT, {TEXT}},
    [EXPR_UPPER] = {"upper", 1, 1, TEXT, {TEXT}},
    [EXPR_CONCAT_OP] = {"||", 2, 2, TEXT, {TEXT, TEXT}},
    [EXPR_CONCAT] = {"concat", 1, MAX_ARGS, TEXT, {TEXT, TEXT, TEXT}},
    [EXPR_SUBSTRING] = {"substring", 2, 3, TEXT, {TEXT, INT, INT}},
    [EXPR_LEFT] = {"left", 2, 2, TEXT, {TEXT, INT}},
    [EXPR_RIGHT] = {"right", 2, 2, TEXT, {TEXT, INT}},
    [EXPR_REPLACE] = {"replace", 3, 3, TEXT, {TEXT, TEXT, TEXT}},
    [EXPR_SPLIT_PART] = {"split_part", 3, 3, TEXT, {TEXT, TEXT, CONSTANT_INT}},
    [EXPR_TRIM] = {"btrim", 2, 2, TEXT, {TEXT, CONSTANT_TEXT}},
    [EXPR_LTRIM] = {"ltrim", 2, 2, TEXT, {TEXT, CONSTANT_TEXT}},
    [EXPR_RTRIM] = {"rtrim", 2, 2, TEXT, {TEXT, CONSTANT_TEXT}},

    [EXPR_LENGTH] = {"length", 1, 1, INT, {TEXT}},
    [EXPR_STRPOS] = {"strpos", 2, 2, INT, {TEXT, TEXT}},

    [EXPR_EXTRACT] = {"extract", 1, 1, NUMBER_0, {TIME}},

    [EXPR_CASE] = {"CASE", 3, MAX_ARGS, PLAIN, {ANY, ANY, ANY}}, /* see check_case */
    [EXPR_COALESCE] = {"coalesce", 1, MAX_ARGS, PLAIN, {OWN, OWN, OWN}},
    [EXPR_NULLIF] = {"nullif", 2, 2, PLAIN, {OWN, OWN}},
};

enum { N_RULES = sizeof(rules) / sizeof(rules[0]) };

/* ---- soundness ---- */

static bool is_number(const struct expr *x)
{
    return x->type == VALUE_NUMBER && x->scale <= EXPR_MAX_SCALE;
}

static bool is_like(const struct expr *x, const struct expr *other)
{
    return x->type == other->type && (x->type != VALUE_NUMBER || x->scale == other->scale);
}

static bool is_constant(const struct expr *x, enum value_type type)
{
    return x->op == EXPR_CONST && x->type == type;
}

/* Whether x is of that kind as an argument of `of`. */
static bool is_kind(const struct expr *x, enum kind kind, const struct expr *of)
{
    switch (kind) {
    case NOTHING:
        return false;
    case BOOL:
        return x->type == VALUE_BOOL;
    case INT:
        return x->type == VALUE_INT;
    case NUMBER_0:
        return x->type == VALUE_NUMBER && x->scale == 0;
    case NUMBER_9:
        return x->type == VALUE_NUMBER && x->scale == EXPR_MAX_SCALE;
    case NUMBER:
        return is_number(x);
    case TEXT:
        return x->type == VALUE_TEXT;
    case TIME:
        return x->type == VALUE_TIME;
    case JSON:
        return x->type == VALUE_JSON;
    case ANY:
        return x->type != VALUE_NUMBER || is_number(x);
    case PLAIN:
        return x->type != VALUE_JSON && (x->type != VALUE_NUMBER || is_number(x));
    case INT_OR_NUMBER:
        return x->type == VALUE_INT || is_number(x);
    case OWN:
        return is_like(x, of);
    case FIRST:
        return is_like(x, of->args[0]);
    case CONSTANT_FIRST:
        return x->op == EXPR_CONST && is_like(x, of->args[0]);
    case CONSTANT_TEXT:
        return is_constant(x, VALUE_TEXT);
    case CONSTANT_INT:
        return is_constant(x, VALUE_INT) && (x->null || x->integer != 0);
    }
    return false;
}

static int refuse(const struct expr *x, const char *what, struct err *e)
{
    return err_set(e, ERR_INPUT, "%s: %s", rules[x->op].name, what);
}

static int check_column(const struct expr *x, const struct relation *r, struct err *e)
{
    if (x->column >= r->n_columns || r->columns[x->column].name == NULL)
        return err_set(e, ERR_INPUT, "%s has no column %u", r->name, x->column);
    if (x->type != r->columns[x->column].type)
        return err_set(e, ERR_INPUT, "the column %s is of another type",
                       r->columns[x->column].name);
    return 0;
}

static int check_const(const struct expr *x, struct err *e)
{
    bool is_bytes = x->type == VALUE_TEXT || x->type == VALUE_UUID;
    if (is_bytes && !x->null && span_absent(x->text))
        return refuse(x, "a text is missing", e);
    if (x->type == VALUE_UUID && !x->null && x->text.n != 16)
        return refuse(x, "a uuid has 16 bytes", e);
    return 0;
}

/* A \ takes the character behind it; at the end there is none. */
static int check_pattern(const struct expr *x, struct err *e)
{
    struct span pattern = x->args[1]->text;
    if (x->args[1]->null)
        return 0;
    for (size_t i = 0; i < pattern.n; i++)
        if (pattern.p[i] == '\\' && ++i == pattern.n)
            return refuse(x, "the pattern must not end with its escape character", e);
    return 0;
}

static int check_case(const struct expr *x, struct err *e)
{
    if (x->n_args % 2 == 0)
        return refuse(x, "there is a condition without a value", e);
    for (unsigned i = 0; i < x->n_args; i++) {
        bool is_value = i % 2 == 1 || i + 1 == x->n_args;
        if (!is_kind(x->args[i], is_value ? OWN : BOOL, x))
            return refuse(x, is_value ? "a value is of another type" : "a condition is needed", e);
    }
    return 0;
}

static int check_scales(const struct expr *x, struct err *e)
{
    const struct expr *a = x->args[0];
    unsigned from = a->type == VALUE_NUMBER ? a->scale : 0;
    if (x->op == EXPR_TO_NUMBER && from > x->scale)
        return refuse(x, "a cast to a lower scale is what round does", e);
    if (x->op == EXPR_ROUND && from < x->scale)
        return refuse(x, "to more places than there are", e);
    if (x->op != EXPR_MULTIPLY)
        return 0;
    const struct expr *b = x->args[1];
    bool fits = x->type == a->type && x->type == b->type &&
                (x->type == VALUE_INT || x->scale == a->scale + b->scale);
    return fits ? 0 : refuse(x, "the factors do not fit the product", e);
}

static int check_cast(const struct expr *x, struct err *e)
{
    enum value_type from = x->args[0]->type;
    bool fits =
        from == VALUE_BOOL ||
        (x->op == EXPR_TO_INT ? from == VALUE_NUMBER : from == VALUE_INT || from == VALUE_UUID);
    return fits ? 0 : refuse(x, "there is none of this type", e);
}

/* What the table does not say. */
static int check_further(const struct expr *x, const struct relation *r, struct err *e)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return check_column(x, r, e);
    case EXPR_CONST:
        return check_const(x, e);
    case EXPR_LIKE:
    case EXPR_ILIKE:
        return check_pattern(x, e);
    case EXPR_CASE:
        return check_case(x, e);
    case EXPR_MULTIPLY:
    case EXPR_TO_NUMBER:
    case EXPR_ROUND:
        return check_scales(x, e);
    case EXPR_TO_INT:
    case EXPR_TO_TEXT:
        return check_cast(x, e);
    case EXPR_EXTRACT:
        return x->field <= FIELD_ISOYEAR ? 0 : refuse(x, "there is no such field", e);
    default:
        return 0;
    }
}

static int check_args(const struct expr *x, struct err *e)
{
    const struct rule *rule = &rules[x->op];
    if (!is_kind(x, rule->result, x))
        return refuse(x, "it does not give this type", e);
    for (unsigned i = 0; i < x->n_args; i++)
        if (!is_kind(x->args[i], rule->args[i < 3 ? i : 2], x))
            return err_set(e, ERR_INPUT, "%s: argument %u is not of the kind it takes", rule->name,
                           i + 1);
    return 0;
}

static int check(const struct expr *x, const struct relation *r, unsigned depth, struct err *e)
{
    if (x == NULL)
        return err_set(e, ERR_INPUT, "an expression is needed where nothing stands");
    if (depth == EXPR_MAX_DEPTH)
        return err_set(e, ERR_INPUT, "an expression is nested deeper than %d", EXPR_MAX_DEPTH);
    if ((size_t)x->op >= N_RULES)
        return err_set(e, ERR_INPUT, "there is no operation %d", (int)x->op);
    if (x->n_args < rules[x->op].least || x->n_args > rules[x->op].most)
        return err_set(e, ERR_INPUT, "%s: %u arguments", rules[x->op].name, x->n_args);
    for (unsigned i = 0; i < x->n_args; i++)
        if (check(x->args[i], r, depth + 1, e) != 0)
            return -1;
    if (check_args(x, e) != 0 || check_further(x, r, e) != 0)
        return -1;
    return 0;
}

/* ---- how long a text can become ---- */

enum { INT_TEXT_BYTES = 40, PROP_TEXT_BYTES = 4096 }; /* of a prop: twice what ingest takes */
enum { VALUE_BYTES = 36 }; /* a number, or a text's place, and whether it is NULL */

static uint64_t replaced_bytes(const struct expr *x, const uint64_t *args)
{
    const struct expr *from = x->args[1];
    uint64_t least = from->op == EXPR_CONST && !from->null && from->text.n > 1 ? from->text.n : 1;
    uint64_t grown = args[0] / least * args[2] + args[0] % least;
    return grown > args[0] ? grown : args[0];
}

static uint64_t text_bytes(const struct expr *x, const struct relation *r, const uint64_t *args,
                           uint64_t sum)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return r->columns[x->column].max_bytes;
    case EXPR_CONST:
        return x->null ? 0 : x->text.n;
    case EXPR_TO_TEXT:
        return INT_TEXT_BYTES;
    case EXPR_PROPS_TEXT:
        return PROP_TEXT_BYTES;
    case EXPR_REPLACE:
        return replaced_bytes(x, args);
    case EXPR_CONCAT:
    case EXPR_CONCAT_OP:
    case EXPR_CASE: /* one of them, so at most this */
    case EXPR_COALESCE:
        return sum;
    default: /* a part of the first, or as long */
        return args[0];
    }
}

/* At most so many bytes a text has; refuses what may pass EXPR_MAX_TEXT_BYTES. */
static int bound(const struct expr *x, const struct relation *r, uint64_t *bytes, struct err *e)
{
    uint64_t args[3] = {0}, sum = 0;
    for (unsigned i = 0; i < x->n_args; i++) {
        uint64_t of_arg;
        if (bound(x->args[i], r, &of_arg, e) != 0)
            return -1;
        args[i < 3 ? i : 2] = of_arg;
        sum += of_arg;
    }
    *bytes = x->type == VALUE_TEXT ? text_bytes(x, r, args, sum) : 0;
    return *bytes <= EXPR_MAX_TEXT_BYTES
               ? 0
               : err_set(e, ERR_INPUT, "%s may give a text of more than %d bytes",
                         rules[x->op].name, EXPR_MAX_TEXT_BYTES);
}

/* ---- how much work it is ---- */

static void count(const struct expr *x, unsigned *n)
{
    if (x == NULL || x->op == EXPR_CONST || *n > EXPR_MAX_OPERATIONS)
        return;
    ++*n;
    for (unsigned i = 0; i < x->n_args; i++)
        count(x->args[i], n);
}

int expr_check_work(const struct expr *const *all, unsigned n, struct err *e)
{
    unsigned operations = 0;
    for (unsigned i = 0; i < n; i++)
        count(all[i], &operations);
    return operations <= EXPR_MAX_OPERATIONS
               ? 0
               : err_set(e, ERR_INPUT,
                         "the expressions have more than %d operations altogether; write x IN (…) "
                         "for many conditions, and GREATEST and LEAST not within each other",
                         EXPR_MAX_OPERATIONS);
}

/* Of the whole tree; *bytes: of the texts it gives. */
static uint64_t row_bytes(const struct expr *x, const struct relation *r, uint64_t *bytes)
{
    uint64_t args[3] = {0}, sum = 0, all = 0;
    for (unsigned i = 0; i < x->n_args; i++) {
        uint64_t of_arg;
        all += row_bytes(x->args[i], r, &of_arg);
        args[i < 3 ? i : 2] = of_arg;
        sum += of_arg;
    }
    *bytes = x->type == VALUE_TEXT ? text_bytes(x, r, args, sum) : 0;
    return x->op == EXPR_COLUMN || x->op == EXPR_CONST ? all : all + VALUE_BYTES + *bytes;
}

uint64_t expr_row_bytes(const struct expr *x, const struct relation *r)
{
    uint64_t bytes;
    return x == NULL ? 0 : row_bytes(x, r, &bytes);
}

int expr_check(const struct expr *x, const struct relation *r, struct err *e)
{
    uint64_t bytes;
    if (expr_check_work(&x, 1, e) != 0)
        return -1;
    return check(x, r, 0, e) != 0 ? -1 : bound(x, r, &bytes, e);
}
