"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole walks that makes the true walks of the lab's training
seeds as probable as can be; tests/rebuild/train.py wrote this table and says how
(250 examples, lab seeds 1-8).
Clues that no training case shows keep their prior.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.walk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -0.91,
    Clue.UNREAD: -0.63,
    Clue.TRAP_FRAME: 7.08,
    Clue.SYSTEM_CALL: 1.20,
    Clue.KF: 0.05,
    Clue.POINTED_AT: -0.53,
    Clue.SAVED_EBP: 0.61,
    Clue.ALIGNED: -0.91,
    Clue.REACHED: 3.45,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 3.78,
    Clue.TAIL_REACHED: 1.99,
    Clue.TAIL_POSSIBLE: -0.51,
    Clue.OTHER_TARGET: -10.67,
    Clue.ANY_TARGET: 0.76,
    Clue.TABLE_TARGET: 2.47,
    Clue.NO_TABLE_TARGET: -7.08,
    Clue.DEPTH: -2.07,
    Clue.DEPTH_ALONE: 6.16,
    Clue.DEPTH_LIKELY: 6.25,
    Clue.DEPTH_POSSIBLE: 4.28,
    Clue.DEPTH_AT_LEAST: -1.97,
    Clue.DEPTH_OTHER: -10.84,
    Clue.DEPTH_OTHER_LIKELY: -6.64,
    Clue.DEPTH_UNKNOWN: 0.06,
    Clue.DEPTH_UNREAD: -1.16,
    Clue.CHAINED: 3.33,
    Clue.CHAIN_BROKEN: -1.65,
    Clue.EBP_KEPT_WELL: 0.64,
    Clue.EBP_KEPT_BADLY: -2.19,
    Clue.UP_TO_20: 3.75,
    Clue.UP_TO_40: 2.49,
    Clue.UP_TO_80: 2.02,
    Clue.UP_TO_100: 1.10,
    Clue.UP_TO_200: -0.09,
    Clue.UP_TO_400: -0.68,
    Clue.UP_TO_800: -1.80,
    Clue.OVER_800: -0.60,
    Clue.TRAP_HANDLER: -1.47,
    Clue.NO_TRAP: -0.55,
    Clue.HOLE: -2.58,
    Clue.SAME_MODULE: 0.88,
    Clue.OTHER_MODULE: -1.31,
    Clue.REPEATED_PAIR: -1.01,
    Clue.REPEATED_SIZE: -2.48,
    Clue.NOT_REPEATED: -4.03,
    Clue.SAME_CALLEE: 1.67,
    Clue.OTHER_CALLEE: -0.25,
    Clue.IN_ARGUMENTS: -6.28,
    Clue.DEPTH_TOLD: 4.49,
    Clue.EBP_FRAME: 1.23,
    Clue.EBP_BELOW: -1.95,
    Clue.EBP_PASSED: -2.74,
    Clue.TEXT: -5.42,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -9.05,
    Clue.REACHES_LIMIT: 1.97,
    Clue.FAR_FROM_LIMIT: -6.67,
    Clue.MAY_REACH_NEAR: 1.05,
    Clue.MAY_REACH: -1.35,
    Clue.MAY_REACH_FAR: -4.02,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.EBP_START: 1.71,
    Clue.BELOW_EBP_START: 0.35,
    Clue.NEAR_START: 0.71,
    Clue.FAR_START: -5.53,
    Clue.USER_MODE: 2.87,
    Clue.ZERO_EBP: 5.88,
    Clue.NO_RETURN: 2.05,
    Clue.NEAR_BASE: 0.72,
    Clue.EARLY_END: -7.58,
    Clue.PREDICTED_ON: -5.04,
}
STEP = 1.00  # what a step adds beside the log-probability of its clues
BLIND_STEP = 0.17  # the same where the code behind the newer slot cannot be read
HEAT = 1.0  # over 1: less certain than fitted; seeds not trained on bear 1 out (tests/rebuild/calibrate.py)
