"""Levers of the training: what changes a model, its optimiser or its batches before it is trained."""

import importlib
from typing import Any, Mapping, NamedTuple, Tuple


class Row(NamedTuple):
    """One lever: the key of a plan's config that turns it, and its values that do not."""

    key: str
    module: str  # beside this one; its ``turn(task, plan, device, seed)`` gives the task back
    plain: Tuple[Any, ...] = (None,)

    def turned(self, config: Mapping[str, Any]) -> bool:
        """Whether a plan's config turns it."""
        return config.get(self.key, self.plain[0]) not in self.plain

    def loaded(self) -> Any:
        """The module."""
        return importlib.import_module(self.module if "." in self.module else f"{__name__}.{self.module}")


# In the order in which they are turned: a lever finds the model as those before it leave it.
LEVERS: Tuple[Row, ...] = (
    Row("distil", "distillation"),
    Row("prune", "pruning"),
    Row("sparsity", "sparsity"),
    Row("freeze", "freezing"),
    Row("qat", "rounding"),
    Row("cache_features", "features"),
    Row("precision", "float8", ("fp32", "tf32", "bf16", "fp16")),
    Row("optimiser", "optimisers", ("AdamW",)),
    Row("recompute", "recomputing"),
    Row("grow", "growing"),
)

# Those that change what a program has prepared; their module's ``prepared(program, plan)`` does.
PREPARED: Tuple[Row, ...] = (
    Row("cache_features", "features"),
    Row("data_cache", "energyprof.workloads.data.kept_data"),
)
