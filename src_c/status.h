/* Status codes: what a kernel returns when it can fail. Kernels never print, exit or set errno. */
#ifndef FASTML_STATUS_H
#define FASTML_STATUS_H

typedef enum {
    FASTML_OK = 0,
    FASTML_UNKNOWN_ISA = 1,     /* a name that is not an instruction set of this library */
    FASTML_UNSUPPORTED_ISA = 2, /* a known instruction set that this CPU, system or build does not have */
} fastml_status;

#endif
