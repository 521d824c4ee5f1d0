"""The one loop of the classical recommenders that numba compiles; imported when it first runs."""

from numba import njit


@njit(cache=True)
def add_product(out, left_start, left_column, left_value, right_start, right_column, right_value):
    """Add the product of two CSR matrices to a dense one, in place.

    Parameters
    ----------
    out : ndarray of float64, shape (n, m)
    left_start, left_column, left_value : ndarray
        The parts of a CSR matrix of shape (n, l).
    right_start, right_column, right_value : ndarray
        The parts of one of shape (l, m).
    """
    for row in range(len(left_start) - 1):
        for cell in range(left_start[row], left_start[row + 1]):
            weight, middle = left_value[cell], left_column[cell]
            for other in range(right_start[middle], right_start[middle + 1]):
                out[row, right_column[other]] += weight * right_value[other]
