"""A small network learns which points lie inside a circle."""

import torch

import energyprof

torch.manual_seed(energyprof.seed())  # 0, 1, 2, … with --repeats
points = torch.rand(5120, 2) * 2 - 1
inside = (points.square().sum(dim=1) < 0.6).long()
model = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)

energyprof.mark("train")  # from here on it counts; until here it is start-up
for step in range(1, 2001):
    pick = torch.randint(4096, (64,))
    loss = torch.nn.functional.cross_entropy(model(points[pick]), inside[pick])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    energyprof.progress(samples=64 * step)  # on a GPU as well: it waits for nothing
    if step % 50 == 0:
        energyprof.mark("eval")  # on a GPU after torch.cuda.synchronize()
        with torch.no_grad():
            right = model(points[4096:]).argmax(dim=1) == inside[4096:]
        accuracy = right.float().mean().item()
        energyprof.progress(samples=64 * step, score=accuracy)
        if energyprof.reached(accuracy):
            break
        energyprof.mark("train")
