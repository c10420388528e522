/* SPDX-License-Identifier: Apache-2.0 */
/* Against uap-core's own test cases where they are installed, and a small rule file of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/user_agent.h"
#include "ingest/yaml_list.h"

#define UAP_CORE "/usr/share/uap-core/"

static struct user_agent_rules *load(const char *path)
{
    struct user_agent_rules *rules = NULL;
    struct err e = {0};
    if (user_agent_rules_load(&rules, path, &e) != 0)
        fail_msg("%s", e.text);
    return rules;
}

static struct user_agent_rules *load_text(const char *text)
{
    char path[] = "/tmp/footfall-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    struct user_agent_rules *rules = load(path);
    unlink(path);
    return rules;
}

static void check(struct user_agent_cache *c, const char *text, const char *browser, const char *os,
                  const char *device)
{
    const struct user_agent *u = user_agent_find(c, span_of(text));
    if (!span_is(u->browser, browser) || !span_is(u->os, os) || !span_is(u->device, device) ||
        u->bot != (strcmp(device, "bot") == 0))
        fail_msg("%s: %.*s, %.*s, %.*s", text, SPAN_ARGS(u->browser), SPAN_ARGS(u->os),
                 SPAN_ARGS(u->device));
}

static void the_first_rule_that_matches_decides(void **state)
{
    (void)state;
    struct user_agent_rules *rules = load_text("user_agent_parsers:\n"
                                               "  - regex: '(Alpha)/(\\d+)'\n"
                                               "    family_replacement: ' My $1 $2$3 '\n"
                                               "  - regex: '(Alpha|Beta)'\n"
                                               "  - regex: '('\n"
                                               "    family_replacement: 'does not compile'\n"
                                               "  - regex: 'cut.{0,3}'\n"
                                               "    family_replacement: '$1'\n"
                                               "os_parsers:\n"
                                               "  - regex: '(?:on) (Windows|Linux)'\n"
                                               "device_parsers:\n"
                                               "  - regex: 'nobot'\n"
                                               "    device_replacement: 'Thing'\n"
                                               "  - regex: 'BOT'\n"
                                               "    regex_flag: 'i'\n"
                                               "    device_replacement: 'Spider'\n");
    struct user_agent_cache *c = user_agent_cache_new(rules);
    for (int round = 0; round < 2; round++) { /* the second comes from the cache */
        check(c, "Alpha/3 on Windows", "My Alpha 3", "Windows", "desktop");
        check(c, "Alpha on Linux", "Alpha", "Linux", "desktop");
        check(c, "Beta robot", "Beta", "Other", "bot");
        check(c, "Beta nobot", "Beta", "Other", "other");
        check(c, "Gamma", "Other", "Other", "other");
        check(c, "\xff\xfe", "Other", "Other", "other");
    }
    user_agent_cache_free(c);
    user_agent_rules_free(rules);
}

static void families_are_cut_to_whole_characters(void **state)
{
    (void)state;
    struct user_agent_rules *rules = load_text("user_agent_parsers:\n  - regex: '^(.*)$'\n");
    struct user_agent_cache *c = user_agent_cache_new(rules);
    char text[101] = {0};
    text[0] = 'x';
    for (int i = 1; i + 1 < 100; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    const struct user_agent *u = user_agent_find(c, span_of(text));
    assert_int_equal(u->browser.n, 63);
    assert_memory_equal(u->browser.p, text, 63);
    user_agent_cache_free(c);
    user_agent_rules_free(rules);
}

static void without_rules_nothing_is_known(void **state)
{
    (void)state;
    struct user_agent_cache *c = user_agent_cache_new(NULL);
    const struct user_agent *u = user_agent_find(c, SPAN_LITERAL("Googlebot"));
    assert_true(span_absent(u->browser) && span_absent(u->os) && !u->bot);
    user_agent_cache_free(c);
}

static void a_file_of_another_shape_is_refused_with_its_line(void **state)
{
    (void)state;
    char path[] = "/tmp/footfall-test-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "a:\n  - b: c\n    d:\n      - e\n";
    assert_true(write(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    struct user_agent_rules *rules;
    struct err e = {0};
    assert_int_equal(user_agent_rules_load(&rules, path, &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
    assert_non_null(strstr(e.text, ":4:"));
    unlink(path);
    err_clear(&e);
    assert_int_equal(user_agent_rules_load(&rules, path, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
}

static void the_cache_stays_right_when_it_is_full(void **state)
{
    (void)state;
    struct user_agent_rules *rules = load_text("user_agent_parsers:\n  - regex: 'n(\\d+)'\n");
    struct user_agent_cache *c = user_agent_cache_new(rules);
    for (int i = 0; i < 3 * USER_AGENT_CACHE_SETS * USER_AGENT_CACHE_WAYS; i++) {
        char text[32], want[16];
        int number = i % 2 == 0 ? i : i % 7;
        snprintf(text, sizeof(text), "agent n%d", number);
        snprintf(want, sizeof(want), "%d", number);
        check(c, text, want, "Other", "other");
    }
    user_agent_cache_free(c);
    user_agent_rules_free(rules);
}

/* ---- uap-core's own cases ---- */

enum aspect { BROWSER, OS, SPIDER };

struct cases {
    struct user_agent_cache *cache;
    enum aspect aspect;
    int n, wrong;
};

static void on_case(void *context, const struct yaml_item *item)
{
    struct cases *c = context;
    struct span text = yaml_item_get(item, "user_agent_string");
    struct span want = yaml_item_get(item, "family");
    if (text.n == 0 || text.n > USER_AGENT_MAX_BYTES || want.n > FAMILY_MAX_BYTES)
        return;
    const struct user_agent *u = user_agent_find(c->cache, text);
    bool right = c->aspect == SPIDER ? u->bot == span_is(want, "Spider")
                                     : span_equal(c->aspect == OS ? u->os : u->browser, want);
    c->n++;
    c->wrong += !right;
    if (!right)
        print_message("%.*s: want %.*s, have %.*s\n", SPAN_ARGS(text), SPAN_ARGS(want),
                      SPAN_ARGS(c->aspect == OS ? u->os : u->browser));
}

static void uap_cores_own_cases_pass(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum aspect aspect;
        int at_least;
    } files[] = {{UAP_CORE "tests/test_ua.yaml", BROWSER, 100},
                 {UAP_CORE "tests/test_os.yaml", OS, 100},
                 {UAP_CORE "tests/test_device.yaml", SPIDER, 1000}};
    if (access(files[0].file, R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no %s (package uap-core)\n", files[0].file);
        skip();
    }
    struct user_agent_rules *rules = load(UAP_CORE "regexes.yaml");
    struct cases c = {.cache = user_agent_cache_new(rules)};
    for (int i = 0; i < 3; i++) {
        struct err e = {0};
        c.n = 0;
        c.aspect = files[i].aspect;
        if (yaml_list_read(files[i].file, on_case, &c, &e) != 0)
            fail_msg("%s", e.text);
        assert_true(c.n >= files[i].at_least);
    }
    assert_int_equal(c.wrong, 0);
    user_agent_cache_free(c.cache);
    user_agent_rules_free(rules);
}

static void devices_have_a_class(void **state)
{
    (void)state;
    if (access(UAP_CORE "regexes.yaml", R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no %s (package uap-core)\n", UAP_CORE "regexes.yaml");
        skip();
    }
    struct user_agent_rules *rules = load(UAP_CORE "regexes.yaml");
    struct user_agent_cache *c = user_agent_cache_new(rules);
    check(c,
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
          "Safari/537.36",
          "Chrome", "Linux", "desktop");
    check(c, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
          "Firefox", "Windows", "desktop");
    check(c,
          "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
          "like Gecko) "
          "Version/16.0 Mobile/15E148 Safari/604.1",
          "Mobile Safari", "iOS", "mobile");
    check(c,
          "Mozilla/5.0 (iPad; CPU OS 12_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/12.0 Mobile/15E148 Safari/604.1",
          "Mobile Safari", "iOS", "tablet");
    check(c,
          "Mozilla/5.0 (Linux; Android 13; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/120.0.0.0 Safari/537.36",
          "Chrome", "Android", "tablet");
    check(c, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
          "Googlebot", "Other", "bot");
    check(c,
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "HeadlessChrome/120.0.0.0 Safari/537.36",
          "HeadlessChrome", "Linux", "bot");
    check(c, "curl/7.88.1", "curl", "Other", "other");
    user_agent_cache_free(c);
    user_agent_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(families_are_cut_to_whole_characters),
        cmocka_unit_test(without_rules_nothing_is_known),
        cmocka_unit_test(a_file_of_another_shape_is_refused_with_its_line),
        cmocka_unit_test(the_cache_stays_right_when_it_is_full),
        cmocka_unit_test(uap_cores_own_cases_pass),
        cmocka_unit_test(devices_have_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
