"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -1.55,
    Clue.UNREAD: -0.71,
    Clue.TRAP_FRAME: 0.01,
    Clue.SYSTEM_CALL: 0.31,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -3.18,
    Clue.SAVED_EBP: -1.37,
    Clue.REACHED: 3.12,
    Clue.STARTED: 0.02,
    Clue.NEAR_TARGET: 0.00,
    Clue.OTHER_TARGET: -5.80,
    Clue.ANY_TARGET: 0.25,
    Clue.TABLE_TARGET: 2.01,
    Clue.NO_TABLE_TARGET: -2.56,
    Clue.DEPTH: 1.81,
    Clue.DEPTH_LIKELY: 1.47,
    Clue.DEPTH_POSSIBLE: 0.00,
    Clue.DEPTH_AT_LEAST: 1.28,
    Clue.DEPTH_OTHER: -10.14,
    Clue.DEPTH_OTHER_LIKELY: -1.47,
    Clue.DEPTH_UNKNOWN: -0.04,
    Clue.DEPTH_UNREAD: -0.71,
    Clue.CHAINED: 6.31,
    Clue.CHAIN_BROKEN: -1.15,
    Clue.EBP_KEPT_WELL: 0.29,
    Clue.EBP_KEPT_BADLY: 0.00,
    Clue.UP_TO_20: -0.28,
    Clue.UP_TO_40: 0.15,
    Clue.UP_TO_80: 0.09,
    Clue.UP_TO_100: -0.59,
    Clue.UP_TO_200: -0.69,
    Clue.UP_TO_400: -1.35,
    Clue.UP_TO_800: -4.60,
    Clue.OVER_800: -1.03,
    Clue.TRAP_HANDLER: 0.34,
    Clue.HOLE: -0.00,
    Clue.SAME_MODULE: 2.05,
    Clue.OTHER_MODULE: -2.10,
    Clue.REPEATED_PAIR: 0.06,
    Clue.REPEATED_SIZE: -0.81,
    Clue.NOT_REPEATED: -2.89,
    Clue.FROM_REGISTERS: 1.08,
    Clue.NOT_REGISTERS: -1.08,
    Clue.REACHES_LIMIT: 2.85,
    Clue.FAR_FROM_LIMIT: -4.56,
    Clue.START_UNKNOWN: 0.87,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 1.17,
    Clue.ZERO_EBP: 0.95,
    Clue.NO_RETURN: 2.39,
    Clue.NEAR_BASE: 2.39,
    Clue.EARLY_END: -1.25,
    Clue.PREDICTED_ON: -3.18,
}

HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
