"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole walks that makes the true walks of the lab's training
seeds as probable as can be; tests/rebuild/train.py wrote this table and says how (X).
Clues that no training case shows keep their prior.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -2.12,
    Clue.UNREAD: -0.32,
    Clue.TRAP_FRAME: 2.92,
    Clue.SYSTEM_CALL: -0.90,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.03,
    Clue.SAVED_EBP: 0.73,
    Clue.ALIGNED: -1.23,
    Clue.REACHED: 5.74,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.44,
    Clue.TAIL_REACHED: 1.99,
    Clue.TAIL_POSSIBLE: -0.49,
    Clue.OTHER_TARGET: -9.88,
    Clue.ANY_TARGET: 0.09,
    Clue.TABLE_TARGET: 2.36,
    Clue.NO_TABLE_TARGET: -7.27,
    Clue.DEPTH: 1.50,
    Clue.DEPTH_ALONE: 6.26,
    Clue.DEPTH_LIKELY: 2.02,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -2.27,
    Clue.DEPTH_OTHER: -11.78,
    Clue.DEPTH_OTHER_LIKELY: -3.02,
    Clue.DEPTH_UNKNOWN: -3.27,
    Clue.DEPTH_UNREAD: -1.72,
    Clue.CHAINED: 4.25,
    Clue.CHAIN_BROKEN: -0.73,
    Clue.EBP_KEPT_WELL: -2.34,
    Clue.EBP_KEPT_BADLY: -2.01,
    Clue.UP_TO_20: 3.09,
    Clue.UP_TO_40: 2.73,
    Clue.UP_TO_80: 2.10,
    Clue.UP_TO_100: 1.48,
    Clue.UP_TO_200: 0.47,
    Clue.UP_TO_400: -0.22,
    Clue.UP_TO_800: -2.63,
    Clue.OVER_800: -5.24,
    Clue.TRAP_HANDLER: 2.02,
    Clue.NO_TRAP: -0.24,
    Clue.HOLE: -2.28,
    Clue.SAME_MODULE: 0.34,
    Clue.OTHER_MODULE: -1.17,
    Clue.REPEATED_PAIR: 0.13,
    Clue.REPEATED_SIZE: -1.91,
    Clue.NOT_REPEATED: -3.71,
    Clue.SAME_CALLEE: 2.0,
    Clue.OTHER_CALLEE: -2.0,
    Clue.IN_ARGUMENTS: -5.0,
    Clue.DEPTH_TOLD: 3.0,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 1.71,
    Clue.FAR_FROM_LIMIT: -5.14,
    Clue.MAY_REACH_NEAR: -0.06,
    Clue.MAY_REACH: -2.40,
    Clue.MAY_REACH_FAR: -6.35,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.07,
    Clue.ZERO_EBP: 4.68,
    Clue.NO_RETURN: 2.05,
    Clue.NEAR_BASE: 0.56,
    Clue.EARLY_END: -6.63,
    Clue.PREDICTED_ON: -4.86,
}
STEP = 1.82  # what a step adds beside the log-probability of its clues
BLIND_STEP = 0.69  # the same where the code behind the newer slot cannot be read
HEAT = 1.0  # over 1: less certain than fitted; seeds not trained on bear 1 out (tests/rebuild/calibrate.py)
