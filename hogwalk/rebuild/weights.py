"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -5.42,
    Clue.UNREAD: -0.35,
    Clue.TRAP_FRAME: -0.02,
    Clue.SYSTEM_CALL: 0.00,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.21,
    Clue.SAVED_EBP: -0.33,
    Clue.REACHED: 4.36,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.00,
    Clue.OTHER_TARGET: -9.48,
    Clue.ANY_TARGET: -2.32,
    Clue.TABLE_TARGET: 4.33,
    Clue.NO_TABLE_TARGET: -4.50,
    Clue.DEPTH: 0.75,
    Clue.DEPTH_LIKELY: 2.43,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -1.43,
    Clue.DEPTH_OTHER: -7.73,
    Clue.DEPTH_OTHER_LIKELY: -3.43,
    Clue.DEPTH_UNKNOWN: -0.02,
    Clue.DEPTH_UNREAD: -0.63,
    Clue.CHAINED: 3.87,
    Clue.CHAIN_BROKEN: -2.49,
    Clue.EBP_KEPT_WELL: 1.86,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: -0.21,
    Clue.UP_TO_40: 0.33,
    Clue.UP_TO_80: -0.21,
    Clue.UP_TO_100: -0.74,
    Clue.UP_TO_200: -0.27,
    Clue.UP_TO_400: 0.79,
    Clue.UP_TO_800: -1.75,
    Clue.OVER_800: -0.00,
    Clue.TRAP_HANDLER: 0.72,
    Clue.HOLE: -1.15,
    Clue.SAME_MODULE: 0.27,
    Clue.OTHER_MODULE: -1.74,
    Clue.REPEATED_PAIR: -0.04,
    Clue.REPEATED_SIZE: -0.75,
    Clue.NOT_REPEATED: -2.57,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 0.59,
    Clue.FAR_FROM_LIMIT: -4.87,
    Clue.MAY_REACH_NEAR: -1.99,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.00,
    Clue.ZERO_EBP: 3.73,
    Clue.NO_RETURN: 6.90,
    Clue.NEAR_BASE: 4.90,
    Clue.EARLY_END: -6.02,
    Clue.PREDICTED_ON: -6.59,
    Clue.ALIGNED: 0.10,
    Clue.MAY_REACH: -2.99,
    Clue.MAY_REACH_FAR: -1.28,
    Clue.DEPTH_ALONE: -0.75,
    Clue.NO_TRAP: -8.00,
    Clue.TAIL_REACHED: 2.00,
    Clue.TAIL_POSSIBLE: -2.00,
    Clue.OVERWRITTEN: -3.08,
}

STEP = 3.39  # what a step adds beside the log-probability of its clues
HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
