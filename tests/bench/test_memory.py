from jpegstudy import bench
from jpegstudy.bench import memory


def test_the_memory_bench_compares_two_numbers_of_images(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JPEGSTUDY_ROOT", str(tmp_path))  # no demo set, no demo network
    assert bench.main(["memory", "--images=3", "--few=2", "--batch-size=1"]) == 0
    printed = capsys.readouterr().out
    assert "many / few: " in printed
    assert printed.count("04 ") == 2


def test_the_peak_is_of_this_process_and_never_falls():
    before = memory.peak()
    block = b"1" * 2**26
    assert memory.peak() >= before > 10  # MiB; Python alone needs that
    del block
    assert memory.peak() >= before
