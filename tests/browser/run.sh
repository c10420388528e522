#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs tests of this folder, one file after another: tests/browser/run.sh FILE|FOLDER...
# FOOTFALL_BINARY is the program to test, FOOTFALL_BROWSER_MODULES the folder with node_modules.
# Without Node.js, Chromium or the packages the tests are skipped, with the reason; with
# FOOTFALL_TEST_BROWSER=required they fail.
set -u
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" || exit 1

skip() {
    [ "${FOOTFALL_TEST_BROWSER:-}" != required ] || { echo "browser tests $*" && exit 1; }
    echo "[  SKIPPED ] browser tests $*"
    exit 0
}

command -v node >/dev/null || skip "need Node.js: the command node"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 18 ] || skip "need Node.js 18 or newer, this is $(node --version)"
command -v chromium >/dev/null || skip "need Chromium: the command chromium"
export FOOTFALL_BROWSER_MODULES=${FOOTFALL_BROWSER_MODULES:-$PWD}
[ -d "$FOOTFALL_BROWSER_MODULES/node_modules/playwright-core" ] ||
    skip "need packages from npm: ./dev test installs them when it reaches the registry"

result=0
files=()
for name in "$@"; do
    if [ -d "$name" ]; then files+=("$name"/*.test.mjs); else files+=("$name"); fi
done
for file in "${files[@]}"; do
    node --test-reporter=./support/reporter.mjs --test-reporter-destination=stdout "$file" || result=1
done
exit $result
