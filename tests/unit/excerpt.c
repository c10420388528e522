/* SPDX-License-Identifier: Apache-2.0 */
/* Where a text is wrong, shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/excerpt.h"

static void shows(const char *text, unsigned line, unsigned column, const char *expected)
{
    struct buf out = {0};
    excerpt_put(&out, span_of(text), line, column);
    buf_put_byte(&out, '\0');
    assert_string_equal((const char *)out.p, expected);
    buf_clear(&out);
}

static void the_line_is_shown_with_a_mark_under_the_place(void **state)
{
    (void)state;
    shows("SELECT\n  boot\nFROM events", 2, 3, "  boot\n  ^\n");
    shows("SELECT", 1, 1, "SELECT\n^\n");
    shows("SELECT", 1, 7, "SELECT\n      ^\n"); /* behind its end */
    shows("a\n\nb", 2, 1, "\n^\n");
}

static void columns_are_characters_and_tabs_are_one(void **state)
{
    (void)state;
    shows("'\xc3\xa4\xc3\xb6' x", 1, 6, "'\xc3\xa4\xc3\xb6' x\n     ^\n");
    shows("\tx\r\n", 1, 2, " x \n ^\n");
}

static void of_a_long_line_there_is_what_is_around(void **state)
{
    (void)state;
    char text[501] = "", expected[200];
    memset(text, 'a', 500);
    text[300] = 'X';
    memset(expected, 'a', 99);
    expected[59] = 'X';
    memset(expected + 99, '\n', 1);
    memset(expected + 100, ' ', 59);
    memcpy(expected + 159, "^\n", 3);
    shows(text, 1, 301, expected);
}

static void a_place_that_is_not_there_shows_nothing(void **state)
{
    (void)state;
    shows("SELECT", 2, 1, "");
    shows("SELECT", 1, 8, "");
    shows("SELECT", 0, 1, "");
    shows("", 1, 2, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_is_shown_with_a_mark_under_the_place),
        cmocka_unit_test(columns_are_characters_and_tabs_are_one),
        cmocka_unit_test(of_a_long_line_there_is_what_is_around),
        cmocka_unit_test(a_place_that_is_not_there_shows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
