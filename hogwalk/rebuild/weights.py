"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -4.05,
    Clue.UNREAD: -0.08,
    Clue.TRAP_FRAME: 0.09,
    Clue.SYSTEM_CALL: 0.28,
    Clue.KF: 0.00,
    Clue.POINTED_AT: 0.51,
    Clue.SAVED_EBP: 0.47,
    Clue.REACHED: 3.22,
    Clue.STARTED: 2.09,
    Clue.NEAR_TARGET: 2.00,
    Clue.OTHER_TARGET: -6.94,
    Clue.ANY_TARGET: -0.85,
    Clue.TABLE_TARGET: 2.74,
    Clue.NO_TABLE_TARGET: -8.25,
    Clue.DEPTH: 1.99,
    Clue.DEPTH_LIKELY: 2.67,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -0.17,
    Clue.DEPTH_OTHER: -11.36,
    Clue.DEPTH_OTHER_LIKELY: -3.67,
    Clue.DEPTH_UNKNOWN: 0.00,
    Clue.DEPTH_UNREAD: -0.02,
    Clue.CHAINED: 3.02,
    Clue.CHAIN_BROKEN: -2.39,
    Clue.EBP_KEPT_WELL: 1.76,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: 0.04,
    Clue.UP_TO_40: 0.73,
    Clue.UP_TO_80: 0.07,
    Clue.UP_TO_100: -0.39,
    Clue.UP_TO_200: -0.10,
    Clue.UP_TO_400: 0.96,
    Clue.UP_TO_800: -1.44,
    Clue.OVER_800: -0.06,
    Clue.TRAP_HANDLER: 2.43,
    Clue.HOLE: -1.00,
    Clue.SAME_MODULE: 1.11,
    Clue.OTHER_MODULE: -1.24,
    Clue.REPEATED_PAIR: -0.33,
    Clue.REPEATED_SIZE: -1.05,
    Clue.NOT_REPEATED: -2.94,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 2.25,
    Clue.FAR_FROM_LIMIT: -5.04,
    Clue.MAY_REACH_NEAR: -0.46,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.10,
    Clue.ZERO_EBP: 1.39,
    Clue.NO_RETURN: 4.04,
    Clue.NEAR_BASE: 2.03,
    Clue.EARLY_END: -5.11,
    Clue.PREDICTED_ON: -6.15,
    Clue.ALIGNED: 0.19,
    Clue.MAY_REACH: -2.60,
    Clue.MAY_REACH_FAR: -5.04,
    Clue.DEPTH_ALONE: 1.52,
    Clue.NO_TRAP: -8.00,
    Clue.TAIL_REACHED: 2.00,
    Clue.TAIL_POSSIBLE: -2.00,
}

HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
