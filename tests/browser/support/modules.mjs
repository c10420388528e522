// SPDX-License-Identifier: Apache-2.0
// The npm packages, which `./dev test` installs in the build folder: nothing is written among the
// sources. FOOTFALL_BROWSER_MODULES is the folder that holds node_modules.
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const modules = process.env.FOOTFALL_BROWSER_MODULES ?? process.cwd();

export const load = createRequire(join(modules, 'package.json'));
