"""What is worked out of a frozen record, once: it does not change, and a comparison asks again and again."""

import functools
from typing import Any, Callable, TypeVar

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


def once(of: Callable[[R], T]) -> Callable[[R], T]:
    """``of``, whose value is kept with the record; nobody may change it."""
    name = f"{of.__module__}.{of.__qualname__}"  # no field has a dot

    @functools.wraps(of)
    def found(record: R) -> T:
        there = record.__dict__
        if name not in there:
            there[name] = of(record)
        value: T = there[name]
        return value

    return found


def once_beside(of: Callable[[R, S], T]) -> Callable[[R, S], T]:
    """``of`` a record beside another; the value for the other that was asked for last is kept with it."""
    name = f"{of.__module__}.{of.__qualname__}"

    @functools.wraps(of)
    def found(record: R, other: S) -> T:
        there: Any = record.__dict__
        kept = there.get(name)
        if kept is None or kept[0] is not other:
            kept = there[name] = other, of(record, other)
        value: T = kept[1]
        return value

    return found
