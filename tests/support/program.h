/* SPDX-License-Identifier: Apache-2.0 */
/* Inside tests/support: what the files of the library share. */
#ifndef SUPPORT_PROGRAM_H
#define SUPPORT_PROGRAM_H

#include <sys/types.h>

const char *program_root(void); /* the program's temporary folder, made at the first call */
void program_remove(void);
void program_print_logs(void); /* the ends of all *.log in it */

void footfall_kill_all(void); /* those started here that still run */
void servers_stop_all(void);

#endif
