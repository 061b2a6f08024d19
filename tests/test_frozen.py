"""Our frozen dataclasses are those of the standard library, but for what their making takes."""

import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from dataclasses import field

import pytest

from energyprof.storable import frozen


def declared(decorator: Callable[..., Callable[[type], type]]) -> type:
    @decorator(frozen=True)
    class Point:
        """A point."""

        x: float
        y: float = 0.0
        names: tuple[str, ...] = ()
        more: list[int] = field(default_factory=list)
        note: str = field(default="", compare=False)
        hidden: int = field(default=1, repr=False)

        @property
        def doubled(self) -> float:
            return 2 * self.x

    return Point


OURS, THEIRS = declared(frozen.dataclass), declared(dataclasses.dataclass)


@dataclasses.dataclass(frozen=True)
class Theirs:
    value: float


@frozen.dataclass(frozen=True)
class Ours:
    value: float


@frozen.dataclass(frozen=True)
class Checked:
    value: float

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("negative")


@pytest.mark.parametrize(
    ("args", "named"),
    [((1.0,), {}), ((1.0, 2.0, ("a",)), {"hidden": 4}), ((), {"x": math.nan, "more": [1], "note": "n"})],
)
def test_one_that_is_made_is_shown_compared_and_copied_as_theirs_is(args, named):
    ours, theirs = OURS(*args, **named), THEIRS(*args, **named)
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs) or math.isnan(ours.x)
    assert ours == OURS(*args, **named)
    assert (ours == dataclasses.replace(ours, y=5.0)) == (theirs == dataclasses.replace(theirs, y=5.0))
    assert ours == dataclasses.replace(ours, note="other")
    assert ours != theirs
    assert copy.deepcopy(ours) == ours or math.isnan(ours.x)
    assert ours.doubled == ours.x * 2 or math.isnan(ours.x)


@pytest.mark.parametrize(
    ("args", "named"), [((), {}), ((1, 2, (), [], "", 1, 7), {}), ((1,), {"z": 3}), ((1,), {"x": 3})]
)
def test_words_that_do_not_fit_are_refused_as_theirs_are(args, named):
    with pytest.raises(TypeError) as theirs:
        THEIRS(*args, **named)
    with pytest.raises(TypeError) as ours:
        OURS(*args, **named)
    assert str(ours.value) == str(theirs.value)


def test_each_has_its_own_of_what_a_factory_makes():
    one, other = OURS(1.0), OURS(1.0)
    one.more.append(3)
    assert other.more == []


def test_nothing_of_it_can_be_set_or_deleted():
    for change in (lambda one: setattr(one, "x", 2.0), lambda one: delattr(one, "x")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="field 'x'"):
            change(OURS(1.0))


def test_a_hash_is_that_of_its_values_and_not_a_number_is_itself():
    assert hash(Ours(1.0)) == hash(Ours(1.0))
    assert Ours(math.nan) == Ours(math.nan)
    assert Theirs(math.nan) == Theirs(math.nan)
    with pytest.raises(TypeError, match="unhashable"):
        hash(OURS(1.0))


def test_it_goes_through_pickle_and_matches_by_position():
    assert pickle.loads(pickle.dumps(Ours(2.0))) == Ours(2.0)
    match Ours(2.0):
        case Ours(value):
            assert value == 2.0
    assert [f.name for f in dataclasses.fields(OURS)] == [f.name for f in dataclasses.fields(THEIRS)]


def test_what_it_checks_once_it_is_made_is_checked():
    assert Checked(1.0).value == 1.0
    with pytest.raises(ValueError, match="negative"):
        Checked(-1.0)


def test_one_that_is_not_frozen_can_be_changed():
    @frozen.dataclass
    class Open:
        value: float

    one = Open(1.0)
    one.value = 2.0
    assert one == Open(2.0)


@pytest.mark.parametrize("decorator", [frozen.dataclass, dataclasses.dataclass])
def test_another_may_inherit_from_it(decorator):
    @decorator(frozen=True)
    class More(Ours):
        unit: str = "J"

    assert More(1.0) == More(1.0, "J") != More(1.0, "W")
    with pytest.raises(dataclasses.FrozenInstanceError):
        More(1.0).unit = "W"


def test_a_class_without_a_docstring_is_called_by_its_name() -> None:
    """`dataclasses` would look for its signature, for which Python's own parser is loaded."""

    @frozen.dataclass(frozen=True)
    class Silent:
        x: float

    @frozen.dataclass
    class Open:
        x: float

    assert str(Silent.__doc__).endswith("Silent")
    assert str(Open.__doc__).endswith("Open")
    assert OURS.__doc__ == "A point."
