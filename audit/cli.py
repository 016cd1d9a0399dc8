"""The command `audit`: what can be typed, what is printed, and the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="audit",
    help="Audits of generative recommender systems: verdicts with error bars, and a report people can read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Run = Annotated[str, typer.Argument(help="a run: its id, its folder, its record.json, or latest")]
Words = Annotated[list[str] | None, typer.Option()]


def main() -> None:
    """Run the command; every expected problem is one sentence and its exit code."""
    # Read when PyTorch loads: on a busy machine, threads that wait by spinning slow training several times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except Exception as problem:  # the outermost boundary: nobody is left to handle it
        from ._printing import explain

        sys.exit(explain(problem))


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"recaudit {__version__}")
        raise typer.Exit


@app.callback()
def _audit(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    which: Annotated[str | None, typer.Argument(metavar="[RUN]", help="with --resume: the run")] = None,
    model: Annotated[
        str | None, typer.Option(help="a model's name, or your own: module:attribute, file.py:attribute")
    ] = None,
    recorded: Annotated[Path | None, typer.Option(help="a table of recorded lists, for a model")] = None,
    data: Annotated[str | None, typer.Option(help="a data set's name (see `audit data`)")] = None,
    data_path: Annotated[Path | None, typer.Option(help="where the data lie")] = None,
    base: Annotated[str | None, typer.Option(help="what the model is tuned from: a path or hub name")] = None,
    preset: Annotated[str | None, typer.Option(help="one of the model's presets")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE for the model, data.KEY=VALUE, PROBE.KEY=VALUE"),
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="which probes: quick (trains nothing), standard (the default) or full")
    ] = None,
    probe: Annotated[list[str] | None, typer.Option(help="run only this probe; may be repeated")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="leave this probe out; may be repeated")] = None,
    seed: Annotated[str | None, typer.Option(help="decides every random choice; 0 by default")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="the organisation's bounds; decides the exit code")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the results instead of audits/<id>")] = None,
    config: Annotated[Path | None, typer.Option(help="instead of audit.toml in this folder")] = None,
    show_users: Annotated[bool, typer.Option("--show-users", help="no pseudonyms in the evidence")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list what would be done")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the last run, or with RUN")] = False,
) -> None:
    """Audit a recommender and write a report."""
    from . import _printing as printing
    from .commands import prepare_run
    from .progress import shown
    from .runner import conduct, planned

    flags: dict[str, Any] = {
        "model": model,
        "recorded": recorded,
        "data": data,
        "data_path": data_path,
        "base": base,
        "preset": preset,
        "suite": suite,
        "probes": probe,
        "skip": skip,
        "seed": seed,
        "policy": policy,
        "out": out,
        "show_users": show_users or None,
    }
    asked, folder = prepare_run(flags, settings or [], file=config, resume=resume, which=which)
    with shown() as listener:
        if dry_run:
            jobs = planned(asked, listener=listener)
        else:
            folder = conduct(asked, command=" ".join(sys.argv[1:]), listener=listener, folder=folder)
    if dry_run or folder is None:
        printing.plan(jobs)
        return
    raise typer.Exit(printing.result(folder, gated=asked.policy is not None))


@app.command("list")
def list_(
    what: Annotated[
        str, typer.Argument(help="models, probes, data, trainers, reports, or all of them")
    ] = "all",
) -> None:
    """List what there is, in one line each."""
    from ._printing import listing

    listing(what)


@app.command()
def data(where: Annotated[Path | None, typer.Option("--data-path", help="also look here")] = None) -> None:
    """List the data sets: how large, on which terms, and where they were found."""
    from ._printing import datasets

    datasets(where)


@app.command()
def report(
    which: Run = "latest",
    to: Annotated[str, typer.Option(help="formats, with commas between (see `audit list reports`)")] = "html",
    index: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="instead, one page over all runs in this folder")
    ] = None,
) -> None:
    """Write a run's report again from its record."""
    from .commands import indexed, rendered

    if index is not None:
        typer.echo(f"History: {indexed(index)}")
        return

    for path in rendered(which, to):
        typer.echo(f"Report: {path}")


@app.command()
def gate(
    which: Run = "latest",
    policy: Annotated[Path | None, typer.Option(help="the organisation's bounds, TOML")] = None,
    baseline: Annotated[str | None, typer.Option(help="an earlier run; this may not be worse")] = None,
    init: Annotated[bool, typer.Option("--init", help="write a first policy for this run and stop")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="also say how every bounded row stands")] = False,
) -> None:
    """Judge a run by a policy; the exit code tells the verdict.

    0 passed, 1 failed, 2 wrong usage, 3 unfinished, 4 undecided, 5 nothing ran.
    """
    from . import _printing as printing
    from .commands import first_policy, gate_explained, gated

    if init:
        typer.echo(f"Policy: {first_policy(which, policy)}")
        return
    if explain:
        printing.lines("how every bounded row stands", gate_explained(which, policy))
    raise typer.Exit(printing.outcome(gated(which, policy, baseline)))


@app.command("check-model")
def check_model(
    model: Annotated[str, typer.Argument(help="a model's name, or your own: file.py:attribute")],
    data: Annotated[str, typer.Option(help="a data set's name (see `audit data`)")] = "world-tiny",
    data_path: Annotated[Path | None, typer.Option(help="where the data lie")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="as in `audit run`")] = None,
) -> None:
    """Try a recommender on a few requests: what it keeps, what it can be asked, and what would unlock more.

    0 it keeps every promise, 1 it breaks one, 2 it cannot be built.
    """
    from . import _printing as printing
    from .check_model import check_model as try_model
    from .checks import read_config
    from .progress import shown

    asked = read_config({"model": model, "data": data, "data_path": data_path}, settings or [])
    with shown() as listener:
        found = try_model(asked, listener=listener)
    raise typer.Exit(printing.model_check(found))


@app.command("check-policy")
def check_policy(files: Annotated[list[Path], typer.Argument(help="policies, TOML")]) -> None:
    """Check policies without a run: names, bounds and waivers.

    0 all can be used, 1 a waiver has expired, 2 a policy cannot be used.
    """
    from .commands import checked_policies

    code = 0
    for line in checked_policies(files):
        typer.echo(line.text)
        code = max(code, line.code)
    raise typer.Exit(code)


@app.command()
def compare(
    before: Annotated[str, typer.Argument(help="the earlier run")],
    after: Run = "latest",
    out: Annotated[Path | None, typer.Option(help="the page; comparison.html in AFTER's folder")] = None,
) -> None:
    """Compare two runs, person by person where both asked the same people."""
    from .commands import compared

    answer, path = compared(before, after, out)
    typer.echo(answer)
    typer.echo(f"Comparison: {path}")


@app.command()
def verify(which: Run = "latest") -> None:
    """Compute a run's measurements and verdicts again from its evidence, and name what differs.

    0 everything follows, 1 something differs, 2 wrong usage, 5 there is no evidence to compute from.
    """
    from ._printing import outcome
    from .commands import verified

    raise typer.Exit(outcome(verified(which), "verify"))


@app.command()
def selftest(
    probe: Annotated[list[str] | None, typer.Option(help="try only this probe; may be repeated")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="worlds to try at each dial")] = 200,
    jobs: Annotated[int, typer.Option(min=1, help="processes at once")] = 2,
    out: Annotated[Path | None, typer.Option(help="also write the result to this file, as JSON")] = None,
    full: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="instead, write power curves and their table here")
    ] = None,
) -> None:
    """Try every probe in worlds whose answer is known: it must be silent, or loud where a fault is planted.

    0 every probe holds its bars, 1 one misses or has no such world, 2 wrong usage, 3 one is broken, 4 too few
    worlds to tell, 5 nothing was tried.
    """
    from ._printing import selftested
    from ._trials_power import grid, write_power
    from .progress import shown
    from .selftest import selftest as try_all

    with shown() as listener:
        result = try_all(
            probe or (), seeds=seeds, processes=jobs, grid=grid if full else None, listener=listener
        )
    if out is not None:
        out.write_text(result.to_json(), encoding="utf-8")
    for path in write_power(result, full) if full else ():
        typer.echo(f"Written: {path}")
    raise typer.Exit(selftested(result))
