#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `./dev run --demo`, as a new user types it: it sends history once, also when it was cut off halfway,
# then a few events a second; whatever ends it ends all of it; events of others are left alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=$(mktemp -d)
chmod 755 "$folder"
data=$folder/data
service=0
failures=0
export FOOTFALL_TEST_DEMO_DAYS=2

finish() {
    [ $service = 0 ] || kill -KILL $service 2>/dev/null
    rm -rf "$folder"
}
trap finish EXIT

fail() {
    echo "FAILED: $*"
    sed 's/^/    /' "$folder/out" | tail -n 40
    failures=$((failures + 1))
}

wait_until() { # WHAT COMMAND...: for a minute at most
    local what=$1 end=$((SECONDS + 60))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { fail "not within a minute: $what"; exit 1; }
        sleep 0.05
    done
}

start() { # DATA_DIR
    unset FOOTFALL_URL FOOTFALL_TOKEN
    : >"$folder/out"
    ./dev run --demo --data-dir "$1" --listen 127.0.0.1:0 >>"$folder/out" 2>&1 &
    service=$!
    wait_until 'ready' grep -q '^footfall sign-in ' "$folder/out"
    FOOTFALL_URL=$(sed -n 's/^footfall ready //p' "$folder/out")
    FOOTFALL_TOKEN=$(cat "$1/admin-token")
    export FOOTFALL_URL FOOTFALL_TOKEN
}

head_of_log() { build/footfall log head; }
is_beyond() { [ "$(head_of_log)" -gt "$1" ]; }
nobody_uses() { ! pgrep -f "$1" >/dev/null; }

# Events of the days before the last (what comes live is later): in the log, and as they were made, each
# once (some are sent twice, with their id).
midnight() { echo "$(cut -c 1-10 "$data/demo")T00:00:00Z"; }
history() {
    build/footfall query --site shop.example --from 0 --to "$(midnight)" \
        'SELECT count(*) AS n FROM events' | tail -n 1 | tr -cd 0-9
}
made() {
    build/footfall demo --ndjson --days $FOOTFALL_TEST_DEMO_DAYS --per-day 12000 --until "$(cut -d ' ' -f 1 "$data/demo")" |
        sort -u | awk -F '[:,]' -v end="$(date -d "$(midnight)" +%s)" '/"site":"shop.example"/ && $2 < end { n++ } END { print n + 0 }'
}

end_by() { # SIGNAL: the service, its servers and what feeds it are gone
    kill "-$1" $service
    wait $service 2>/dev/null
    service=0
    wait_until "everything ends after SIG$1" nobody_uses "$data|$FOOTFALL_URL"
}

start "$data"
wait_until 'the first events' is_beyond 0
end_by TERM
! grep -q sent "$data/demo" || echo 'the history was not cut off: this machine is fast'
start "$data"
wait_until 'the history' grep -q sent "$data/demo"
wait_until 'the address' grep -q '^  stop  ' "$folder/out"
grep -q "^  open  .*/sign-in?next=%2F%3Fsite%3Dshop.example#code=" "$folder/out" || fail "no link to the first page"
[ "$(history)" = "$(made)" ] || fail "history: $(history) events instead of $(made)"
wait_until 'live events' is_beyond "$(head_of_log)"
end_by KILL
start "$data"
wait_until 'live events after a restart' is_beyond "$(head_of_log)"
[ "$(history)" = "$(made)" ] || fail "after a restart: $(history) events instead of $(made)"
end_by INT

data=$folder/own
printf '{"pageUrl":"https://own.example/"}\n' >"$folder/own.ndjson"
chmod 644 "$folder/own.ndjson"
env -u FOOTFALL_URL -u FOOTFALL_TOKEN build/footfall import --site own.example --data-dir "$data" \
    "$folder/own.ndjson" >/dev/null || fail 'import'
start "$data"
wait_until 'the refusal' grep -q "events that are not the demo's" "$folder/out"
wait_until 'the address all the same' grep -q '^  stop  ' "$folder/out"
[ "$(head_of_log)" = 1 ] || fail 'events of others were added to'
end_by TERM

echo "$failures failures"
[ $failures -eq 0 ]
