// SPDX-License-Identifier: Apache-2.0
// What stands in web/vendor/ is what npm gives, byte by byte, in the version of web/package.json.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { root } from '../support/folder.mjs';
import { modules } from '../support/modules.mjs';

const json = (...path) => JSON.parse(readFileSync(join(...path), 'utf8'));
const here = dirname(fileURLToPath(import.meta.url));

test('vendored files equal those of the npm packages', () => {
    const vendored = readdirSync(join(root, 'web/vendor'));
    assert.deepEqual(vendored, Object.keys(json(root, 'web/package.json').dependencies), 'each package is declared');
    for (const name of vendored) {
        const installed = join(modules, 'node_modules', name);
        for (const file of readdirSync(join(root, 'web/vendor', name))) {
            const original = ['', 'dist'].map((folder) => join(installed, folder, file)).find(existsSync);
            assert.ok(original, `the package ${name} has ${file}`);
            assert.ok(readFileSync(original).equals(readFileSync(join(root, 'web/vendor', name, file))), `${name}: ${file}`);
        }
    }
});

test('the tests and the page take the same version, by the same checksum', () => {
    const ours = json(here, '../package-lock.json').packages, pages = json(root, 'web/package-lock.json').packages;
    for (const path of Object.keys(pages).filter((path) => path !== '')) {
        assert.equal(ours[path]?.version, pages[path].version, path);
        assert.equal(ours[path]?.integrity, pages[path].integrity, path);
    }
});

test('lock files name no registry', () => {
    for (const file of ['tests/browser/package-lock.json', 'web/package-lock.json'])
        assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), /"resolved"/, file);
});
