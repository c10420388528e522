# SPDX-License-Identifier: Apache-2.0
# What the benches of tests/bench/run share: a temporary folder, the service under test, load by wrk,
# SQL, results. Everything is bounded in time, and everything started here ends with the script.

declare -A children=()   # process id → name, of what runs now
declare -A service=()    # pid, url, token, postgres: the running service
rows=()                  # results as JSON objects
failed=0

say() { printf 'bench: %s\n' "$*" >&2; }

give_up() {
    say "$*"
    exit 1
}

# ---- beginning and end

# Not below /tmp, which may be memory: durable means a disk. A service started as root becomes another
# user, who has to get there.
make_folder() {
    folder=$(mktemp -d /var/tmp/footfall-bench.XXXXXX)
    chmod 755 "$folder"
}

clean_up() {
    local status=$? pid
    trap '' INT TERM HUP
    for pid in "${!children[@]}"; do
        stop_child "$pid"
    done
    [ -z "${folder-}" ] || rm -rf "$folder"
    exit "$status"
}

# Gently, and after 20 s not.
stop_child() { # PID
    local i
    kill -TERM "$1" 2>/dev/null || true
    for ((i = 0; i < 200; i++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
    unset "children[$1]"
}

# Runs a command for at most so long; Ctrl-C reaches it.
within() { # SECONDS COMMAND...
    timeout --foreground -k 5 "$@"
}

# ---- waiting

# Until the command succeeds.
wait_for() { # SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || give_up "waited in vain for $what"
        sleep 0.05
    done
}

# Starts a program that prints its address when it is ready, and waits for that: sets `child`.
start_child() { # NAME COMMAND...
    local name=$1
    shift
    : >"$folder/$name.out" # a former one's address is not its
    "$@" >"$folder/$name.out" 2>"$folder/$name.err" </dev/null &
    child=$!
    children[$child]=$name
    wait_for 60 "$name" has_address_or_died "$name"
    kill -0 "$child" 2>/dev/null || give_up "$name ended: $(tail -n 3 "$folder/$name.err")"
}

has_address_or_died() { # NAME
    grep -q 'http://' "$folder/$1.out" || ! kill -0 "$child" 2>/dev/null
}

address_of() { # NAME
    grep -o -m 1 'http://[^ ]*' "$folder/$1.out"
}

# ---- the service

# A new one with an empty log.
start_service() {
    rm -rf "$folder/data"
    start_child service "$footfall" serve --data-dir "$folder/data" --listen 127.0.0.1:0
    service=([pid]=$child [url]=$(address_of service) [token]=$(<"$folder/data/admin-token")
        [postgres]=$(sed -n 's/.*"postgres": "\([^"]*\)".*/\1/p' "$folder/data/service.json"))
}

# Its greatest resident memory so far counts for the bench `memory`.
stop_service() {
    keep_peak
    stop_child "${service[pid]}"
    service=()
}

keep_peak() {
    local kib
    kib=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/${service[pid]}/status")
    peak_kib=$((kib > peak_kib ? kib : peak_kib))
}

ask() { # PATH [CURL-ARGUMENT...]
    curl -sS --max-time 20 -H "Authorization: Bearer ${service[token]}" "${@:2}" "${service[url]}$1"
}

# The views are at the head of the log: what they have to do still does not disturb what comes next.
views_are_current() {
    local views
    views=$(ask /v1/views) && [[ $views == *'"lag"'* ]] &&
        ! grep -q '"lag": *{"events": *[1-9]' <<<"$views"
}

settle() {
    wait_for "${BENCH_PATIENCE:-120}" "the views to reach the head of the log" views_are_current
    sql 'CHECKPOINT'
}

# ---- SQL

sql() { # STATEMENT...
    local statement arguments=()
    for statement in "$@"; do
        arguments+=(-c "$statement")
    done
    PGOPTIONS='-c client_min_messages=warning' within "${BENCH_PATIENCE:-120}" psql -XAtq -v ON_ERROR_STOP=1 "${service[postgres]}" "${arguments[@]}"
}

# The seconds that psql says the last of the statements took.
sql_seconds() { # STATEMENT...
    sql '\timing on' "$@" | awk '/^Time: / { ms = $2 } END { print ms / 1000 }'
}

head_seq() { sql 'SELECT log_next_seq(0)'; }

# Events as a row each, with a primary key: what one would have without a log.
make_plain_table() {
    sql 'DROP SCHEMA IF EXISTS bench CASCADE' 'CREATE SCHEMA bench' \
        'CREATE TABLE bench.plain (LIKE events)' \
        'ALTER TABLE bench.plain ADD PRIMARY KEY (partition, seq)'
}

# ---- events

# So many events, spread evenly over the last days, as NDJSON. Without ids, so that a body that is sent
# again holds new events.
make_events() { # EVENTS DAYS
    within 60 "$footfall" demo --ndjson --events "$1" --days "$2" --per_day $(($1 * 21 / 20 / $2)) |
        sed 's/,"eventId":"[^"]*"//' >"$folder/bodies.ndjson"
}

# ---- load

# wrk with one thread; sets load_requests, load_us, load_p50_us, load_p99_us. Any error ends the bench.
run_wrk() { # SECONDS CONNECTIONS URL
    local word errors
    read -r word load_requests load_us errors load_p50_us load_p99_us < <(
        within $(($1 + 30)) wrk -t 1 -c "$2" -d "$1" --timeout 20s -s "$bench/wrk.lua" "$3" | grep '^wrk ')
    [ "${word-}" = wrk ] || give_up "wrk gave no result for $3"
    [ "$errors" = 0 ] || give_up "$errors of the requests to $3 failed"
}

post_bodies() { # SECONDS CONNECTIONS
    BENCH_METHOD=POST BENCH_TYPE=application/x-ndjson BENCH_TOKEN=${service[token]} BENCH_LINES=1000 \
        BENCH_BODIES=$folder/bodies.ndjson run_wrk "$1" "$2" "${service[url]}/v1/events"
}

# Sends the bodies once or more, until the log holds so many events.
fill_log() { # EVENTS
    local end=$((SECONDS + ${BENCH_PATIENCE:-120}))
    while [ "$(head_seq)" -lt "$1" ]; do
        [ $SECONDS -lt $end ] || give_up "the log did not reach $1 events in time"
        post_bodies 1 4
    done
    settle
}

one_event='{"pageUrl":"https://bench.example/products/espresso-machine?utm_source=newsletter","referrer":"https://www.google.com/","ipAddress":"198.51.100.7","region":"DE-BE","sessionId":"4f1c2a77","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}'

post_one() { # SECONDS CONNECTIONS ADDRESS
    BENCH_METHOD=POST BENCH_TYPE=application/json BENCH_TOKEN=${service[token]} BENCH_BODY=$one_event \
        run_wrk "$1" "$2" "$3/v1/events"
}

# ---- arithmetic and results

calc() { # EXPRESSION
    awk "BEGIN { printf \"%.6g\", ($1) }"
}

median() { # NUMBER...
    printf '%s\n' "$@" | sort -g |
        awk '{ x[NR] = $1 } END { printf "%.6g", NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}

list() { # NUMBER...
    local IFS=,
    printf '[%s]' "$*"
}

# One entry of bench.json and one line on the terminal. Of the runs, the median counts. Empty: none.
# A bound is a least ratio, or, without a reference, a greatest value.
report() { # NAME UNIT REFERENCE BOUND RUNS REFERENCE-RUNS
    local name=$1 unit=$2 reference=$3 reach=$4 runs reference_runs value reference_value='' ratio='' ok=true
    read -ra runs <<<"$5"
    read -ra reference_runs <<<"$6"
    value=$(median "${runs[@]}")
    if [ -n "$reference" ]; then
        reference_value=$(median "${reference_runs[@]}")
        ratio=$(calc "$value / $reference_value")
        [ -z "$reach" ] || [ "$(calc "$ratio >= $reach")" = 1 ] || ok=false
    else
        [ -z "$reach" ] || [ "$(calc "$value <= $reach")" = 1 ] || ok=false
    fi
    [ $ok = true ] || failed=1
    rows+=("{\"name\":\"$name\",\"value\":$value,\"unit\":\"$unit\",\"reference\":$(text_or_null "$reference"),\
\"reference_value\":${reference_value:-null},\"ratio\":${ratio:-null},\"reach\":${reach:-null},\"ok\":$ok,\
\"runs\":$(list "${runs[@]}"),\"reference_runs\":$(list "${reference_runs[@]}")}")
    printf "$table_format" "$name" "$value" "$unit" "${reference_value:--}" "${ratio:--}" "${reach:--}" \
        "$([ $ok = true ] && echo yes || echo NO)" "$reference"
}

text_or_null() { # TEXT
    if [ -n "$1" ]; then printf '"%s"' "$1"; else printf null; fi
}

table_format='%-15s %11s %-12s %11s %8s %6s %-3s %s\n'

print_header() {
    printf "$table_format" bench value unit reference ratio reach ok 'the reference'
}

write_results() { # FILE
    local IFS=$'\n'
    { printf '[\n'; printf '%s\n' "${rows[*]}" | sed '$!s/$/,/'; printf ']\n'; } >"$1"
}
