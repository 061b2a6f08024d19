"""torch's compiler, loaded when something is compiled and not before.

torch loads it to say that algorithms are deterministic, and at an optimiser's first step to say what it is to
leave alone: as many modules as all the rest of torch, a third of the processor time of a start-up. Both are
answered here; whatever else is asked of it loads it, and it is what it would have been.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Optional

PACKAGES = ("torch._dynamo", "torch._inductor")
# What these packages compile by: settings, which need none of their code.
SETTINGS = ("torch._inductor.config", "torch._inductor.custom_graph_pass")


def install() -> None:
    """From now on the compiler waits, unless it is there already."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the packages where they are, with a loader that waits; a module of one has it loaded first."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name in PACKAGES:
            spec = PathFinder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
            return spec
        package = sys.modules.get(name.rpartition(".")[0])
        if not isinstance(package, _Waiting) or name in SETTINGS:
            return None
        package.load()
        # Where the package has loaded it as it was loaded itself, this is the one.
        return ModuleSpec(name, _Loaded()) if name in sys.modules else None  # type: ignore[arg-type]


class _Loader:
    """Another loader, which is not called before its module is used."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Waiting(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Not yet."""


class _Loaded:
    """Loads nothing: the module is there."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = sys.modules[spec.name]
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _Waiting(ModuleType):
    """A package that is loaded by its first use."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        if name == "torch._dynamo":
            self.left_alone: Any = []
            self.disable, self.graph_break = self._disable, self._graph_break

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python asks every module for these
            raise AttributeError(name)
        self.load()
        return getattr(self, name)

    def load(self) -> None:
        """Be the module that it would have been."""
        kept = dict(vars(self))
        for name in ("left_alone", "disable", "graph_break"):
            vars(self).pop(name, None)
        self.__class__ = ModuleType  # type: ignore[assignment]
        try:
            self.__spec__.loader.loader.exec_module(self)  # type: ignore[union-attr]
        except BaseException:  # as a module that fails to load, it is tried again
            vars(self).clear()
            vars(self).update(kept)
            self.__class__ = _Waiting
            raise
        for function in kept.get("left_alone", ()):
            vars(function).pop("__dynamo_disable", None)  # torch asks again, now the one that knows

    def _disable(self, function: Any = None, *options: Any, **named: Any) -> Any:
        """``function``, which nothing compiles while this waits; torch, which asks so, keeps the answer."""
        if function is None or named != {"wrapping": False}:
            self.load()
            return self.disable(function, *options, **named)
        self.left_alone.append(function)
        return function

    def _graph_break(self, *_: Any, **__: Any) -> None:
        """Nothing: no graph is drawn."""
