"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -3.96,
    Clue.UNREAD: -1.65,
    Clue.TRAP_FRAME: -0.02,
    Clue.SYSTEM_CALL: -0.33,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.27,
    Clue.SAVED_EBP: -0.93,
    Clue.ALIGNED: 0.33,
    Clue.REACHED: 6.21,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.00,
    Clue.TAIL_REACHED: 1.97,
    Clue.TAIL_POSSIBLE: -2.03,
    Clue.OTHER_TARGET: -10.25,
    Clue.ANY_TARGET: 0.07,
    Clue.TABLE_TARGET: 4.46,
    Clue.NO_TABLE_TARGET: -6.26,
    Clue.DEPTH: -0.76,
    Clue.DEPTH_ALONE: -1.42,
    Clue.DEPTH_LIKELY: 3.57,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -0.87,
    Clue.DEPTH_OTHER: -9.31,
    Clue.DEPTH_OTHER_LIKELY: -4.54,
    Clue.DEPTH_UNKNOWN: -1.62,
    Clue.DEPTH_UNREAD: -1.74,
    Clue.CHAINED: 4.19,
    Clue.CHAIN_BROKEN: -1.30,
    Clue.EBP_KEPT_WELL: 0.76,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: 0.67,
    Clue.UP_TO_40: 0.47,
    Clue.UP_TO_80: 0.36,
    Clue.UP_TO_100: 0.12,
    Clue.UP_TO_200: 0.11,
    Clue.UP_TO_400: 2.04,
    Clue.UP_TO_800: -1.89,
    Clue.OVER_800: -0.05,
    Clue.TRAP_HANDLER: -0.32,
    Clue.NO_TRAP: -1.95,
    Clue.HOLE: -1.04,
    Clue.SAME_MODULE: -0.54,
    Clue.OTHER_MODULE: -3.12,
    Clue.REPEATED_PAIR: -0.08,
    Clue.REPEATED_SIZE: -0.40,
    Clue.NOT_REPEATED: -2.32,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 1.03,
    Clue.FAR_FROM_LIMIT: -4.37,
    Clue.MAY_REACH_NEAR: -1.11,
    Clue.MAY_REACH: -2.79,
    Clue.MAY_REACH_FAR: -3.14,
    Clue.BEHIND_HOLE: 0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.01,
    Clue.ZERO_EBP: 3.15,
    Clue.NO_RETURN: 5.41,
    Clue.NEAR_BASE: 3.32,
    Clue.EARLY_END: -6.02,
    Clue.PREDICTED_ON: -5.47,
}

STEP = 3.65  # what a step adds beside the log-probability of its clues
HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
