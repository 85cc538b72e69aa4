/* hiredis, of which only the formatting of commands and the parsing of replies are used: NIO carries the bytes. */
#ifndef INVENTORYD_CHIREDIS_SHIM_H
#define INVENTORYD_CHIREDIS_SHIM_H

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#endif
