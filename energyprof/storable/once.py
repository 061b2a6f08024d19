"""What is worked out of a frozen record, once: it does not change, and a comparison asks again and again."""

import functools
from typing import Any, Callable, Generic, Optional, TypeVar, Union, overload

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


class kept(Generic[R, T]):  # a decorator
    """A property of a record that is worked out once; `functools.cached_property` takes a lock for each."""

    def __init__(self, of: Callable[[R], T]) -> None:
        self._of, self.__doc__ = of, of.__doc__

    @overload
    def __get__(self, record: None, owner: Optional[type] = None) -> "kept[R, T]": ...
    @overload
    def __get__(self, record: R, owner: Optional[type] = None) -> T: ...
    def __get__(self, record: Optional[R], owner: Optional[type] = None) -> Union["kept[R, T]", T]:
        """Asked for the first time: from then on the record has it itself."""
        if record is None:
            return self
        value = record.__dict__[self._of.__name__] = self._of(record)
        return value
