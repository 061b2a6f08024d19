"""JAX: energyprof run examples/jax_training.py --target 'accuracy>=0.97'.

JAX computes behind the program's back: block_until_ready() before each mark, or its work is counted after it.
"""

import jax
import jax.numpy as jnp

import energyprof

key = jax.random.key(energyprof.seed())
points = jax.random.uniform(key, (5120, 2), minval=-1, maxval=1)
inside = (jnp.square(points).sum(axis=1) < 0.6).astype(jnp.float32)
first, second = jax.random.split(key)
weights = {
    "in": jax.random.normal(first, (2, 32)),
    "bias": jnp.zeros(32),
    "out": jax.random.normal(second, (32,)),
}


def predict(weights, points):
    """The score that a point lies inside, before the sigmoid."""
    return jnp.tanh(points @ weights["in"] + weights["bias"]) @ weights["out"]


def loss(weights, points, inside):
    """Binary cross-entropy."""
    scores = predict(weights, points)
    return jnp.mean(jnp.logaddexp(0, scores) - inside * scores)


@jax.jit
def step(weights, points, inside):
    """One step down the gradient."""
    gradient = jax.grad(loss)(weights, points, inside)
    return jax.tree.map(lambda weight, slope: weight - 0.5 * slope, weights, gradient)


@jax.jit
def share_right(weights):
    """The accuracy on the points that are never trained on."""
    return jnp.mean((predict(weights, points[4096:]) > 0) == (inside[4096:] > 0.5))


step(weights, points[:64], inside[:64])  # compiled before it counts
energyprof.mark("train")
for number in range(1, 4001):
    start = 64 * number % 4096
    weights = step(weights, points[start : start + 64], inside[start : start + 64])
    energyprof.progress(samples=64 * number)
    if number % 200 == 0:
        jax.block_until_ready(weights)
        energyprof.mark("eval")
        accuracy = float(share_right(weights))
        energyprof.progress(samples=64 * number, score=accuracy)
        if energyprof.reached(accuracy):
            break
        energyprof.mark("train")
print(f"accuracy {accuracy:.3f} after {64 * number} samples")
