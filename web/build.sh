#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds what the service serves: web/build.sh FOLDER makes, in FOLDER (emptied first),
#
#   NAME-HASH.js, .css, .svg, .txt   the assets, bundled and minified, named by their content
#   track.js, NAME.html              the tracker; the pages, with those names filled in
#   FILE.gz                          each of them compressed, where that makes it smaller
#   assets.c                         all of them as the table of api/assets.h
#
# The same sources give the same bytes. Needs esbuild ($ESBUILD) and the usual tools of Debian.
set -euo pipefail
export LC_ALL=C

out=${1:?usage: web/build.sh FOLDER}
[ ! -e "$out" ] || [ -e "$out/assets.c" ] || [ -z "$(ls -A "$out")" ] || {
    echo "web/build.sh: $out holds something else" >&2
    exit 1
}
rm -rf "$out" && mkdir -p "$out"
out=$(readlink -f "$out")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
parts=$out/parts # what is not served
mkdir "$parts"

declare -A file_of=() # dashboard.js: the file in $out
rows=()               # of the table

refuse() {
    echo "web/build.sh: $*" >&2
    exit 1
}

hash_of() { sha256sum <"$1" | cut -c 1-16; }

type_of() {
    case $1 in
    *.js) echo 'text/javascript; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.html) echo 'text/html; charset=utf-8' ;;
    *.txt) echo 'text/plain; charset=utf-8' ;;
    *.svg) echo 'image/svg+xml' ;;
    *) refuse "$1: of what type is it?" ;;
    esac
}

# ---- bundles

bundle() { # NAME ENTRY FORMAT [TARGET]
    "${ESBUILD:-esbuild}" "$1=$2" --bundle --minify --target="${4:-es2020}" --format="$3" --charset=utf8 \
        --legal-comments=inline --outdir="$parts" --metafile="$parts/$1.js.inputs" \
        --log-level=warning
}

# What stands in vendor/ keeps the notice at its head, which the minifier takes for any comment.
restore_notices() { # FILE
    local package
    for package in vendor/*/; do
        grep -qF "$package" "$1.inputs" || continue
        {
            sed -n '1s|^/\*\*|/*!|; 1,/\*\//p' "$package"*.esm.js
            echo "/*! Licence: /assets/${file_of[licenses.txt]} */"
            cat "$1"
        } >"$1.with" && mv "$1.with" "$1"
    done
}

# ---- the table

add() { # NAME FILE: the file is served, and known as NAME to templates and to C
    local name=$1 file=$2 packed=0 i=${#rows[@]}
    gzip -9nc "$out/$file" >"$out/$file.gz"
    if [ "$(wc -c <"$out/$file.gz")" -lt "$(wc -c <"$out/$file")" ]; then
        packed=$(wc -c <"$out/$file.gz")
    else
        rm "$out/$file.gz"
    fi
    file_of[$name]=$file
    rows+=("    {\"$name\", \"$file\", \"$(type_of "$file")\", {web_$i, $(wc -c <"$out/$file")}, {web_${i}_gz, $packed}, \"W/\\\"$(hash_of "$out/$file")\\\"\"},")
    {
        echo "BYTES(web_$i, \"$file\")"
        if [ "$packed" != 0 ]; then
            echo "BYTES(web_${i}_gz, \"$file.gz\")"
        else
            echo "#define web_${i}_gz NULL"
        fi
    } >>"$parts/bytes"
}

add_hashed() { # NAME.EXTENSION FROM
    local file
    file=${1%.*}-$(hash_of "$2").${1##*.}
    cp "$2" "$out/$file"
    add "$1" "$file"
}

# {{NAME}} in a page becomes the address of that asset.
fill() { # PAGE
    local text name
    text=$(cat "$1")
    for name in "${!file_of[@]}"; do
        text=${text//"{{$name}}"//assets/${file_of[$name]}}
    done
    case $text in
    *'{{'*) refuse "$1: there is no asset $(grep -o '{{[^}]*}}' <<<"$text" | head -n 1)" ;;
    esac
    printf '%s\n' "$text" >"$out/$1"
    add "$1" "$1"
}

write_table() {
    cat <<'TEXT'
/* Made by web/build.sh. */
#include "api/assets.h"

#define BYTES(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n" #symbol ": .incbin \"" WEB_FOLDER "/" file                    \
            "\"\n.byte 0\n.popsection\n");                                                         \
    extern const char symbol[] __attribute__((visibility("hidden")));
TEXT
    cat "$parts/bytes"
    echo
    echo 'const struct asset assets[] = {'
    printf '%s\n' "${rows[@]}"
    echo '    {0},'
    echo '};'
}

# ---- all of it

licenses() {
    local package
    for package in vendor/*/; do
        printf '%s\n\n' "$(basename "$package")"
        cat "$package"LICENSE
    done
}

pages=(dashboard system sign-in)
for name in "${pages[@]}"; do
    bundle "$name" "$name/main.js" esm
done
bundle live live/worker.js iife
bundle track track/track.js iife es2018

licenses >"$parts/licenses.txt"
add_hashed licenses.txt "$parts/licenses.txt"
add_hashed icon.svg icon.svg
add_hashed live.js "$parts/live.js"
for name in "${pages[@]}"; do
    restore_notices "$parts/$name.js"
    for file in "$parts/$name".{js,css}; do
        [ ! -f "$file" ] || add_hashed "${file##*/}" "$file"
    done
done
cp "$parts/track.js" "$out/track.js"
add track.js track.js
for page in *.html; do
    fill "$page"
done
write_table >"$out/assets.c"
rm -r "$parts"
