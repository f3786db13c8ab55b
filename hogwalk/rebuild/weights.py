"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole walks that makes the true walks of the lab's training
seeds as probable as can be; tests/rebuild/train.py wrote this table and says how (320 examples from lab seeds 1-18).
Clues that no training case shows keep their prior.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -2.62,
    Clue.UNREAD: -0.60,
    Clue.TRAP_FRAME: 0.00,
    Clue.SYSTEM_CALL: -0.01,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.51,
    Clue.SAVED_EBP: -0.32,
    Clue.ALIGNED: -0.93,
    Clue.REACHED: 3.72,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.00,
    Clue.TAIL_REACHED: 2.00,
    Clue.TAIL_POSSIBLE: -2.01,
    Clue.OTHER_TARGET: -6.79,
    Clue.ANY_TARGET: -1.20,
    Clue.TABLE_TARGET: 3.08,
    Clue.NO_TABLE_TARGET: -3.76,
    Clue.DEPTH: 2.62,
    Clue.DEPTH_ALONE: -0.23,
    Clue.DEPTH_LIKELY: 2.04,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -0.03,
    Clue.DEPTH_OTHER: -8.00,
    Clue.DEPTH_OTHER_LIKELY: -3.03,
    Clue.DEPTH_UNKNOWN: -1.54,
    Clue.DEPTH_UNREAD: -0.71,
    Clue.CHAINED: 3.46,
    Clue.CHAIN_BROKEN: -2.67,
    Clue.EBP_KEPT_WELL: -0.23,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: 0.29,
    Clue.UP_TO_40: -0.06,
    Clue.UP_TO_80: -0.15,
    Clue.UP_TO_100: -0.51,
    Clue.UP_TO_200: -0.91,
    Clue.UP_TO_400: -0.07,
    Clue.UP_TO_800: -0.20,
    Clue.OVER_800: -0.01,
    Clue.TRAP_HANDLER: -0.01,
    Clue.NO_TRAP: -7.34,
    Clue.HOLE: -1.01,
    Clue.SAME_MODULE: -0.44,
    Clue.OTHER_MODULE: -2.16,
    Clue.REPEATED_PAIR: 0.21,
    Clue.REPEATED_SIZE: 0.01,
    Clue.NOT_REPEATED: -0.84,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 0.33,
    Clue.FAR_FROM_LIMIT: -4.06,
    Clue.MAY_REACH_NEAR: -0.25,
    Clue.MAY_REACH: -2.07,
    Clue.MAY_REACH_FAR: -4.94,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.00,
    Clue.ZERO_EBP: 2.48,
    Clue.NO_RETURN: 4.48,
    Clue.NEAR_BASE: 2.46,
    Clue.EARLY_END: -6.00,
    Clue.PREDICTED_ON: -4.99,
}
STEP = 2.98  # what a step adds beside the log-probability of its clues
HEAT = 1.0  # over 1: less certain than fitted; seeds not trained on bear 1 out (tests/rebuild/calibrate.py)
