"""Frozen dataclasses that cost next to nothing until one of them is made.

`dataclasses` writes and compiles six methods for each class as its file is loaded: a third of what any
command took to start, for hundreds of classes of which it makes a few. Here all classes share one of each,
and their ``__init__``, which has to be quick, is compiled as the first is made. In all else they are
dataclasses.
"""

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable, Dict, List

if TYPE_CHECKING:
    # To a type checker they are what they are named.
    from dataclasses import dataclass
else:

    def dataclass(kind=None, *, frozen=False):
        """As `dataclasses.dataclass` of these words; what is not ``frozen`` is made by that."""
        decorate = _frozen if frozen else dataclasses.dataclass

        def made(kind):
            # One without a docstring would get its signature, which `inspect` reads by a parser of Python.
            kind.__doc__ = kind.__doc__ or kind.__qualname__
            return decorate(kind)

        return made if kind is None else made(kind)


__all__ = ["dataclass"]


def _frozen(kind: Any) -> Any:
    # One that inherits has to be frozen from the beginning.
    inherits = dataclasses.is_dataclass(kind)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=inherits)(kind)
    made.__dataclass_params__.frozen = True
    fields = dataclasses.fields(made)
    values = _values_of([field.name for field in fields if field.compare])
    shown = [field.name for field in fields if field.repr]

    def __init__(self: Any, *args: Any, **named: Any) -> None:
        made.__init__ = _compiled(made)
        made.__init__(self, *args, **named)

    def __eq__(self: Any, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(values(self))

    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    own = kind.__dict__
    for method in (__init__, __eq__, __hash__, __repr__, __setattr__, __delattr__):
        if method.__name__ in ("__hash__", "__setattr__", "__delattr__") or method.__name__ not in own:
            setattr(made, method.__name__, method)
    return made


def _values_of(names: List[str]) -> Callable[[Any], Any]:
    """What two of a class are compared by; a value alone is put in a tuple, in which nan is itself."""
    if not names:
        return lambda one: ()
    values = attrgetter(*names)
    return values if len(names) > 1 else lambda one: (values(one),)


def _compiled(kind: Any) -> Callable[..., None]:
    """Its ``__init__``, which goes around ``__setattr__``: nothing is as quick as its dictionary."""
    known: Dict[str, Any] = {"_unset": dataclasses.MISSING}
    words, lines = ["self"], ["_values = self.__dict__"]
    for number, field in enumerate(dataclasses.fields(kind)):
        name, default = field.name, f"_default_{number}"
        if field.default_factory is not dataclasses.MISSING:
            known[default] = field.default_factory
            words.append(f"{name}=_unset")
            lines.append(f"_values[{name!r}] = {default}() if {name} is _unset else {name}")
            continue
        if field.default is not dataclasses.MISSING:
            known[default] = field.default
            words.append(f"{name}={default}")
        else:
            words.append(name)
        lines.append(f"_values[{name!r}] = {name}")
    if hasattr(kind, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(words)}):\n " + "\n ".join(lines), known)
    compiled: Callable[..., None] = known["__init__"]
    compiled.__qualname__ = f"{kind.__qualname__}.__init__"
    return compiled


def __setattr__(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
