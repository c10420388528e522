/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped views (catalog.h) are views like others, but that nobody has to add them. */
#ifndef VIEWS_SHIPPED_H
#define VIEWS_SHIPPED_H

#include "log/sql.h"

/* Those this database has never had become current; the live builder builds them. */
int shipped_install(struct sql *s, struct err *e) MUST_CHECK;

/* Those whose text has changed with the software become pending, each with a job that builds it;
 * one that was dropped, or was given another definition, stays as it is. For the owner of the
 * views, so that a newer process that stands by changes nothing yet. */
int shipped_upgrade(struct sql *s, struct err *e) MUST_CHECK;

#endif
