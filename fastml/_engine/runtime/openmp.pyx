"""What Python may ask of the OpenMP runtime that the extensions were built with."""


def runtime():
    """Name of the OpenMP runtime ("libgomp", "libomp", "vcomp"), or "" in a build without OpenMP."""
    return FASTML_OPENMP_RUNTIME.decode("ascii")


def specification():
    """Date (yyyymm) of the OpenMP specification that the compiler follows; 0 in a build without OpenMP."""
    return FASTML_OPENMP_DATE


def thread_limit():
    """Threads that the runtime would use now in the calling thread; 1 in a build without OpenMP.

    Follows ``OMP_NUM_THREADS`` (read by the runtime when it is loaded, also what joblib's process workers
    set) and ``threadpoolctl.threadpool_limits``.
    """
    return max_threads()


def release_threads():
    """End the threads that the runtime keeps for the calling thread; the next parallel region starts others.

    Returns
    -------
    bool
        Whether a process forked now by the calling thread may use threads. GNU's runtime otherwise waits in
        the child for threads that only the parent has; the other runtimes take care of a fork themselves.
    """
    if can_pause():
        with nogil:
            pause()
        return True
    return runtime() != "libgomp"
