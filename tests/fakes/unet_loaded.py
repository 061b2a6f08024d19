"""What the U-Net loads when it trains, and energyprof that starts it, for a Python that forks both."""

import importlib

from energyprof.workloads import monai_alone

monai_alone.install()
for _name in (
    *("torch", "torch.distributed.run", "torch.nn.parallel", "torch.utils.flop_counter", "numpy", "nibabel"),
    *("monai.inferers", "monai.losses", "monai.metrics", "monai.networks.nets"),
    *("energyprof.cli.application", "energyprof.cli.run", "energyprof.profile.run"),
):
    importlib.import_module(_name)
