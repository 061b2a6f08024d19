"""What is worked out of a frozen record is worked out once, and is no part of it."""

from dataclasses import replace

from energyprof.storable.frozen import dataclass
from energyprof.storable.once import kept, once, once_beside


@dataclass(frozen=True)
class Pair:
    low: float
    high: float


def test_a_value_is_kept_with_its_record_and_not_with_what_is_made_of_that():
    asked = []

    @once
    def width(pair):
        asked.append(pair)
        return pair.high - pair.low

    pair = Pair(1.0, 3.0)
    assert [width(pair), width(pair), width(replace(pair, high=9.0))] == [2.0, 2.0, 8.0]
    assert len(asked) == 2
    assert pair == Pair(1.0, 3.0)
    assert repr(pair).endswith("Pair(low=1.0, high=3.0)")


def test_beside_another_record_the_value_is_that_of_the_one_asked_for():
    asked = []

    @once_beside
    def apart(pair, other):
        asked.append(other)
        return other.low - pair.high

    pair, near, far = Pair(0.0, 1.0), Pair(2.0, 3.0), Pair(7.0, 8.0)
    assert [apart(pair, other) for other in (near, near, far, near)] == [1.0, 1.0, 6.0, 1.0]
    assert len(asked) == 3


def test_a_kept_property_is_worked_out_once_for_each_record():
    asked = []

    @dataclass(frozen=True)
    class Wide(Pair):
        @kept
        def width(self):
            """How far apart they are."""
            asked.append(self)
            return self.high - self.low

    one, other = Wide(1.0, 3.0), Wide(1.0, 9.0)
    assert [one.width, one.width, other.width, one.width] == [2.0, 2.0, 8.0, 2.0]
    assert len(asked) == 2
    assert one == Wide(1.0, 3.0)
    assert Wide.width.__doc__ == "How far apart they are."
