"""MONAI without the libraries that no U-Net uses.

Where they are installed MONAI loads them as it is loaded itself, each for a part of its own that no workload
calls: transformers alone, for one network, takes several times as long as all of MONAI. That is paid in the
joules of a start-up, and depends on what else a machine has installed.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Optional

UNUSED = frozenset(
    (
        *("transformers", "huggingface_hub", "pandas", "sklearn", "optuna", "ignite"),
        *("mlflow", "clearml", "tensorboard"),  # trackers
        # of transforms that no workload asks for, of its readers of images and of its bundles
        *("scipy", "nibabel", "PIL", "h5py", "yaml", "jsonschema"),
    )
)


def install() -> None:
    """From now on MONAI is loaded alone; once it is, whatever asks for one of the others gets it."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds MONAI where it is, with a loader that loads it alone."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        spec = PathFinder.find_spec(name, path, target) if name == "monai" else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


class _Loader:
    """Another loader, without the libraries of ``UNUSED`` while it works."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        created: Optional[ModuleType] = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        sys.meta_path[:] = [_Without(finder) for finder in sys.meta_path]
        try:
            self._loader.exec_module(module)
        finally:  # a library may have added a finder of its own meanwhile
            sys.meta_path[:] = [f.finder if isinstance(f, _Without) else f for f in sys.meta_path]


class _Without:
    """Another finder, to which the libraries of ``UNUSED`` are not installed."""

    def __init__(self, finder: Any) -> None:
        self.finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name.partition(".")[0] in UNUSED:
            return None
        found: Optional[ModuleSpec] = self.finder.find_spec(name, path, target)
        return found
