"""A Flower ``Grid`` that only says which nodes there are: all that a strategy asks of it."""

from typing import Any, Sequence

from energyprof.workloads.paradigms.federated.flower import library


def grid_of(nodes: Sequence[int]) -> Any:
    """A grid of these nodes."""

    class Offered(library("flwr.serverapp").Grid):  # type: ignore[misc]
        """Nodes to choose from. Messages go another way."""

        def get_node_ids(self) -> Sequence[int]:
            return list(nodes)

        run = property(lambda self: None)

        def _elsewhere(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("an engine exchanges messages, not the grid that strategies see")

        set_run = create_message = push_messages = pull_messages = send_and_receive = _elsewhere

    return Offered()
