"""The plan says how long the throttles make a load take, and no request could leave sooner."""

import pytest

from flows.load_plan import shortest_seconds


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(0, 0), (1, 0), (30, 0), (31, 10), (90, 20), (120, 30), (121, 60), (150, 60), (151, 70), (240, 90), (241, 120)],
)
def test_the_shortest_time_keeps_thirty_in_ten_and_a_hundred_and_twenty_in_sixty_seconds(requests, seconds):
    assert shortest_seconds(requests) == seconds
