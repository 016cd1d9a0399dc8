"""Draws how often each probe speaks as its planted fault grows, and tabulates the self-test for readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from textwrap import wrap

from ..probes.testing import Trial
from ._trials_matrix import UNSETTLED, WORLDS
from .selftest import MOST_ALARMS, NOMINAL, Rate, Row, Selftest

STEPS, LETTERS = 6, 56
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 234, 46, 14, 34, 58

INTRODUCTION = """# Self-test

`audit selftest` tries every probe in worlds whose answer is known, and exits with 1 if one misses a bar. A
world has one dial: at 0 nothing is wrong, so every rejection is a false alarm; at the bound the true effect
equals what the probe's criterion allows; where the fault is planted the probe must speak. A rejection is the
verdict "fail" of the criterion named under "judged". Bars: at 0 the upper 95 % bound of the rate of false
alarms is at most {alarms:.0%}; at the bound no more rejections than a rate of {nominal:.0%} allows (99 %);
planted faults are found in at least 90 % of worlds.

"End to end": a planted model answered the probe's own questions. "Estimate alone": the answers were sampled
with the truth known, so the rates are those of the statistics and say nothing of the asking.

This table rests on {seeds} worlds a dial ({seconds:.0f} s); counts are rejections of worlds, intervals are
Clopper-Pearson, each end at 95 %. Made by `audit selftest --full docs --seeds {seeds}`.
"""


def grid(trial: Trial) -> tuple[float, ...]:
    """Dials from 0 to where the fault is planted, and the bound."""
    steps = {trial.planted * step / STEPS for step in range(STEPS + 1)}
    bound = () if trial.bound is None else (trial.bound,)
    return tuple(sorted(steps | {trial.planted, *bound}))


def write_power(result: Selftest, folder: Path) -> tuple[Path, ...]:
    """Write the curves as JSON, one picture a probe, and the table; return what was written."""
    pictures = folder / "images" / "power"
    pictures.mkdir(parents=True, exist_ok=True)
    written = {folder / "selftest.json": result.to_json(), folder / "selftest.md": table(result)}
    for row in result.rows:
        if row.curve:
            written[pictures / f"{row.probe}.svg"] = picture(row)
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    return tuple(written)


def table(result: Selftest) -> str:
    """The self-test as markdown: what was run, what was not, and the matrix of faults and probes."""
    text = INTRODUCTION.format(
        alarms=MOST_ALARMS, nominal=NOMINAL, seeds=result.seeds, seconds=result.seconds
    )
    heads = ("probe", "judged", "dial", "false alarms", "at the bound", "planted", "how", "bars")
    rows = [_cells(row) for row in result.rows]
    untried = [f"Not tried: {', '.join(result.not_run)}."] if result.not_run else []
    return "\n".join([text, *_markdown(heads, rows), "", *untried, *_matrix()]) + "\n"


def picture(row: Row) -> str:
    """One power curve as SVG: the share of worlds rejected over the dial, with its interval."""
    first, last = row.curve[0].dial, row.curve[-1].dial

    def x(dial: float) -> float:
        return LEFT + (dial - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
        return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {look}/>'

    def text(at: float, height: float, words: str, anchor: str) -> str:
        return f'<text x="{at:.1f}" y="{height:.1f}" text-anchor="{anchor}">{escape(words)}</text>'

    faint, ends = 'stroke="#999" stroke-width="0.7"', 'stroke="#1f5f8b" stroke-width="1.2"'
    body = [text(LEFT, 20, row.probe, "start"), line(LEFT, y(0), WIDTH - RIGHT, y(0), faint)]
    for share in (NOMINAL, 0.5, 1.0):
        body.append(line(LEFT, y(share), WIDTH - RIGHT, y(share), f'{faint} stroke-dasharray="2 3"'))
        body.append(text(LEFT - 6, y(share) + 4, f"{share:.0%}", "end"))
    if row.at_bound is not None:
        at = x(row.at_bound.dial)
        body.append(line(at, y(0), at, y(1), 'stroke="#b3541e" stroke-dasharray="4 3"'))
        body.append(text(at, TOP - 4, "bound", "middle"))
    for point in row.curve:
        body.append(line(x(point.dial), y(point.low), x(point.dial), y(point.high), ends))
    points = " ".join(f"{x(point.dial):.1f},{y(point.share):.1f}" for point in row.curve)
    body.append(f'<polyline points="{points}" fill="none" {ends}/>')
    body += [text(x(dial), y(0) + 15, f"{dial:g}", "middle") for dial in (first, last)]
    for place, words in enumerate(wrap(row.dial, LETTERS)[:2]):
        body.append(text(WIDTH / 2, y(0) + 32 + 14 * place, words, "middle"))
    return _svg(row, body)


def _svg(row: Row, body: Sequence[str]) -> str:
    said = "; ".join(f"{point.dial:g}: {_count(point)}" for point in row.curve)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
            f' width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11" fill="#222">',
            f"<title>How often {escape(row.probe)} speaks as its planted fault grows</title>",
            f"<desc>Worlds rejected, by {escape(row.dial)}: {escape(said)}</desc>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _cells(row: Row) -> tuple[str, ...]:
    if row.found is None:
        return (row.probe, "", "", "", "", "", "", f"{row.standing}: {row.why}" if row.why else row.standing)
    return (
        f"[{row.probe}](images/power/{row.probe}.svg)" if row.curve else row.probe,
        row.gate,
        row.dial,
        _count(row.alarms),
        f"{_count(row.at_bound)} at {row.at_bound.dial:g}" if row.at_bound else "no closed form",
        f"{_count(row.found)} at {row.found.dial:g}",
        "end to end" if row.asked else "estimate alone",
        f"{row.standing}: {row.why}" if row.why else row.standing,
    )


def _count(rate: Rate | None) -> str:
    return f"{rate.rejected}/{rate.worlds} ({rate.low:.1%} to {rate.high:.1%})" if rate else ""


def _matrix() -> Iterator[str]:
    """The dial x probe matrix in words."""
    yield "\n## Which probe speaks on which fault\n"
    yield (
        "A slow test puts every probe that can be asked to these planted models. Probes that are named in"
        " neither column must be silent.\n"
    )
    rows = [
        (world.family, world.fault, _listed(world.must), _listed(world.may), world.because)
        for world in WORLDS
    ]
    yield from _markdown(("model", "fault", "must fire", "may fire", "since"), rows)
    open_ones = [f"{family}: {_listed(names)}" for family, names in UNSETTLED.items() if names]
    yield f"\nQuestions without a known answer, since no dial says: {'; '.join(open_ones)}."


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
