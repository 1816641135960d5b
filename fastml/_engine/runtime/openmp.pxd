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
    typedef omp_lock_t fastml_lock;
    static inline void fastml_init_lock(fastml_lock *l) { omp_init_lock(l); }
    static inline void fastml_destroy_lock(fastml_lock *l) { omp_destroy_lock(l); }
    static inline void fastml_set_lock(fastml_lock *l) { omp_set_lock(l); }
    static inline void fastml_unset_lock(fastml_lock *l) { omp_unset_lock(l); }
    #else
    #define FASTML_OPENMP_DATE 0
    static inline int fastml_max_threads(void) { return 1; }
    static inline int fastml_thread_num(void) { return 0; }
    typedef int fastml_lock;
    static inline void fastml_init_lock(fastml_lock *l) { (void)l; }
    static inline void fastml_destroy_lock(fastml_lock *l) { (void)l; }
    static inline void fastml_set_lock(fastml_lock *l) { (void)l; }
    static inline void fastml_unset_lock(fastml_lock *l) { (void)l; }
    #endif
    #if defined(_WIN32)
    #include <windows.h>
    static inline void fastml_relax(void) { SwitchToThread(); }
    #else
    #include <sched.h>
    static inline void fastml_relax(void) { sched_yield(); }
    #endif
    #if defined(_OPENMP) && defined(__ELF__)
    /* OpenMP 5.0; weak and declared by hand, because older runtimes and headers do not have it */
    extern int fastml_omp_pause(int) __asm__("omp_pause_resource_all") __attribute__((weak));
    static inline int fastml_can_pause(void) { return fastml_omp_pause != 0; }
    static inline void fastml_pause(void) { fastml_omp_pause(1 /* soft */); }
    #else
    static inline int fastml_can_pause(void) { return 0; }
    static inline void fastml_pause(void) {}
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
    # whether the runtime can give its threads back, and doing it for those of the calling thread
    bint can_pause "fastml_can_pause"() noexcept nogil
    void pause "fastml_pause"() noexcept nogil
    # index of the calling thread in its parallel region, 0 outside of one
    int thread_num "fastml_thread_num"() noexcept nogil
    ctypedef struct lock_t "fastml_lock":
        pass
    void init_lock "fastml_init_lock"(lock_t *lock) noexcept nogil
    void destroy_lock "fastml_destroy_lock"(lock_t *lock) noexcept nogil
    void set_lock "fastml_set_lock"(lock_t *lock) noexcept nogil
    void unset_lock "fastml_unset_lock"(lock_t *lock) noexcept nogil
    # lets another thread of the machine run: for one that has nothing to do for a moment
    void relax "fastml_relax"() noexcept nogil
