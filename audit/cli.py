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
    data: Annotated[str | None, typer.Option(help="a data set's name (see `audit data`)")] = None,
    data_path: Annotated[Path | None, typer.Option(help="where the data lie")] = None,
    base: Annotated[str | None, typer.Option(help="what the model is tuned from: a path or hub name")] = None,
    preset: Annotated[str | None, typer.Option(help="one of the model's presets")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE for the model, data.KEY=VALUE, PROBE.KEY=VALUE"),
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
        "data": data,
        "data_path": data_path,
        "base": base,
        "preset": preset,
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
) -> None:
    """Write a run's report again from its record."""
    from .commands import rendered

    for path in rendered(which, to):
        typer.echo(f"Report: {path}")


@app.command()
def gate(
    which: Run = "latest",
    policy: Annotated[Path | None, typer.Option(help="the organisation's bounds, TOML")] = None,
) -> None:
    """Judge a run by a policy; the exit code tells the verdict.

    0 passed, 1 failed, 2 wrong usage, 3 unfinished, 4 undecided, 5 nothing ran.
    """
    from ._printing import outcome
    from .commands import gated

    raise typer.Exit(outcome(gated(which, policy)))
