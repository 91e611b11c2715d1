"""The checks for hidden gradients, on outcomes whose counts are known."""

import pandas as pd
import pytest

from jpegstudy import statistics
from jpegstudy.errors import BadInput
from jpegstudy.statistics import masking_words

N = 50
RIGHT = {  # of images 0 to 49 those below are right
    "none": 45, "noise": 44, "transfer": 30, "single step": 20, "half": 15, "as given": 5, "double": 2, "large": 0,
    "twice the steps": 4, "three restarts": 4, "square": 25, "frozen": 3, "undefended": 1,
}  # fmt: skip


def outcomes(rights=RIGHT, defense="JPG75", n=N):
    parts = [
        pd.DataFrame({"defense": defense, "trial": trial, "image": range(n), "linf": 1.0}).assign(
            right=[image < right for image in range(n)]
        )
        for trial, right in rights.items()
    ]
    return pd.concat(parts, ignore_index=True)


def judged(changes=None, table=None, **options):
    table = outcomes(RIGHT | (changes or {})) if table is None else table
    return statistics.judge_masking(table, chance=0.001, **options).set_index("check")


def number(check, found):
    (row,) = found[found.index.str.startswith(f"{check} ")].itertuples()
    return row


def test_what_is_as_it_should_be_holds():
    found = judged()
    held = found["held"]
    assert held[held.notna()].all()
    assert number(1, found).found == "right 5 <= 20 of 50"
    assert number(2, found).found == "right 0 <= 2 <= 5 <= 15 of 50"
    assert number(3, found).found == "right 0 of 50 [0.00, 0.07], chance 0.001"
    assert number(4, found).found == "right 5 -> 4 of 50; 1 differ, p = 1"
    assert list(found["found"][found.index.str.startswith("6")]) == ["0 of 15 escape, n = 50", "0 of 1 escape, n = 50"]
    assert number(10, found).found == "45 of 50 [0.79, 0.96]"
    assert number(11, found).found == "4 of 50 [0.03, 0.19]; 5 under PGD alone"
    assert [number(check, found).held for check in (10, 11, 12, 13)] == [None] * 4


VIOLATIONS = [
    (1, {"single step": 4}, "right 5 > 4 of 50 (p = 1)"),
    (2, {"double": 6}, "right 0 <= 6 > 5 <= 15 of 50 (p = 1)"),
    (3, {"large": 6}, "right 6 of 50 [0.06, 0.24], chance 0.001"),
    (4, {"as given": 15, "twice the steps": 5}, "right 15 -> 5 of 50; 10 differ, p = 0.002"),
    (5, {"as given": 15, "three restarts": 5}, "right 15 -> 5 of 50; 10 differ, p = 0.002"),
    (7, {"square": 2}, "right 5 > 2 of 50 (p = 0.25)"),
    (8, {"frozen": 6}, "right 6 > 5 of 50 (p = 1)"),
    (9, {"undefended": 25}, "right 25 of 50"),
]


@pytest.mark.parametrize(("check", "changes", "told"), VIOLATIONS, ids=[str(check) for check, *_ in VIOLATIONS])
def test_each_check_fails_where_its_counts_say_so(check, changes, told):
    row = number(check, judged(changes))
    assert row.held is False
    assert row.found == told


def test_images_that_escape_are_counted_one_by_one():
    table = outcomes(RIGHT | {"transfer": 6})
    knowing, transfer = table["trial"] == "as given", table["trial"] == "transfer"
    table.loc[knowing & table["image"].isin([20, 21]), "right"] = True  # transfer broke them: 5 + 2 are right
    found = judged(table=table)
    check = "6 knowing breaks what transfer breaks"
    assert (found["found"][check], found["held"][check]) == ("2 of 39 escape, n = 50", False)
    table.loc[transfer & (table["image"] == 20), "right"] = True
    assert judged(table=table)["held"][check] is True  # one of 50 may
    table.loc[knowing & (table["image"] == 47), "right"] = True  # wrong by itself: no attack broke it
    assert judged(table=table)["found"][check] == "1 of 38 escape, n = 50"


def test_little_is_little_among_many_images_too():
    rights = {trial: 20 * right for trial, right in RIGHT.items()}
    row = number(4, judged(table=outcomes(rights | {"twice the steps": 90}, n=1000)))
    assert row.found == "right 100 -> 90 of 1000; 10 differ, p = 0.002"  # told apart, and a hundredth
    assert row.held is True
    assert number(4, judged(table=outcomes(rights | {"twice the steps": 79}, n=1000))).held is False


def test_one_image_of_few_is_nearly_none():
    few = outcomes().query("image < 20")
    assert number(3, judged(table=few.assign(right=few["right"] & (few["image"] < 1)))).held is True
    assert number(3, judged(table=few.assign(right=few["right"] | (few["image"] < 2)))).held is False


def test_gradients_are_held_against_zero_and_told_beside_the_bare_networks():
    def gradients(defense, zeros, fine, coarse):
        rows = {"image": range(10), "zeros": zeros, "fine": [fine + 0.1 * (-1) ** k for k in range(10)]}
        return pd.DataFrame({"defense": defense, **rows, "coarse": coarse})

    bare = gradients("none", 0.02, 0.9, 0.8)
    found = judged(diagnostics=pd.concat([gradients("JPG75", 0.0, 0.5, 0.25), bare]))
    assert [number(check, found).held for check in (12, 13)] == [True, True]
    assert number(12, found).found == "0.00 of the entries are 0 (n = 10)"
    expected = "fine 0.50 [0.43, 0.57], undefended 0.90; coarse 0.25 [0.25, 0.25], undefended 0.80 (n = 10)"
    assert number(13, found).found == expected
    found = judged(diagnostics=gradients("JPG75", 1.0, 0.0, 0.0))
    assert [number(check, found).held for check in (12, 13)] == [False, False]
    assert number(13, judged(diagnostics=bare)).found == "not measured"


def test_the_table_has_a_row_for_each_check_and_a_column_for_each_defense():
    rights = {**RIGHT, "single step": 4}
    del rights["frozen"]
    both = statistics.judge_masking(pd.concat([outcomes(), outcomes(rights, "BITS3")]), chance=0.001)
    table = masking_words.masking_table(both)
    assert list(table.columns) == ["JPG75", "BITS3"]
    assert len(table) == 14
    assert [row.partition(" ")[0] for row in table.index] == [*map(str, [*range(1, 7), *range(6, 14)])]
    assert table.loc["1 iterated at least as strong as one step"].tolist() == [
        "yes: right 5 <= 20 of 50", "NO: right 5 > 4 of 50 (p = 1)",
    ]  # fmt: skip
    assert table.loc["8 frozen randomness is broken", "BITS3"] == "nothing is random"
    assert table.loc["10 right without an attack", "JPG75"] == "45 of 50 [0.79, 0.96]"
    assert masking_words.masking_in_words(both) == [
        "JPG75: all 10 checks that apply hold.",
        "BITS3: 1 of 9 checks that apply fail: 1 iterated at least as strong as one step (right 5 > 4 of 50 (p = 1)).",
    ]


def test_outcomes_that_are_not_whole_are_refused():
    table = outcomes()
    with pytest.raises(BadInput, match="outcomes of JPG75 lack the trial 'square'"):
        judged(table=table[table["trial"] != "square"])
    with pytest.raises(BadInput, match="trials of different images"):
        judged(table=table.drop(index=3))
    with pytest.raises(BadInput, match="chance is 1; wanted the accuracy of guessing"):
        statistics.judge_masking(table, chance=1)
