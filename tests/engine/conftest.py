"""What tests of all engines need."""

import pytest

from fastml._engine.runtime import kernels


@pytest.fixture(params=kernels.available())
def isa(request):
    """Every instruction set of this CPU, one after the other."""
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)
