"""How clusters of videos that are in each other look on the screen."""

from __future__ import annotations

import click
from rich.text import Text

from reprise.cli.printing import counted, plain_table, print_table
from reprise.dedupe.clusters import Cluster, Overlap
from reprise.dedupe.deduplication import DedupeCost, DedupeReport
from reprise.segment import Segment
from reprise.stores.videos import VideoRow
from reprise.times import clock

MOST_SEGMENTS = 3  # of a pair that are shown


def file_size(count: int) -> str:
    """A number of bytes as people say it, in powers of a thousand: `4.2 GB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def print_cluster(number: int, cluster: Cluster) -> None:
    """One cluster: what to keep and why, then what is in it."""
    saved = f"{clock(round(cluster.saved_s))} and {file_size(cluster.saved_bytes)} twice"
    click.echo(f"cluster {number}: {counted(len(cluster.kept) + len(cluster.copies), 'video')}, {saved}")
    for kept in cluster.kept:
        click.echo(f"keep {_told(kept.video)}: {kept.reason}")
    headers = ["wholly in it", "relation", "share", "in this", "in the kept", "length", "size", "remark"]
    if len(cluster.kept) > 1:
        headers.insert(2, "of")
    if not any(copy.remark for copy in cluster.copies):
        headers.remove("remark")
    table = plain_table(*headers, texts=("of", "remark"))
    for copy in cluster.copies:
        in_this, in_kept = _spans(copy.segments)
        cells = {
            "wholly in it": Text(copy.video.path),
            "relation": Text(copy.relation),
            "of": Text(copy.kept.path),
            "share": Text(_share(copy.share)),
            "in this": Text(in_this),
            "in the kept": Text(in_kept),
            "length": Text(clock(round(copy.video.duration_s))),
            "size": Text(file_size(copy.saved_bytes)),
            "remark": Text(copy.remark),
        }
        table.add_row(*(cells[header] for header in headers))
    print_table(table)
    click.echo()


def print_partial(overlaps: tuple[Overlap, ...]) -> None:
    """The pairs that share a part only."""
    if not overlaps:
        return
    click.echo(f"{counted(len(overlaps), 'pair')} with a part in common:")
    table = plain_table("video", "and", "in the first", "in the other", "of it", "of the other", texts=("and",))
    for one in overlaps:
        shares = _share(one.pair.first_share), _share(one.pair.second_share)
        table.add_row(Text(one.first.path), Text(one.second.path), *_spans(one.pair.segments), *shares)
    print_table(table)
    click.echo()


def print_total(report: DedupeReport, *, partial: bool) -> None:
    """The last line, and the hint at what else there is."""
    if report.copies:
        verb = "is" if report.copies == 1 else "are"
        what = "another" if report.copies == 1 else "others"
        click.echo(
            f"{counted(len(report.clusters), 'cluster')}, {counted(report.copies, 'video')} {verb} wholly in {what}: "
            f"{clock(round(report.saved_s))} and {file_size(report.saved_bytes)}"
        )
        larger = sum(bool(copy.remark) for cluster in report.clusters for copy in cluster.copies)
        if larger:
            verb = "has" if larger == 1 else "have"
            click.echo(f"{larger} of them {verb} a larger picture than what holds them: look before you delete")
    else:
        click.echo(f"{counted(report.cost.videos, 'video')}: none is wholly in another")
    if report.partial and not partial:
        verb = "share" if len(report.partial) > 1 else "shares"
        click.echo(f"{counted(len(report.partial), 'further pair')} {verb} a part; --partial lists them")


def cost_line(cost: DedupeCost) -> str:
    """What the run took, in one line."""
    every_pair = cost.videos * (cost.videos - 1) // 2
    left_out = f" ({cost.left_out_pairs} faint ones left out)" if cost.left_out_pairs else ""
    return (
        f"{cost.frames} frames, {cost.searches} of them searched for, "
        f"{counted(cost.candidate_pairs, 'candidate pair')} of {every_pair}{left_out}, "
        f"{counted(cost.alignments, 'alignment')}, {cost.cpu_s:.1f} CPU seconds"
    )


def _told(video: VideoRow) -> str:
    size = f"{video.width}x{video.height}, " if video.width else ""
    return f"{video.path} ({clock(round(video.duration_s))}, {size}{file_size(video.file_size)})"


def _share(share: float) -> str:
    # 99.6 % is not all.
    return f"{min(99, round(100 * share)) if share < 1 else 100} %"


def _spans(segments: tuple[Segment, ...]) -> tuple[str, str]:
    shown = segments[:MOST_SEGMENTS]
    more = [f"and {len(segments) - len(shown)} more"] if len(segments) > len(shown) else []
    one = [f"{clock(s.query_start_s)} - {clock(s.query_end_s)}" for s in shown]
    other = [f"{clock(s.reference_start_s)} - {clock(s.reference_end_s)}" for s in shown]
    return "\n".join(one + more), "\n".join(other)
