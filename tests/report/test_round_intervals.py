"""When rounds end: with the evaluation that follows, or at once where a round brings its score along."""

import math

import pytest

from energyprof.report.round_intervals import Evaluation, RoundEnd, round_intervals


def end(time_s, number, score=None):
    return RoundEnd(time_s, number, {}, (), score)


def evaluation(time_s, score):
    return Evaluation(8, score, time_s, 8)


@pytest.mark.parametrize(
    ("ends", "evaluations", "expected"),
    [
        ([end(4, 1)], [evaluation(5, 0.5)], [(1, 1, 5, 0.5)]),
        ([end(4, 1), end(7, 2)], [evaluation(5, 0.5), evaluation(9, 0.6)], [(1, 1, 5, 0.5), (2, 5, 9, 0.6)]),
        # A score of its own ends a round there, whatever is evaluated later.
        ([end(4, 1, 0.9), end(7, 2)], [evaluation(9, 0.6)], [(1, 1, 4, 0.9), (2, 4, 9, 0.6)]),
        ([end(4, 1, 0.9), end(7, 2, 0.8)], [], [(1, 1, 4, 0.9), (2, 4, 7, 0.8)]),
        ([end(4, 1, math.nan)], [], [(1, 1, 4, None)]),
        ([end(4, 1)], [], []),
    ],
)
def test_a_round_lasts_from_the_end_of_the_one_before_to_its_score(ends, evaluations, expected):
    found = round_intervals(ends, evaluations, (), (1.0, 9.0))
    # What follows the last score is the last round's.
    expected = [*expected[:-1], (*expected[-1][:2], 9, expected[-1][3])] if expected else []
    assert [(one.number, one.start_s, one.end_s, one.score) for one in found] == expected
