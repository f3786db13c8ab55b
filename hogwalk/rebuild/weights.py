"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -2.23,
    Clue.UNREAD: 0.13,
    Clue.TRAP_FRAME: 1.06,
    Clue.SYSTEM_CALL: -0.04,
    Clue.KF: 0.00,
    Clue.POINTED_AT: 0.37,
    Clue.SAVED_EBP: 0.59,
    Clue.REACHED: 2.62,
    Clue.STARTED: 1.07,
    Clue.NEAR_TARGET: 0.00,
    Clue.OTHER_TARGET: -8.96,
    Clue.ANY_TARGET: -0.45,
    Clue.TABLE_TARGET: 2.34,
    Clue.NO_TABLE_TARGET: -7.93,
    Clue.DEPTH: 0.77,
    Clue.DEPTH_LIKELY: 3.01,
    Clue.DEPTH_POSSIBLE: -0.00,
    Clue.DEPTH_AT_LEAST: 0.53,
    Clue.DEPTH_OTHER: -8.62,
    Clue.DEPTH_OTHER_LIKELY: -3.01,
    Clue.DEPTH_UNKNOWN: -0.08,
    Clue.DEPTH_UNREAD: 0.25,
    Clue.CHAINED: 2.79,
    Clue.CHAIN_BROKEN: -2.11,
    Clue.EBP_KEPT_WELL: 2.47,
    Clue.EBP_KEPT_BADLY: 0.00,
    Clue.UP_TO_20: -0.08,
    Clue.UP_TO_40: 0.47,
    Clue.UP_TO_80: -0.20,
    Clue.UP_TO_100: -0.61,
    Clue.UP_TO_200: -0.38,
    Clue.UP_TO_400: 0.17,
    Clue.UP_TO_800: -2.69,
    Clue.OVER_800: 1.79,
    Clue.TRAP_HANDLER: 2.10,
    Clue.HOLE: -0.00,
    Clue.SAME_MODULE: 0.40,
    Clue.OTHER_MODULE: -2.26,
    Clue.REPEATED_PAIR: -0.31,
    Clue.REPEATED_SIZE: -1.03,
    Clue.NOT_REPEATED: -2.87,
    Clue.FROM_REGISTERS: 1.08,
    Clue.NOT_REGISTERS: -1.08,
    Clue.REACHES_LIMIT: 2.00,
    Clue.FAR_FROM_LIMIT: -2.74,
    Clue.MAY_REACH_NEAR: 0.00,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 1.10,
    Clue.ZERO_EBP: 0.85,
    Clue.NO_RETURN: 3.59,
    Clue.NEAR_BASE: 3.59,
    Clue.EARLY_END: -1.10,
    Clue.PREDICTED_ON: -4.78,
    Clue.ALIGNED: 0.22,
    Clue.MAY_REACH: 0.00,
    Clue.MAY_REACH_FAR: 0.00,
}

HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
