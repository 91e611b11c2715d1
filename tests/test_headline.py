import pytest

from jpegstudy import headline
from jpegstudy.errors import BadInput


def write_table(folder, measure, *names):
    rows = [f"{name},4,0.{place + 1},0.0,1.0\n" for place, name in enumerate(names)]
    (folder / "table1.csv").write_text(f"modification,n,{measure},{measure}_low,{measure}_high\n{''.join(rows)}")
    return headline.rates(folder)


def test_the_smallest_attack_and_jpeg_on_top_of_it_are_told(tmp_path):
    rate, rates = write_table(tmp_path, "top1", "x", "Adv1(x)", "Adv5(x)", "JPG(x)", "JPG(Adv1(x))", "JPG(Adv5(x))")
    assert rate == "top1"
    assert [(name, told) for name, told, _ in rates] == [
        ("x", "10.0 %"), ("Adv1(x)", "20.0 %"), ("JPG(Adv1(x))", "50.0 %"),
    ]  # fmt: skip
    assert rates[0][2] == "[0.0, 100.0]"


def test_a_study_of_other_epsilons_and_qualities_has_a_headline_too(tmp_path):
    names = ["x", "Adv2(x)", "JPG90(x)", "JPG90(Adv2(x))", "JPG50-444(Adv2(x))", "JPGnoise90(Adv2(x))"]
    _, rates = write_table(tmp_path, "top1", *names)
    assert [name for name, *_ in rates] == ["x", "Adv2(x)", "JPG90(Adv2(x))"]


def test_quality_75_is_told_where_it_was_measured(tmp_path):
    _, rates = write_table(tmp_path, "top1", "x", "Adv1(x)", "JPG30(Adv1(x))", "JPG(Adv1(x))")
    assert rates[2][0] == "JPG(Adv1(x))"


def test_a_run_that_stopped_early_tells_what_it_has(tmp_path):
    _, rates = write_table(tmp_path, "top1", "x")
    assert [name for name, *_ in rates] == ["x"]
    assert headline.rates(tmp_path / "nothing") == (None, [])


def test_without_labels_the_rate_is_called_agreement(tmp_path):
    (tmp_path / "table1.csv").write_text("modification,n,agreement,agreement_low,agreement_high\nx,4,1.0,,\n")
    assert headline.rates(tmp_path) == ("agreement", [("x", "100.0 %", "")])


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "modification,top1\n", "\udcff".encode("utf-8", "surrogateescape")])
def test_a_file_that_is_no_table_is_told(tmp_path, text):
    (tmp_path / "table1.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput, match=r"table1.csv is no table of results; run 05_analysis again"):
        headline.rates(tmp_path)
