"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole walks that makes the true walks of the lab's training
seeds as probable as can be; tests/rebuild/train.py wrote this table and says how (320 examples from lab seeds 1-18).
Clues that no training case shows keep their prior.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -2.76,
    Clue.UNREAD: -1.01,
    Clue.TRAP_FRAME: -0.38,
    Clue.SYSTEM_CALL: 0.13,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.48,
    Clue.SAVED_EBP: -0.31,
    Clue.ALIGNED: 0.32,
    Clue.REACHED: 6.01,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.20,
    Clue.TAIL_REACHED: 1.49,
    Clue.TAIL_POSSIBLE: -0.50,
    Clue.OTHER_TARGET: -11.49,
    Clue.ANY_TARGET: 0.32,
    Clue.TABLE_TARGET: 3.94,
    Clue.NO_TABLE_TARGET: -7.50,
    Clue.DEPTH: -1.36,
    Clue.DEPTH_ALONE: 3.25,
    Clue.DEPTH_LIKELY: 5.57,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -1.54,
    Clue.DEPTH_OTHER: -9.22,
    Clue.DEPTH_OTHER_LIKELY: -6.05,
    Clue.DEPTH_UNKNOWN: -2.21,
    Clue.DEPTH_UNREAD: -2.61,
    Clue.CHAINED: 4.73,
    Clue.CHAIN_BROKEN: -1.24,
    Clue.EBP_KEPT_WELL: -0.84,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: -0.01,
    Clue.UP_TO_40: -0.10,
    Clue.UP_TO_80: -0.09,
    Clue.UP_TO_100: -0.35,
    Clue.UP_TO_200: -0.47,
    Clue.UP_TO_400: 1.45,
    Clue.UP_TO_800: -1.69,
    Clue.OVER_800: -0.07,
    Clue.TRAP_HANDLER: 0.18,
    Clue.NO_TRAP: -2.97,
    Clue.HOLE: -1.09,
    Clue.SAME_MODULE: -0.17,
    Clue.OTHER_MODULE: -2.84,
    Clue.REPEATED_PAIR: 0.11,
    Clue.REPEATED_SIZE: -0.35,
    Clue.NOT_REPEATED: -2.01,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 0.89,
    Clue.FAR_FROM_LIMIT: -5.43,
    Clue.MAY_REACH_NEAR: -1.64,
    Clue.MAY_REACH: -2.71,
    Clue.MAY_REACH_FAR: -1.59,
    Clue.BEHIND_HOLE: 0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.02,
    Clue.ZERO_EBP: 0.72,
    Clue.NO_RETURN: 2.72,
    Clue.NEAR_BASE: 0.05,
    Clue.EARLY_END: -6.07,
    Clue.PREDICTED_ON: -5.06,
}
STEP = 3.59  # what a step adds beside the log-probability of its clues
HEAT = 1.0  # over 1: less certain than fitted; seeds not trained on bear 1 out (tests/rebuild/calibrate.py)
