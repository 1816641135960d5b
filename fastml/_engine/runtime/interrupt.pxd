cpdef int check() except -1
