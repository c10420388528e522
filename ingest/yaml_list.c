/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/yaml_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

enum level { OUTSIDE, IN_FILE, IN_LIST, IN_ITEM };

struct reader {
    enum level level;
    char *section, *key;
    char *texts[2 * YAML_LIST_MAX_PAIRS]; /* of the item being read */
    struct yaml_item item;
    void (*on_item)(void *context, const struct yaml_item *item);
    void *context;
};

struct span yaml_item_get(const struct yaml_item *item, const char *key)
{
    for (unsigned i = 0; i < item->n; i++)
        if (span_is(item->pairs[i].key, key))
            return item->pairs[i].value;
    return SPAN_ABSENT;
}

static void forget_item(struct reader *r)
{
    for (unsigned i = 0; i < 2 * r->item.n; i++)
        free(r->texts[i]);
    r->item.n = 0;
    free(r->key);
    r->key = NULL;
}

static bool take_scalar(struct reader *r, const yaml_event_t *event)
{
    char *text = mem_copy_span(
        (struct span){(const char *)event->data.scalar.value, event->data.scalar.length});
    struct yaml_item *item = &r->item;
    if (r->level == IN_FILE) {
        free(r->section);
        r->section = text;
        item->section = span_of(text);
        return true;
    }
    if (r->level == IN_ITEM && r->key == NULL) {
        r->key = text;
        return true;
    }
    if (r->level != IN_ITEM || item->n == YAML_LIST_MAX_PAIRS) {
        free(text);
        return false;
    }
    r->texts[2 * item->n] = r->key;
    r->texts[2 * item->n + 1] = text;
    item->pairs[item->n].key = span_of(r->key);
    item->pairs[item->n++].value = span_of(text);
    r->key = NULL;
    return true;
}

/* false: the file has another shape. */
static bool take_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_MAPPING_START_EVENT:
        if (r->level != OUTSIDE && r->level != IN_LIST)
            return false;
        r->level = r->level == OUTSIDE ? IN_FILE : IN_ITEM;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        if (r->level != IN_FILE || r->section == NULL)
            return false;
        r->level = IN_LIST;
        return true;
    case YAML_MAPPING_END_EVENT:
        if (r->level == IN_ITEM) {
            r->on_item(r->context, &r->item);
            forget_item(r);
        }
        r->level = r->level == IN_ITEM ? IN_LIST : OUTSIDE;
        return true;
    case YAML_SEQUENCE_END_EVENT:
        r->level = IN_FILE;
        return true;
    case YAML_SCALAR_EVENT:
        return take_scalar(r, event);
    case YAML_ALIAS_EVENT:
        return false; /* would make a bounded file unbounded */
    default:
        return true;
    }
}

static int read_events(yaml_parser_t *parser, struct reader *r, const char *path, struct err *e)
{
    for (bool ended = false; !ended;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return err_set(e, ERR_DATA, "%s:%zu: %s", path, parser->problem_mark.line + 1,
                           parser->problem == NULL ? "is not YAML" : parser->problem);
        bool fits = take_event(r, &event);
        size_t line = event.start_mark.line + 1;
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (!fits)
            return err_set(e, ERR_DATA, "%s:%zu: is not a list of flat maps", path, line);
    }
    return 0;
}

int yaml_list_read(const char *path, void (*on_item)(void *context, const struct yaml_item *item),
                   void *context, struct err *e)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    struct reader r = {.on_item = on_item, .context = context};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        abort(); /* out of memory aborts everywhere */
    yaml_parser_set_input_file(&parser, f);
    int result = read_events(&parser, &r, path, e);
    yaml_parser_delete(&parser);
    forget_item(&r);
    free(r.section);
    fclose(f);
    return result;
}
