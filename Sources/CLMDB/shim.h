/* Swift sees liblmdb through this header. Nothing is added: every mdb_* function
 * used is a plain function, and the flags are integer macros that Swift imports. */
#ifndef REFRESHD_CLMDB_SHIM_H
#define REFRESHD_CLMDB_SHIM_H

#include <lmdb.h>

#endif
