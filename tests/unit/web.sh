#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# web/build.sh: two builds give the same bytes, what is loaded first is small, notices are kept.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

web/build.sh "$folder/first"
(cd / && "$OLDPWD/web/build.sh" "$folder/second")
diff -r "$folder/first" "$folder/second" || fail "two builds differ"

# Bytes that go over the wire for a file.
wire() { # FILE
    if [ -f "$1.gz" ]; then wc -c <"$1.gz"; else wc -c <"$1"; fi
}

# The page, and the script, style and icon it names.
first_load() { # PAGE
    local sum name
    sum=$(wire "$folder/first/$1.html")
    for name in $(sed -nE 's,.*<(script|link rel="(stylesheet|icon)")[^>]*"/assets/([^"]*)".*,\3,p' \
        "$folder/first/$1.html"); do
        sum=$((sum + $(wire "$folder/first/$name")))
    done
    echo "$sum"
}

at_most() { # WHAT BYTES LIMIT
    echo "$1: $2 bytes, compressed"
    [ "$2" -le "$3" ] || fail "$1: more than $3 bytes"
}

for page in dashboard system sign-in; do
    at_most "first load of $page" "$(first_load $page)" $((60 * 1024))
done
at_most "track.js" "$(wire "$folder/first/track.js")" 1200

grep -q 'Permission is hereby granted' "$folder"/first/licenses-*.txt || fail "uPlot's licence is missing"
if grep -rq vendor/uplot/uPlot.esm web/dashboard web/lib; then
    grep -q '^/\*! Licence: /assets/licenses-' "$folder"/first/dashboard-*.js || fail "uPlot's notice is missing"
fi

echo "$failures failures"
[ "$failures" -eq 0 ]
