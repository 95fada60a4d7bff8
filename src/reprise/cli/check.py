"""`reprise check`: whether videos are new to the library, before they are put into it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

import reprise
from reprise.audio.witness import OTHER, PARTLY, SAME
from reprise.checking.settings import CheckSettings
from reprise.checking.table import csv_of
from reprise.checking.verdict import KINDS, OTHER_PICTURES, AudioRelation, CheckReport, Relation, Verdict
from reprise.cli import options
from reprise.cli.interrupts import interrupted_by
from reprise.cli.printing import counted, print_json, progress_bar, say, without
from reprise.cli.running import FAILED, complain
from reprise.decoding.limits import DecodeLimits
from reprise.errors import LibraryNotFoundError, SettingsError, printable
from reprise.report.files import write_whole
from reprise.scanning import Failure
from reprise.segment import Segment
from reprise.times import clock

NOT_NEW = 3  # the exit status where at least one video is not new and all could be checked
SHOWN_SEGMENTS = 5  # of a relation, on the screen

WORDS = {
    "exact": "the same file as",
    "same-content": "shows the same as",
    "near-duplicate": "near-duplicate of",
    "contained-in": "contained in",
    "contains": "contains",
    "partial": "shares a part with",
}
AGREEMENTS = {SAME: "same audio, too", PARTLY: "partly the same audio", OTHER: "other audio"}


@click.command(short_help="Tell whether videos are new, before they go into the library.")
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=click.Path())
@options.library
@click.option("--ingest-new", is_flag=True, help="Put what is new into the library, which is made if there is none.")
@click.option(
    "--most",
    type=click.FloatRange(0.5, 1),
    default=CheckSettings().most,
    show_default=True,
    help="The share of a video that counts as most of it: of both for a near-duplicate, of one for contains and "
    "contained-in.",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    default=CheckSettings().top_k,
    show_default=True,
    help="Candidate videos that are looked at closely.",
)
@options.aligner
@options.min_score
@options.no_audio
@options.weights
@options.device
@options.limits
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a table, a line for each reference of each video.",
)
@options.json_lines
def check(
    videos: tuple[str, ...],
    library: str,
    ingest_new: bool,
    most: float,
    top_k: int,
    aligner: str,
    min_score: float | None,
    no_audio: bool,
    weights: str | None,
    device: str,
    limits: DecodeLimits,
    table: Path | None,
    as_json: bool,
) -> int:
    """Tell whether VIDEO is new to the library, and to the other videos that are checked with it.

    VIDEO is a video or a folder of videos. The verdict is one of

    \b
      exact           the very file is there, under whatever name
      same-content    the same pictures, in another container or encoding
      near-duplicate  most of both videos is in common
      contained-in    most of VIDEO is a part of a longer one
      contains        most of a shorter one is a part of VIDEO
      partial         they have a part in common
      new             nothing of it is there

    The verdict is that of the pictures. Where the library has fingerprints of sound (`reprise ingest --audio`), what
    the sound says is told beside it: "same pictures, other audio", "same audio, other pictures".

    A video that cannot be read is named, and the others are done.

    Exit status: 0 if all are new, 3 if at least one is not, 1 if one could not be checked, 2 on wrong usage,
    130 when interrupted.
    """
    settings = CheckSettings(most, top_k, aligner, min_score, audio=not no_audio)
    if table is not None and not table.parent.is_dir():
        raise SettingsError(f"{printable(table)}: there is no folder {printable(table.parent)}; make it first")
    so_far = ""
    with (
        # What a batch keeps in the folder for temporary files is removed then, too.
        interrupted_by(signal.SIGTERM),
        reprise.open(library, device=device, weights=weights, limits=limits) as shelf,
        progress_bar() as bar,
    ):
        row = bar.add_task("checking", total=None)

        def advance(answer: Verdict | Failure, done: int, total: int) -> None:
            nonlocal so_far
            so_far = f"{done} of {counted(total, 'video')} are done" + (", what is new of them is kept" * ingest_new)
            bar.update(row, completed=done, total=total)
            if isinstance(answer, Failure):
                say(bar, answer.reason)
                return
            if answer.warning:
                say(bar, f"{answer.path}: {answer.warning}")
            with without(bar):
                if as_json:
                    print_json(answer.to_json())
                else:
                    _print(answer)

        try:
            report = shelf.check(videos, settings, ingest_new=ingest_new, progress=advance)
        except LibraryNotFoundError as error:
            raise LibraryNotFoundError(
                f"{printable(library)}: no library there, so everything is new to it; --ingest-new makes one"
            ) from error
        except KeyboardInterrupt as interruption:
            if so_far:
                interruption.add_note(so_far)
            raise
    if table is not None:
        write_whole(table, csv_of(report))
    if report.skipped:
        complain(f"{counted(len(report.skipped), 'other file')} left out, not videos by their names")
    if not as_json and len(report.verdicts) + len(report.failed) > 1:
        click.echo(_summary(report))
    if report.failed:
        return FAILED
    return 0 if report.is_all_new else NOT_NEW


def _print(verdict: Verdict) -> None:
    ending = "".join(f"; {told}" for told in [*verdict.audio, *["now in the library"] * verdict.ingested])
    sure = "sure" if verdict.kind == "exact" else f"{min(99, round(100 * verdict.sureness))} % sure"
    click.echo(f"{verdict.path} ({clock(verdict.duration_s)}): {verdict.kind}, {sure} (by {verdict.stage}){ending}")
    for relation in verdict:
        _print_relation(relation, with_segments=verdict.stage == "frames")
        _print_agreement(relation)
    for alone in verdict.audio_relations or ():
        _print_audio_relation(alone)
    for remark in verdict.remarks:
        click.echo(f"  {remark}")


def _print_relation(relation: Relation, *, with_segments: bool) -> None:
    what = f"{WORDS[relation.kind]} {_reference(relation)}"
    if not with_segments:
        click.echo(f"  {what}")
        return
    click.echo(f"  {what}: {_shares(relation)}")
    _print_segments(relation.segments, "is")


def _print_agreement(relation: Relation) -> None:
    """What the sound says of copied pictures, and how much sound that rests on."""
    audio = relation.audio
    if audio.says is not None:
        compared = f"{audio.same_s:.0f} of {audio.compared_s:.0f} s that sound in both sound the same"
        click.echo(f"    {AGREEMENTS[audio.says]}: {compared}")


def _print_audio_relation(relation: AudioRelation) -> None:
    alike = f"{_percent(relation.score)} alike"
    click.echo(f"  {OTHER_PICTURES} as {_reference(relation)}: {_shares(relation)}, {alike}")
    _print_segments(relation.segments, "sounds like")


def _print_segments(segments: Sequence[Segment], verb: str) -> None:
    for s in segments[:SHOWN_SEGMENTS]:
        here = f"{clock(s.query_start_s)} - {clock(s.query_end_s)}"
        there = f"{clock(s.reference_start_s)} - {clock(s.reference_end_s)}"
        click.echo(f"    {here} here {verb} {there} there{', backwards' if s.backwards else ''}")
    if len(segments) > SHOWN_SEGMENTS:
        click.echo(f"    and {len(segments) - SHOWN_SEGMENTS} more: see --json")


def _reference(relation: Relation | AudioRelation) -> str:
    whose = ", of this batch" if relation.among == "batch" else ""
    return f"{relation.reference} ({clock(relation.reference_duration_s)}{whose})"


def _shares(relation: Relation | AudioRelation) -> str:
    return f"{_percent(relation.video_share)} of this video, {_percent(relation.reference_share)} of that one"


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _summary(report: CheckReport) -> str:
    kinds = Counter(verdict.kind for verdict in report)
    parts = [f"{kinds[kind]} {kind}" for kind in reversed(KINDS) if kinds[kind]]
    parts += [f"{len(report.failed)} failed"] if report.failed else []
    added = sum(verdict.ingested for verdict in report)
    told = Counter(finding for verdict in report for finding in verdict.audio)
    ending = "".join(f"; {count} {finding}" for finding, count in told.items())
    ending += f"; {counted(added, 'video')} added to the library" if added else ""
    return f"{counted(len(report.verdicts) + len(report.failed), 'video')}: {', '.join(parts)}{ending}"
