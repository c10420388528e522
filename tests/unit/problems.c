/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of problems, the README's table of it, and the slugs in the sources are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/http.h"

/* The whole file, NUL-terminated; run from the source folder. */
static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s", path);
    size_t n;
    buf_reset(out);
    while ((n = fread(buf_reserve(out, 65536), 1, 65535, f)) != 0)
        out->n += n;
    fclose(f);
    buf_put_byte(out, '\0');
}

static void the_readme_has_the_catalogue_as_its_table(void **state)
{
    (void)state;
    struct buf readme = {0}, table = {0};
    read_file("README.md", &readme);
    buf_put_text(&table,
                 "| type | status | title | what it means, what to do |\n|---|---|---|---|\n");
    for (const struct http_problem_doc *d = http_problem_docs(); d->slug != NULL; d++)
        buf_printf(&table, "| `%s` | %d | %s | %s |\n", d->slug, d->status, d->title, d->about);
    buf_put_text(&table, "\n"); /* and no line more */
    buf_put_byte(&table, '\0');
    if (strstr((char *)readme.p, (char *)table.p) == NULL) {
        fprintf(stderr, "%s", (char *)table.p);
        fail_msg("README.md does not have the table above under Problems");
    }
    buf_clear(&readme);
    buf_clear(&table);
}

/* Looks at every .slug = "..." of a file; returns how many there were. */
static unsigned check_slugs(const char *path, struct buf *text)
{
    static const char start[] = "slug = \"";
    unsigned n = 0;
    read_file(path, text);
    for (const char *p = (char *)text->p; (p = strstr(p, start)) != NULL; n++) {
        char slug[64];
        p += sizeof(start) - 1;
        snprintf(slug, sizeof(slug), "%.*s", (int)strcspn(p, "\""), p);
        if (http_problem_find(slug) == NULL)
            fail_msg("%s: there is no problem %s in base/http_problem.c", path, slug);
    }
    return n;
}

static void every_problem_in_the_sources_is_in_the_catalogue(void **state)
{
    (void)state;
    static const char *const folders[] = {"base/*.c", "ingest/*.c", "api/*.c", "cli/*.c"};
    struct buf text = {0};
    glob_t files = {0};
    unsigned n = 0;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        glob(folders[i], i == 0 ? 0 : GLOB_APPEND, NULL, &files);
    for (size_t i = 0; i < files.gl_pathc; i++)
        n += check_slugs(files.gl_pathv[i], &text);
    assert_true(n > 10);
    globfree(&files);
    buf_clear(&text);
}

static void the_catalogue_has_no_slug_twice(void **state)
{
    (void)state;
    for (const struct http_problem_doc *d = http_problem_docs(); d->slug != NULL; d++) {
        assert_ptr_equal(http_problem_find(d->slug), d);
        assert_true(d->status >= 400 && d->status <= 599);
        assert_true(strlen(d->title) > 0 && strlen(d->about) > 0);
    }
    assert_null(http_problem_find("nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_has_the_catalogue_as_its_table),
        cmocka_unit_test(every_problem_in_the_sources_is_in_the_catalogue),
        cmocka_unit_test(the_catalogue_has_no_slug_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
