# Nothing here is seen from Python: the functions are for packing alone.
