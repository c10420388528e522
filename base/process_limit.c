/* SPDX-License-Identifier: Apache-2.0 */
/* How many files (connections are some) a process may have open. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/process.h"

int process_allow_files(uint64_t wanted, struct err *e)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_set(e, ERR_DATA, "open files: %s", strerror(errno));
    if (limit.rlim_cur >= wanted)
        return 0;
    rlim_t most = limit.rlim_max;
    limit.rlim_cur = most < wanted ? most : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_set(e, ERR_DATA, "open files: %s", strerror(errno));
    if (most >= wanted)
        return 0;
    return err_set(e, ERR_BUSY, "only %llu files may be open, %llu are wanted",
                   (unsigned long long)most, (unsigned long long)wanted);
}
