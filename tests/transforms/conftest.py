"""What tests of the rules share."""

import pytest


@pytest.fixture(scope="module", params=["lanes", "library"])
def lanes_and_library(request):
    """Few texts are the library's, so each test has them read by the lanes first, and then as they are read."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "lanes":
            patch.setattr("transforms.phones._FEW", 0)
        yield request.param
