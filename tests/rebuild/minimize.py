"""Minimizes a smooth function of a few dozen variables: limited-memory BFGS with backtracking (Nocedal, 1980)."""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Tuple

from tests.rebuild.field import Vector

MEMORY = 12
MOST_STEPS, MOST_TRIES = 60, 12
LONGEST, SHRINK, ENOUGH = 2.0, 0.4, 1e-4  # largest change of one variable; step factor; Armijo's constant
Cost = Callable[[Vector], Tuple[float, Vector]]


def minimize(cost: Cost, start: Vector, tolerance: float = 0.01) -> Vector:
    """The variables at which `cost` (value, gradient) is least, to a tolerance in the value."""
    at, (value, slope) = list(start), cost(start)
    past: Deque[Tuple[Vector, Vector]] = deque(maxlen=MEMORY)
    for _ in range(MOST_STEPS):
        way = [-part for part in _scaled(slope, past)]
        size = min(1.0, LONGEST / max(1e-12, max(abs(part) for part in way)))
        for _ in range(MOST_TRIES):
            there = [old + size * part for old, part in zip(at, way)]
            found, steeper = cost(there)
            if found <= value + ENOUGH * size * dot(slope, way):
                break
            size *= SHRINK
        else:
            return at
        move = [new - old for new, old in zip(there, at)]
        bend = [new - old for new, old in zip(steeper, slope)]
        if dot(move, bend) > 1e-8:
            past.append((move, bend))
        done = value - found < tolerance
        at, value, slope = there, found, steeper
        if done:
            return at
    return at


def _scaled(slope: Vector, past: Deque[Tuple[Vector, Vector]]) -> Vector:
    """The gradient times the inverse Hessian as the past steps tell it."""
    left, factors = list(slope), []
    for move, bend in reversed(past):
        factor = dot(move, left) / dot(bend, move)
        factors.append(factor)
        left = [part - factor * other for part, other in zip(left, bend)]
    scale = dot(past[-1][0], past[-1][1]) / dot(past[-1][1], past[-1][1]) if past else 0.02
    left = [scale * part for part in left]
    for (move, bend), factor in zip(past, reversed(factors)):
        change = factor - dot(bend, left) / dot(bend, move)
        left = [part + change * other for part, other in zip(left, move)]
    return left


def dot(one: Vector, other: Vector) -> float:
    """The inner product."""
    return sum(left * right for left, right in zip(one, other))
