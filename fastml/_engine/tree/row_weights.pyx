# cython: cdivision=True
"""Weights of training rows between two rounds of boosting by weights (see src_c/tree/row_weights.h)."""

from libc.stdint cimport uint8_t

from fastml._engine.runtime.tree_kernels cimport K


def weigh_errors(const double[::1] weight not None, wrong not None):
    """Weight of all rows, and of those that a member got wrong.

    Parameters
    ----------
    weight : float64 array of shape (n_rows,)
    wrong : bool array of shape (n_rows,)

    Returns
    -------
    total, of_wrong : float
        The same bits on every instruction set.

    Raises
    ------
    ValueError
        If the arrays are of different lengths.
    """
    cdef double[2] shares
    cdef const uint8_t[::1] mask = _mask(wrong, weight.shape[0])
    if weight.shape[0] == 0:
        return 0.0, 0.0
    with nogil:
        K.row_weights_judge(&weight[0], &mask[0], weight.shape[0], shares)
    return shares[0], shares[1]


def raise_errors(double[::1] weight not None, wrong not None, double factor):
    """Multiply the weights of rows that a member got wrong, in place; a weight of 0 stays 0.

    Parameters
    ----------
    weight : float64 array of shape (n_rows,)
    wrong : bool array of shape (n_rows,)
    factor : float

    Returns
    -------
    float
        Sum of the new weights; infinite if one of them is.

    Raises
    ------
    ValueError
        If the arrays are of different lengths.
    """
    cdef const uint8_t[::1] mask = _mask(wrong, weight.shape[0])
    cdef double total = 0.0
    if weight.shape[0] == 0:
        return total
    with nogil:
        total = K.row_weights_raise(&weight[0], &mask[0], weight.shape[0], factor)
    return total


def divide_weights(double[::1] weight not None, double total, double least):
    """Divide weights by `total`, in place. What is not 0 stays at `least` or above, what is 0 stays 0.

    Parameters
    ----------
    weight : float64 array of shape (n_rows,)
    total, least : float
    """
    if weight.shape[0]:
        with nogil:
            K.row_weights_divide(&weight[0], weight.shape[0], total, least)


cdef const uint8_t[::1] _mask(wrong, Py_ssize_t n):
    if wrong.shape != (n,):
        raise ValueError(f"wrong has shape {wrong.shape}, expected ({n},)")
    return wrong.view("u1")
