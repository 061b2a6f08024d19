"""Nothing is lost, nothing is dealt twice, nobody goes empty, and the same seed deals the same."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.workload import WorkloadError
from energyprof.workloads.data.split import split_of


@pytest.mark.slow
@given(
    name=st.sampled_from(["iid", "dirichlet:0.3", "dirichlet:100", "natural"]),
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=120),
    clients=st.integers(1, 12),
    seed=st.integers(0, 5),
)
@settings(deadline=None)
def test_every_item_is_dealt_once_and_nobody_goes_empty_or_one_line_says_why(name, labels, clients, seed):
    groups = [f"speaker {item // 3}" for item in range(len(labels))]
    try:
        parts = split_of(name).parts(labels, groups, clients, seed)
    except WorkloadError as error:
        assert "--clients" in str(error) and "\n" not in str(error)
        return
    assert len(parts) == clients and all(parts)
    assert sorted(item for part in parts for item in part) == list(range(len(labels)))
    assert all(part == tuple(sorted(part)) for part in parts)
    assert split_of(name).parts(labels, groups, clients, seed) == parts


def test_even_parts_differ_by_one_and_with_the_seed():
    split = split_of("iid")
    first = split.parts([0] * 10, [0] * 10, 4, 1)
    assert sorted(map(len, first)) == [2, 2, 3, 3]
    assert split.parts([0] * 10, [0] * 10, 4, 2) != first


def test_a_small_concentration_gives_each_client_few_labels_and_a_large_one_all():
    labels = [item % 10 for item in range(5000)]

    def share_of_commonest(name):
        parts = split_of(name).parts(labels, labels, 10, 3)
        most = [max(Counter(labels[item] for item in part).values()) / len(part) for part in parts]
        return sum(most) / len(most)

    assert share_of_commonest("dirichlet:0.05") > 0.5
    assert share_of_commonest("dirichlet:10000") < 0.12


@pytest.mark.slow
def test_dirichlet_shares_have_their_mean_and_variance():
    """Of Dirichlet(A, …, A) over k: mean 1/k, variance (k − 1) / (k² (kA + 1))."""
    split, k = split_of("dirichlet:2"), 4
    shares = [
        len(part) / 4000 for seed in range(400) for part in split.parts([0] * 4000, [0] * 4000, k, seed)
    ]
    mean = sum(shares) / len(shares)
    variance = sum((share - mean) ** 2 for share in shares) / len(shares)
    assert mean == pytest.approx(1 / k)
    assert variance == pytest.approx((k - 1) / (k**2 * (k * 2 + 1)), rel=0.12)


def test_natural_groups_stay_whole_and_are_dealt_to_who_has_least():
    groups = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["d"] * 1
    assert split_of("natural").parts([0] * 11, groups, 2, 9) == ((0, 1, 2, 3, 4, 10), (5, 6, 7, 8, 9))


@pytest.mark.parametrize(
    ("name", "items", "groups", "clients", "words"),
    [
        ("iid", 3, 3, 4, "3 training items cannot be dealt to 4: use --clients (or --parts) 3 or fewer"),
        ("dirichlet:1", 3, 3, 4, "3 training items cannot be dealt to 4"),
        (
            "natural",
            9,
            2,
            3,
            "2 groups, which a natural split keeps whole, cannot be dealt to 3: use --clients (or --parts) 2",
        ),
        ("dirichlet:0.0001", 50, 1, 20, "split dirichlet:0.0001 leaves one of 20 without a sample"),
        ("dirichlet:1e-300", 50, 1, 20, "leaves one of 20 without a sample"),
    ],
)
def test_who_would_go_empty_is_said_in_one_line(name, items, groups, clients, words):
    with pytest.raises(WorkloadError) as error:
        split_of(name).parts([0] * items, [item % groups for item in range(items)], clients, 0)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "IID", "dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1",
                                  "dirichlet:nan", "dirichlet:inf", "dirichlet:x", "natural:2"])  # fmt: skip
def test_what_is_no_split_is_one_line(name):
    with pytest.raises(WorkloadError, match=r"unknown split .*: use iid, dirichlet:A"):
        split_of(name)


def test_items_of_unknown_origin_have_no_natural_split():
    assert split_of("iid").parts([0, 1], None, 1, 0) == ((0, 1),)
    with pytest.raises(WorkloadError, match="nobody knows where these training items come from: use iid"):
        split_of("natural").parts([0, 1], None, 1, 0)
