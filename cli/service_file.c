/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/service_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum { FILE_BYTES = 64 * 1024, FILE_DEPTH = 4 };

static char *path_in(const char *data_dir)
{
    return mem_format("%s/service.json", data_dir);
}

static void put_member(struct buf *b, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(b, ",\n \"%s\": ", name);
    buf_put_json(b, span_of(value));
}

int service_file_write(const char *data_dir, const struct service_file *f, struct err *e)
{
    struct buf b = {0};
    buf_printf(&b, "{\"pid\": %" PRId64, f->pid);
    put_member(&b, "url", f->url);
    put_member(&b, "token_file", f->token_file);
    put_member(&b, "postgres", f->postgres);
    put_member(&b, "redis", f->redis);
    buf_put_text(&b, "}\n");
    char *path = path_in(data_dir);
    int failed = file_write(path, buf_span(&b), 0600, e);
    free(path);
    buf_clear(&b);
    return failed;
}

void service_file_remove(const char *data_dir)
{
    char *path = path_in(data_dir);
    unlink(path);
    free(path);
}

static char *text_member(const struct json *j, const struct json_value *root, const char *name)
{
    struct json_value v;
    return json_get(j, root, name, &v, NULL) == 1 && v.type == JSON_STRING ? mem_copy_span(v.text)
                                                                           : NULL;
}

static int parse(struct span text, struct service_file *out, struct err *e)
{
    struct json *j = json_new(FILE_BYTES, FILE_DEPTH);
    struct json_value root, pid;
    bool ok = json_parse(j, text, &root, NULL) == 0 && root.type == JSON_OBJECT &&
              json_get(j, &root, "pid", &pid, NULL) == 1 && pid.type == JSON_INT;
    if (ok) {
        out->pid = pid.integer;
        out->url = text_member(j, &root, "url");
        out->token_file = text_member(j, &root, "token_file");
        out->postgres = text_member(j, &root, "postgres");
        out->redis = text_member(j, &root, "redis");
        ok = out->url != NULL;
    }
    json_free(j);
    return ok ? 0 : err_set(e, ERR_DATA, "it is not what the service writes: remove it");
}

int service_file_read(const char *data_dir, struct service_file *out, struct err *e)
{
    *out = (struct service_file){0};
    char *path = path_in(data_dir);
    struct buf text = {0};
    int result = 0;
    if (file_exists(path)) {
        result = 1;
        if (file_read(&text, path, FILE_BYTES, e) != 0 || parse(buf_span(&text), out, e) != 0)
            result = err_context(e, "%s", path);
    }
    buf_clear(&text);
    free(path);
    if (result < 0)
        service_file_clear(out);
    return result;
}

void service_file_clear(struct service_file *f)
{
    free(f->url);
    free(f->token_file);
    free(f->postgres);
    free(f->redis);
    *f = (struct service_file){0};
}
