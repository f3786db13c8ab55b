"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -6.26,
    Clue.UNREAD: -0.25,
    Clue.TRAP_FRAME: -0.01,
    Clue.SYSTEM_CALL: 0.06,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.08,
    Clue.SAVED_EBP: -0.31,
    Clue.REACHED: 5.31,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.00,
    Clue.OTHER_TARGET: -13.00,
    Clue.ANY_TARGET: -2.63,
    Clue.TABLE_TARGET: 5.20,
    Clue.NO_TABLE_TARGET: -5.79,
    Clue.DEPTH: -0.67,
    Clue.DEPTH_LIKELY: 3.27,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -2.63,
    Clue.DEPTH_OTHER: -11.05,
    Clue.DEPTH_OTHER_LIKELY: -4.27,
    Clue.DEPTH_UNKNOWN: 0.01,
    Clue.DEPTH_UNREAD: -1.11,
    Clue.CHAINED: 4.08,
    Clue.CHAIN_BROKEN: -2.64,
    Clue.EBP_KEPT_WELL: 2.67,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: -0.60,
    Clue.UP_TO_40: -0.10,
    Clue.UP_TO_80: -0.58,
    Clue.UP_TO_100: -0.92,
    Clue.UP_TO_200: -0.38,
    Clue.UP_TO_400: 1.00,
    Clue.UP_TO_800: -2.16,
    Clue.OVER_800: -0.01,
    Clue.TRAP_HANDLER: 1.64,
    Clue.HOLE: -1.19,
    Clue.SAME_MODULE: 0.34,
    Clue.OTHER_MODULE: -1.36,
    Clue.REPEATED_PAIR: -0.12,
    Clue.REPEATED_SIZE: -0.50,
    Clue.NOT_REPEATED: -2.37,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 0.88,
    Clue.FAR_FROM_LIMIT: -5.21,
    Clue.MAY_REACH_NEAR: -2.87,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.00,
    Clue.ZERO_EBP: 3.82,
    Clue.NO_RETURN: 8.29,
    Clue.NEAR_BASE: 6.28,
    Clue.EARLY_END: -14.00,
    Clue.PREDICTED_ON: -8.22,
    Clue.ALIGNED: 0.00,
    Clue.MAY_REACH: -3.92,
    Clue.MAY_REACH_FAR: 0.10,
    Clue.DEPTH_ALONE: -1.07,
    Clue.NO_TRAP: -14.00,
    Clue.TAIL_REACHED: 2.00,
    Clue.TAIL_POSSIBLE: -2.00,
    Clue.OVERWRITTEN: 0.00,
}

STEP = 4.39  # what a step adds beside the log-probability of its clues
HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
