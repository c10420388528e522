// SPDX-License-Identifier: Apache-2.0
// A program's temporary folder, which its name says whose it is: what a killed program has left is
// removed by the next.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const prefix = 'ff-browser-';

function lives(pid) {
    try {
        process.kill(pid, 0);
        return true;
    } catch (e) {
        return e.code === 'EPERM';
    }
}

function sweep() {
    for (const name of readdirSync(tmpdir())) {
        const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : 0;
        if (pid > 0 && !lives(pid))
            rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
}

/** A new folder that other users can reach: as root the service runs as one. */
export function temporaryFolder() {
    sweep();
    const path = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
    chmodSync(path, 0o755);
    process.on('exit', () => rmSync(path, { recursive: true, force: true }));
    return path;
}

const here = dirname(fileURLToPath(import.meta.url));

/** The repository. */
export const root = join(here, '..', '..', '..');

/** Where pictures go; git ignores it. */
export function outFile(name) {
    const folder = join(here, '..', 'out');
    mkdirSync(folder, { recursive: true });
    return join(folder, name);
}
