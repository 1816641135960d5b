/* Choice of the kernel table. */
#ifndef FASTML_DISPATCH_H
#define FASTML_DISPATCH_H

#include "kernels.h"
#include "status.h"

/* Names of all instruction sets of the library, best first, ended by NULL. */
extern const char *const fastml_isa_names[];

/* Table of the named instruction set, if this build has it and this machine runs it; NULL otherwise, with the
   reason in *status. name = NULL asks for the best one, which always exists. */
const fastml_kernels *fastml_find_kernels(const char *name, fastml_status *status);

#endif
