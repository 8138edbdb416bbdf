"""What the benchmarks rest on: turns, medians, bars, and a record of it all. The timings themselves are not for tests."""

import json
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmarks import __main__ as bench
from benchmarks import common, machine, peers, soak
from benchmarks.common import Row

ROOT = Path(__file__).parent.parent


def test_sides_take_turns_and_the_first_calls_of_a_burst_do_not_count():
    calls, now = [], iter(range(1000))

    def one():
        calls.append("one")

    def other():
        calls.append("other")
        return 0.5 if calls.count("other") % 3 else 99.0  # timed by itself; the third call of a burst is slow

    found = common.in_turn({"one": one, "other": other}, rounds=2, clock=lambda: float(next(now)), burst=3, warming=0)
    assert calls == ["one"] * 3 + ["other"] * 6 + ["one"] * 3
    assert found == {"one": [1.0, 1.0], "other": [0.5, 0.5]}
    warmed = common.in_turn({"other": other}, rounds=2, burst=3, warming=2)
    assert warmed == {"other": [99.0, 99.0]}


def test_a_ratio_is_that_of_rounds_not_of_medians():
    found = {"ours": [1.0, 10.0, 2.0], "theirs": [3.0, 30.0, 6.0]}  # a machine that slows down for a while
    assert common.ratio(found, "theirs", "ours") == (3.0, 3.0, 3.0)
    assert common.spread([4.0, 1.0, 2.0, 3.0], 10) == (25.0, 17.5, 32.5)


@pytest.mark.parametrize(
    ("ratio", "bar", "holds"),
    [
        ((15.1, 14.0, 16.0), (">=", 15), True),
        ((14.9, 14.0, 16.0), (">=", 15), False),
        (None, ("<=", 200), True),
        (None, ("<=", 100), False),
        (None, None, None),
    ],
)
def test_a_bar_is_for_the_ratio_or_else_the_value(ratio, bar, holds):
    row = Row("memory", "export", 150, 149, 151, "MB", bar=bar)
    assert (row.over("ours", ratio, bar) if ratio else row).holds is holds


def test_rows_become_a_table_a_record_and_a_plot(tmp_path, capsys):
    options = common.parse(common.parser_for("A benchmark.", rounds=5), ["--json", str(tmp_path / "rows.json")])
    ours = Row("90 tokens [fp32]", "large, cls", 100.0, 90.0, 110.0, "ms")
    peer = Row("90 tokens [fp32]", "BLIP-base", 4321.0, 4300.0, 4400.0, "ms", "peer", note="eager")
    peer.over("large, cls", (43.2, 41.0, 44.0), (">=", 50))
    common.finish([ours, peer], options, common.calibrate(), extra=1)
    printed = capsys.readouterr().out
    assert re.search(
        r"BLIP-base \(eager\) +4,321 +\[4,300, 4,400\] +ms +43.20x large, cls +.*>= 50 +falls short", printed
    )
    assert "GFLOP/s" in printed and "load average" in printed
    record = json.loads((tmp_path / "rows.json").read_text())
    assert record["extra"] == 1 and record["rounds"] == 5
    rows = bench.rows_in(record)
    assert rows[0] == ours and rows[1].holds is False
    console = Console(width=160)
    with console.capture() as captured:
        console.print(bench.bars_table(rows))
    assert re.search(r"BLIP-base +>= 50 +43.20x large, cls +falls short", captured.get())
    bench.draw(rows, "a machine", tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_the_machine_says_what_it_is():
    found = machine.describe()
    assert found["processor"] and found["cores"] >= found["cores_allowed"] >= 1
    assert found["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    for size, level in machine.caches():
        assert machine.level_of(size).startswith(f"L{level}") and size < 2**32
    json.dumps(found)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("BLIP-base", 224),
        ("GIT-base", 177),
        ("GIT-large", 394),
        ("SmolVLM-256M", 256),
        ("SigLIP-B/16 + SmolLM2-135M", 222),
        ("Kosmos-2", 1665),
    ],
)
def test_peers_have_their_published_sizes(name, millions):
    with torch.device("meta"):
        model, _ = peers.PEERS[name]()
    assert model.num_parameters() / 1e6 == pytest.approx(millions, abs=1)


def test_only_a_model_whose_cache_changes_nothing_is_timed(make_model):
    model = make_model("pooled").eval()
    ids = torch.full((1, model.config.image_seq_length + 1), model.config.image_token_id)
    ids[0, -1] = 5
    inputs = {"input_ids": ids, "pixel_values": torch.randn(1, 3, 64, 64)}
    assert len(peers.writer((model, inputs), "ours")(7)) == 7
    generate = model.generate
    model.generate = lambda **settings: generate(**settings) + (not settings.get("use_cache", True))
    with pytest.raises(RuntimeError, match="ours writes .* with its cache and .* without"):
        peers.writer((model, inputs), "ours")


def test_memory_that_grows_in_the_second_half_is_found():
    seconds = [float(i) for i in range(200)]
    warming = [
        500 + min(i, 90) + (i % 2) for i in range(200)
    ]  # grows until its caches are full, then up and down by 1
    assert abs(soak.growth(seconds, warming)[0]) < 1
    leaking = [500 + 0.2 * i + (i % 2) for i in range(200)]
    rise, hourly = soak.growth(seconds, leaking)
    assert rise == pytest.approx(20, abs=1) and hourly == pytest.approx(720, abs=20)


def test_every_benchmark_can_be_named_and_says_how():
    for name in bench.QUICK:
        source = (ROOT / "benchmarks" / f"{name}.py").read_text()
        assert f"python -m benchmarks.{name}" in source and "finish(" in source
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
