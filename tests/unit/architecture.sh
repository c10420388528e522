#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The architecture as a test: includes point down only, each library is used in one place, every
# source file carries its licence, and files and functions keep to the lengths agreed on.
set -u
cd "$(dirname "$0")/../.." || exit 1
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# folder: the folders it may include besides itself and base
declare -A allowed=([base]="" [log]="" [ingest]="log" [views]="log" [api]="log views" [cli]="log ingest views api")

for folder in "${!allowed[@]}"; do
    pattern=$(echo "base $folder ${allowed[$folder]}" | xargs | tr ' ' '|')
    while IFS= read -r line; do
        [ -n "$line" ] && fail "$folder may not include this: $line"
    done < <(grep -rHE '^ *# *include "' "$folder" --include='*.c' --include='*.h' --include='*.cc' |
        grep -vE "include \"($pattern)/")
done

# library header: the files that may include it
only_in() { # header-regex, path-regex, name
    while IFS= read -r line; do
        [ -n "$line" ] && fail "$3 belongs in $2: $line"
    done < <(grep -rHE "^ *# *include [<\"]$1" base log ingest views api cli --include='*.c' --include='*.h' --include='*.cc' |
        grep -vE "^($2)")
}
only_in 'libpq-fe' 'log/' libpq
only_in 'hiredis' 'views/(store|redis_)' hiredis
only_in 'h2o' 'base/http' h2o
only_in 'simdjson' 'base/json\.cc' simdjson
only_in 'curl' 'base/http_client' libcurl
only_in 'maxminddb' 'ingest/geo' libmaxminddb
only_in 'pcre2' 'ingest/user_agent' PCRE2
only_in 'pg_query' 'views/definition_parse\.c' libpg_query

while IFS= read -r line; do
    [ -n "$line" ] && fail "$line"
done < <(find base log ingest views api cli web tests migrations dev .ci -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.sql' -o -name '*.sh' -o -name '*.html' -o -name '*.js' -o -name '*.mjs' \
    -o -name '*.css' -o -name dev -o -name run \) \
    ! -path 'web/vendor/*' ! -path '*/node_modules/*' ! -path 'tests/browser/out/*' \
    ! -path 'tests/fuzz/corpus/*' ! -path 'tests/data/*' \
    -exec awk 'function check() {
            if (file && !spdx) print file " has no SPDX line"
            if (lines > 600) print file " has " lines " lines, more than 600"
        }
        FNR == 1 { check(); file = FILENAME; spdx = 0 }
        FNR <= 3 && /SPDX-License-Identifier: Apache-2.0/ { spdx = 1 }
        { lines = FNR }
        END { check() }' {} +)

# A function's braces stand alone at the margin.
while IFS= read -r line; do
    [ -n "$line" ] && fail "$line, more than 70"
done < <(find base log ingest views api cli tests -type f \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) \
    -exec awk 'FNR == 1 { start = 0 } /^\{/ { start = FNR }
        /^\}/ { if (start && FNR - start - 1 > 70) print FILENAME ":" start ": a function of " FNR - start - 1 " lines"; start = 0 }' {} +)

echo "$failures rules broken"
[ "$failures" -eq 0 ]
