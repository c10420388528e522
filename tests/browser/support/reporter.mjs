// SPDX-License-Identifier: Apache-2.0
// Reports as cmocka does, whose lines `./dev test` counts.

function reason(error) {
    const cause = error?.cause ?? error;
    return String(cause?.stack ?? cause?.message ?? cause);
}

export default async function* report(source) {
    for await (const { type, data } of source) {
        if (type === 'test:start')
            yield `[ RUN      ] ${data.name}\n`;
        else if (type === 'test:pass' && data.skip !== undefined)
            yield `[  SKIPPED ] ${data.name}${typeof data.skip === 'string' ? `: ${data.skip}` : ''}\n`;
        else if (type === 'test:pass')
            yield `[       OK ] ${data.name}\n`;
        else if (type === 'test:fail')
            yield `${reason(data.details.error)}\n[  FAILED  ] ${data.name}\n`;
        else if (type === 'test:stderr' || type === 'test:stdout')
            yield data.message;
    }
}
