"""The little of OpenMP that is called by name; without OpenMP, stand-ins that see one thread.

``prange`` needs none of this. Do not cimport Cython's own ``openmp``: it does not build without OpenMP.
"""

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define FASTML_OPENMP_DATE _OPENMP
    static inline int fastml_max_threads(void) { return omp_get_max_threads(); }
    static inline int fastml_thread_num(void) { return omp_get_thread_num(); }
    #else
    #define FASTML_OPENMP_DATE 0
    static inline int fastml_max_threads(void) { return 1; }
    static inline int fastml_thread_num(void) { return 0; }
    #endif
    #if !defined(_OPENMP)
    #define FASTML_OPENMP_RUNTIME ""
    #elif defined(_MSC_VER)
    #define FASTML_OPENMP_RUNTIME "vcomp"
    #elif defined(__clang__)
    #define FASTML_OPENMP_RUNTIME "libomp"
    #else
    #define FASTML_OPENMP_RUNTIME "libgomp"
    #endif
    """
    const int FASTML_OPENMP_DATE
    const char *FASTML_OPENMP_RUNTIME
    # threads that a parallel region of this thread would get if it did not name a number
    int max_threads "fastml_max_threads"() noexcept nogil
    # index of the calling thread in its parallel region, 0 outside of one
    int thread_num "fastml_thread_num"() noexcept nogil
