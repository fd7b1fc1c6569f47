"""The commands. Each parses, calls and prints; heavy imports stand inside, so that ``--help`` loads none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from triage.cli.console import INTERRUPTED, SOME_FAILED, say, sentences, tell
from triage.records import Queue, Role

app = typer.Typer(
    name="triage",
    help="Find out what is in a dump of violent footage while looking at as little of it as possible.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could show what a frame holds, or the names in a dump.
    pretty_exceptions_enable=False,
)
weights_app = typer.Typer(
    help="The models: which there are, whether they are the right ones, and how to bring your own."
)
app.add_typer(weights_app, name="weights", no_args_is_help=True)
bank_app = typer.Typer(help="Clips that are known already: hashes and vectors of them, shared between cases.")
app.add_typer(bank_app, name="bank", no_args_is_help=True)
account_app = typer.Typer(help="Who may come in at a desk that several people use, and with what say.")
app.add_typer(account_app, name="account", no_args_is_help=True)


def _named(text: str) -> Path:
    """The path that was named; an unset shell variable names none, and must not mean the current folder."""
    if not text.strip():
        raise typer.BadParameter("it is empty; is a variable of your shell not set?")
    return Path(text)


def _folder(what: str) -> Any:  # noqa: ANN401  as Typer types its own options
    """An option that names a folder to write to, described so."""
    return typer.Option(help=what, show_default=False, parser=_named, metavar="DIR")


CaseFolder = Annotated[
    Path,
    typer.Argument(help="Folder of the case, as given to scan.", show_default=False, parser=_named, metavar="CASE"),
]
SettingsName = Annotated[
    str, typer.Option("--settings", help="quick, default, thorough, or the path of a TOML file.", metavar="NAME|FILE")
]
Banks = Annotated[
    Optional[list[Path]],  # noqa: UP045  Typer reads this at run time
    typer.Option(
        "--bank", help="Folder of known clips to compare with; may be repeated.", metavar="BANK", show_default=False
    ),
]
OneVideo = Annotated[
    Optional[str],  # noqa: UP045  Typer reads this at run time
    typer.Option(
        help="Of a case, only this content: 8 digits or more of its SHA-256.", metavar="SHA256", show_default=False
    ),
]
Overrides = Annotated[
    Optional[list[str]],  # noqa: UP045  Typer reads this at run time
    typer.Option(
        "--set", help="One setting, over what the settings say; may be repeated.", metavar="SECTION.KEY=VALUE"
    ),
]


@app.command()
@sentences
def scan(
    dumps: Annotated[
        list[Path],
        typer.Argument(metavar="DUMP...", help="Folders or files to look through.", show_default=False, parser=_named),
    ],
    case: Annotated[
        Path,
        typer.Option(help="Folder for the results; made if absent.", show_default=False, parser=_named, metavar="CASE"),
    ],
    bank: Banks = None,
    jobs: Annotated[
        int,
        typer.Option(
            help="Processes that look at pictures, each with its own models; 0: as many as fit.",
            min=0,
            envvar="TRIAGE_JOBS",
        ),
    ] = 0,
    memory_limit: Annotated[
        str,
        typer.Option(help="Memory for all of them, as 8G; without it, what is free.", metavar="SIZE"),
    ] = "",
    retry: Annotated[
        bool, typer.Option("--retry", help="Try again what could not be decoded, or not to its end.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on with what is added to the folders, until Ctrl-C.")
    ] = False,
    on: Annotated[
        str,
        typer.Option(
            help="Work on a cluster of Ray: ray starts one of this machine, ray:HOST:PORT joins one.", metavar="WHERE"
        ),
    ] = "",
    gpu_share: Annotated[
        float,
        typer.Option(
            help="With --on ray:HOST:PORT, share of a graphics card for each process that looks.", min=0.0, max=1.0
        ),
    ] = 0.0,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Look through folders of videos and say what to look at first, and why.

    Run it again after adding files, or after it was stopped: only what is new or changed is done. Originals are only
    ever read. Nothing leaves this machine, or the cluster that --on names.
    """
    from triage.cli import scanning

    means = scanning.Means(jobs, memory_limit, retry, watch, on, gpu_share)
    outcome = scanning.run(dumps, case, settings, set_ or [], bank or [], means)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
@sentences
def status(case: CaseFolder) -> None:
    """How a case stands: how many files, in which queues, what is left."""
    from triage.case.store import open_case
    from triage.cli.showing import status_lines

    with open_case(case) as opened:
        for line in status_lines(opened):
            tell(line)


@app.command()
@sentences
def queue(
    case: CaseFolder,
    queue: Annotated[
        Optional[Queue],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Only this queue.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option(help="How many videos to show, from the most urgent on; 0 for all.", min=0)
    ] = 20,
) -> None:
    """What to look at first: videos in order, each with its reasons and times."""
    from triage.case.store import open_case
    from triage.cli.showing import queue_lines

    with open_case(case) as opened:
        for line in queue_lines(opened, queue, limit or None):
            tell(line)


@app.command()
@sentences
def match(
    case: CaseFolder,
    bank: Banks = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget what was found and the index, and compare everything anew.")
    ] = False,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Compare what was scanned with itself and with banks of known clips. No video is opened for it."""
    from triage.cli import matching

    matching.run(case, bank or [], settings, set_ or [], rebuild=rebuild)


@app.command()
@sentences
def find(
    clip: Annotated[
        Path, typer.Argument(help="A video or a picture.", show_default=False, parser=_named, metavar="CLIP")
    ],
    case: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Look in what was scanned into this case.", show_default=False, metavar="CASE"),
    ] = None,
    bank: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Look in this bank of known clips.", show_default=False, metavar="BANK"),
    ] = None,
    top: Annotated[int, typer.Option(help="How many to show, the most alike first.", min=1)] = 10,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Which videos are most like one clip, without it being added anywhere."""
    from triage.cli import finding

    finding.run(clip, case, bank, top, settings, set_ or [])


@app.command()
@sentences
def clusters(
    case: CaseFolder,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for other programs.")] = False,
) -> None:
    """Which videos of a case are copies of each other, whole or in part, and which to preserve."""
    from triage.cli import matching

    matching.show_clusters(case, as_json=as_json)


@app.command()
@sentences
def blur(
    what: Annotated[
        list[Path],
        typer.Argument(
            metavar="CASE|VIDEO...", help="A case, or videos without one.", show_default=False, parser=_named
        ),
    ],
    out: Annotated[Path, _folder("Folder for the copies and their list; made if absent.")],
    queue: Annotated[
        Optional[Queue],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Of a case, only what waits in this queue.", show_default=False),
    ] = None,
    video: OneVideo = None,
    style: Annotated[
        str, typer.Option(help="solid, pixelate, blur or drawing. Faces are solid or pixelated in any style.")
    ] = "solid",
    cover: Annotated[
        str, typer.Option(help="What is covered: graphic, minor_faces, faces, people, weapons.", metavar="WHAT,WHAT")
    ] = "graphic,minor_faces,faces",
    audio: Annotated[str, typer.Option(help="mute, keep or voices-masked.")] = "mute",
    only_findings: Annotated[
        bool, typer.Option("--only-findings", help="Leave out videos in which nothing to be covered was found.")
    ] = False,
    reveal: Annotated[
        Optional[list[str]],  # noqa: UP045  Typer reads this at run time
        typer.Option(
            help="Show what is always covered, minor_faces or unseen; may be repeated; needs --why.", metavar="WHAT"
        ),
    ] = None,
    why: Annotated[str, typer.Option(help="The reason for --reveal; it is kept.", metavar="TEXT")] = "",
    no_mark: Annotated[bool, typer.Option("--no-mark", help='Without the words "REVIEW COPY, masked".')] = False,
    force: Annotated[bool, typer.Option("--force", help="Make copies anew that are there already.")] = False,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Make copies that a colleague can watch: what is asked is covered, and each was searched before it has its name.

    A copy stands under its name whole and checked, or not at all. What nobody could examine is covered whole. The faces
    of everyone who is not surely an adult are always covered. Originals are only ever read.
    """
    from triage.cli import blurring

    asked = blurring.Asked(
        *(tuple(what), out, queue, video, style, cover, audio),
        *(only_findings, tuple(reveal or ()), why, not no_mark, force),
        settings,
        tuple(set_ or ()),
    )
    ended = blurring.run(asked)
    if ended.interrupted:
        raise typer.Exit(INTERRUPTED)
    if ended.failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
@sentences
def sheet(
    case: CaseFolder,
    out: Annotated[Path, _folder("Folder for the page and its pictures; made if absent.")],
    queue: Annotated[
        Optional[Queue],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Only what waits in this queue.", show_default=False),
    ] = None,
    video: OneVideo = None,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """A page with a strip of a few pictures a video, drawn and with faces covered, to look through or to print.

    The pictures stand for shots, and for the moments at which most was seen. What is sealed has none.
    """
    from triage.cli import sheets

    ended = sheets.run(case, out, queue, video, settings, set_ or [])
    if ended.interrupted:
        raise typer.Exit(INTERRUPTED)
    if ended.failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
@sentences
def report(
    case: CaseFolder,
    out: Annotated[Path, _folder("Folder for the report; made if absent. An earlier report there is replaced.")],
    strips: Annotated[
        bool, typer.Option("--strips", help="With a strip of drawn pictures of each video, faces covered.")
    ] = False,
    copies: Annotated[
        bool, typer.Option("--copies", help="With the review copies that were made of its videos.")
    ] = False,
    limit: Annotated[
        Optional[int],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Only so many videos, the most urgent first.", min=1, show_default=False),
    ] = None,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Write the case as pages to read offline, hand over or print: index.html in a folder, for any browser.

    No page opens with a picture. Where pictures go along, a page leads to them rung by rung, never to an original.
    """
    from triage.cli import reporting
    from triage.run.reporting import Wished

    ended = reporting.run(case, out, Wished(strips, copies, limit), settings, set_ or [])
    if ended.interrupted:
        raise typer.Exit(INTERRUPTED)
    if ended.failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
@sentences
def export(
    case: CaseFolder,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="Format: jsonl, one JSON object a video; coco, labelled moments by what people decided.",
            metavar="FORMAT",
        ),
    ] = "jsonl",
    out: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="File to write; without it, stdout.", show_default=False),
    ] = None,
    with_authors: Annotated[
        bool, typer.Option("--with-authors", help="With coco: name those who decided; else nobody is named.")
    ] = False,
) -> None:
    """Write all that is known of every file, for other programs, or what people decided, as labels to measure by.

    No picture is written in either case, and nothing at all of what is sealed but that it is.
    """
    from triage.cli import exporting

    exporting.run(case, to, out, with_authors=with_authors)


@app.command()
@sentences
def verify(
    case: CaseFolder,
    originals: Annotated[
        bool, typer.Option("--originals", help="Read every original too, and compare its bytes with what was scanned.")
    ] = False,
    head: Annotated[
        str,
        typer.Option(help="A newest line that verify printed before: was the log cut since?", metavar="N:HASH"),
    ] = "",
) -> None:
    """Check that a case is what was written: its log, decisions, reports, review copies and originals.

    Nothing is written. What is missing is named as missing, and only what was changed is called wrong.
    """
    from triage.cli import verifying

    if verifying.run(case, head, originals=originals):
        raise typer.Exit(SOME_FAILED)


@app.command()
@sentences
def desk(
    case: CaseFolder,
    port: Annotated[int, typer.Option(help="Where to listen; 0 for any free port.", min=0, max=65535)] = 8765,
    accounts: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="People with passwords and roles; see triage account.", metavar="FILE", show_default=False),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than this machine's own needs accounts and TLS.")
    ] = "127.0.0.1",
    name: Annotated[
        Optional[list[str]],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Name by which browsers call it, beside the host; may be repeated.", metavar="HOST"),
    ] = None,
    tls_cert: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Certificate, a PEM file.", metavar="FILE", show_default=False),
    ] = None,
    tls_key: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Its key, a PEM file.", metavar="FILE", show_default=False),
    ] = None,
    settings: SettingsName = "default",
) -> None:
    """Serve the page on which analysts look and decide, on this machine: words first, pictures only on asking.

    It prints a link that lets one browser in, once, and opens none by itself. Nothing is fetched from elsewhere. Every
    picture that is uncovered and every decision is kept, with who, when and why. Ctrl-C closes it.
    """
    from triage.cli import desking

    desking.run(desking.Served(case, host, port, tuple(name or ()), accounts, tls_cert, tls_key, settings))


@app.command()
@sentences
def demo(
    folder: Annotated[
        Path, typer.Option("--dir", help="Folder for the made-up dump and its case; made if absent.")
    ] = Path("triage-demo"),
) -> None:
    """Make a small dump by itself, scan it and show the result: what to run first."""
    from triage.cli import scanning
    from triage.demo import make_dump

    dump, case = folder / "dump", folder / "case"
    say(f"drawing a small dump in {dump} (moving shots over two photographs that ultralytics ships)")
    make_dump(dump)
    outcome = scanning.run([dump], case, "default", [])
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    queue(case, None, 0)
    say("")
    say("The half, the empty and the text file are there on purpose: every file has its row, with the reason.")


@app.command()
@sentences
def settings(settings: SettingsName = "default", set_: Overrides = None) -> None:
    """Print the effective settings and where each comes from."""
    from triage.cli.showing import settings_lines
    from triage.settings import load_settings

    for line in settings_lines(load_settings(settings, set_ or [])):
        tell(line)


@app.command()
@sentences
def doctor() -> None:
    """Say what is installed, which weights and which device will be used, and what would be slow or blind."""
    from triage.cli.doctoring import findings

    worst = 0
    for line, exit_code in findings():
        tell(line)
        worst = max(worst, exit_code)
    if worst:
        raise typer.Exit(worst)


@app.command()
@sentences
def evaluate(
    role: Annotated[Role, typer.Option(help="What was looked for: people, weapons, …", show_default=False)],
    data: Annotated[
        Path,
        typer.Option(
            help="Labelled pictures: a YOLO .yaml, a COCO .json, or a .csv (file,label[,x0,y0,x1,y1 in pixels]).",
            show_default=False,
            parser=_named,
            metavar="FILE",
        ),
    ],
    pictures: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Folder of the pictures; without, beside the labels.", show_default=False, metavar="DIR"),
    ] = None,
    case: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(
            help="For labels of moments (export --to coco): the case that knows where the videos are.",
            show_default=False,
            parser=_named,
            metavar="CASE",
        ),
    ] = None,
    weights: Annotated[
        Optional[str],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="A model by name, or a file; without, the one in use.", metavar="NAME|FILE"),
    ] = None,
    labels: Annotated[str, typer.Option(help='Class names that differ from ours, such as "rifle=long_gun".')] = "",
    out: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Also write the table here, as Markdown for a card.", show_default=False),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Choose thresholds on these pictures, for a model that you added.")
    ] = False,
    recall: Annotated[
        Optional[float],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="With --calibrate: the share of things to find; without, the best F1.", min=0.01, max=1),
    ] = None,
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Measure a model on your own labelled pictures: what it finds, what it misses, how often it raises false alarms.

    Pictures are read as a scan reads them, and only ever read. Nothing leaves this machine.
    """
    from triage.cli import evaluating

    asked = evaluating.Asked(
        role, data, pictures, case, weights, labels, out, calibrate, recall, settings, tuple(set_ or ())
    )
    if evaluating.evaluate(asked):
        raise typer.Exit(SOME_FAILED)


BankFolder = Annotated[
    Path, typer.Argument(help="Folder of the bank.", show_default=False, parser=_named, metavar="BANK")
]
EntryName = Annotated[
    str,
    typer.Argument(help="Name of the entry, or 8 digits or more of its SHA-256.", show_default=False, metavar="ENTRY"),
]
Note = Annotated[str, typer.Option(help="What it is, for others who use the bank.", show_default=False)]
Source = Annotated[str, typer.Option(help="Where it is from.", show_default=False)]
Why = Annotated[str, typer.Option(help="The reason; it stays in the entry's history.", show_default=False)]


@bank_app.command("add")
@sentences
def bank_add(
    bank: BankFolder,
    clips: Annotated[
        list[Path],
        typer.Argument(metavar="CLIP...", help="Videos or pictures.", show_default=False, parser=_named),
    ],
    name: Annotated[
        Optional[str],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Name of the entry; without, the clip's name without its ending.", show_default=False),
    ] = None,
    note: Note = "",
    source: Source = "",
    settings: SettingsName = "default",
    set_: Overrides = None,
) -> None:
    """Add known clips to a bank, made if absent, and say what that changes in the cases that use it.

    Clips are only ever read, and no picture of them is kept.
    """
    from triage.cli import banking

    if banking.add(bank, clips, name, note, source, settings, set_ or []):
        raise typer.Exit(SOME_FAILED)


@bank_app.command("list")
@sentences
def bank_list(bank: BankFolder) -> None:
    """Every entry of a bank: how long the clip is, what is known of it, and whether it is disabled."""
    from triage.cli import banking

    banking.list_entries(bank)


@bank_app.command("show")
@sentences
def bank_show(bank: BankFolder, entry: EntryName) -> None:
    """All that a bank knows of one entry, and what happened to it since it was added."""
    from triage.cli import banking

    banking.show(bank, entry)


@bank_app.command("disable")
@sentences
def bank_disable(bank: BankFolder, entry: EntryName, why: Why) -> None:
    """Let an entry match no more. It stays in the bank with its history; nothing is ever deleted."""
    from triage.cli import banking

    banking.switch(bank, entry, why, on=False)


@bank_app.command("enable")
@sentences
def bank_enable(bank: BankFolder, entry: EntryName, why: Why) -> None:
    """Let a disabled entry match again, with the reason in its history."""
    from triage.cli import banking

    banking.switch(bank, entry, why, on=True)


@bank_app.command("import")
@sentences
def bank_import(
    bank: BankFolder,
    file: Annotated[
        Path,
        typer.Argument(
            help="A list of PDQ, vPDQ, MD5, SHA-1 or SHA-256 hashes.",
            show_default=False,
            parser=_named,
            metavar="FILE",
        ),
    ],
    as_: Annotated[
        Optional[str],  # noqa: UP045  Typer reads this at run time
        typer.Option("--as", help="Kind of hashes that do not say it: pdq, md5, sha1 or sha256.", metavar="KIND"),
    ] = None,
    name: Annotated[
        Optional[str],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Name of the entry, or the beginning of their names.", show_default=False),
    ] = None,
    note: Note = "",
    source: Source = "",
) -> None:
    """Add the hashes in a list to a bank, made if absent: as threatexchange tools, md5sum or a spreadsheet write them.

    What cannot be understood is named with its line and left out; the rest is imported.
    """
    from triage.cli import exchanging

    if exchanging.take(bank, file, as_, name, note, source):
        raise typer.Exit(SOME_FAILED)


@bank_app.command("export")
@sentences
def bank_export(
    bank: BankFolder,
    file: Annotated[Path, typer.Argument(help="File to write.", show_default=False, parser=_named, metavar="FILE")],
    to: Annotated[
        Optional[str],  # noqa: UP045  Typer reads this at run time
        typer.Option(
            "--to",
            help="Format: vpdq, pdq, md5, sha1, sha256, signals or csv; without, by the file's ending.",
            metavar="FORMAT",
        ),
    ] = None,
) -> None:
    """Write the hashes of a bank for others, without names but in csv, and without disabled entries."""
    from triage.cli import exchanging

    exchanging.give(bank, file, to)


@weights_app.command("list")
@sentences
def weights_list() -> None:
    """Every model at hand: what it looks for, where it is from, and whether it is in use."""
    from triage.cli.showing import weights_lines

    for line in weights_lines():
        tell(line)


@weights_app.command("verify")
@sentences
def weights_verify() -> None:
    """Check that every model is the file its manifest names and has a card."""
    from triage.weights import all_weights

    for weights in all_weights():
        weights.check()
        tell(f"{weights.name}: the file is the one the manifest names, and it has a card")


@weights_app.command("add")
@sentences
def weights_add(
    file: Annotated[
        Path, typer.Argument(help="A .pt, .onnx or .engine file, or an OpenVINO folder.", show_default=False)
    ],
    role: Annotated[
        Optional[list[str]],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="What it looks for: people, weapons, …; may be repeated.", show_default=False),
    ] = None,
    labels: Annotated[
        str,
        typer.Option(help='The model\'s classes as ours, such as "rifle=long_gun,pistol=handgun".', show_default=False),
    ] = "",
    input_px: Annotated[
        Optional[int],  # noqa: UP045  Typer reads this at run time
        typer.Option(
            help="Longest side of the pictures it was trained on, in pixels; without, the size it takes, or 640.",
            min=32,
            show_default=False,
        ),
    ] = None,
    card: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads this at run time
        typer.Option(help="Markdown that says what it was trained on and is blind to.", show_default=False),
    ] = None,
    licence: Annotated[str, typer.Option(help="Its licence, for the record.", show_default=False)] = "",
    at_least: Annotated[
        str, typer.Option(help='Lowest scores that count, such as "handgun=0.4,long_gun=0.3"; without, 0.25.')
    ] = "",
) -> None:
    """Bring your own model. It is copied, and from then on serves its roles instead of the one before.

    Role and labels must be given, unless the model is known by its classes (NudeNet: see docs/cards/nudenet.md).
    A .pt file can run any code when it is opened: add only one whose source you trust.
    """
    from triage.cli.bringing import bring

    added = bring(file, role or [], labels, input_px, card, licence, at_least)
    tell(f"added {added.name}; it now serves {', '.join(added.roles)}")
    tell(f"its card: {added.card}")
    say("Videos that were scanned before are examined anew at the next scan, since the weights are others.")


@weights_app.command("remove")
@sentences
def weights_remove(
    name: Annotated[str, typer.Argument(help="Name as triage weights list shows it.", show_default=False)],
) -> None:
    """Stop using a model that you added; its file stays where it is."""
    from triage.weights import remove

    gone = remove(name)
    tell(f"{gone.name} is no longer used; its file stays at {gone.file}")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from triage import __version__

        tell(f"triage {__version__}")
        raise typer.Exit


AccountsFile = Annotated[
    Path, typer.Argument(help="File of accounts.", show_default=False, parser=_named, metavar="FILE")
]
AccountName = Annotated[
    str, typer.Argument(help="By this name decisions are kept.", show_default=False, metavar="NAME")
]


@account_app.command("add")
@sentences
def account_add(
    file: AccountsFile,
    name: AccountName,
    role: Annotated[
        str, typer.Option(help="reader (sees words, strips, copies), analyst (decides) or lead (sets rules).")
    ] = "analyst",
) -> None:
    """Add somebody, or give them another password or role. The password is asked for and not shown."""
    from triage.cli import desking

    desking.role_of(role)
    password = typer.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True, err=True)
    desking.add(file, name, role, password)


@account_app.command("list")
@sentences
def account_list(file: AccountsFile) -> None:
    """Who has an account, and in which role."""
    from triage.cli import desking

    for line in desking.listed(file):
        tell(line)


@account_app.command("remove")
@sentences
def account_remove(file: AccountsFile, name: AccountName) -> None:
    """Take an account away. What was decided in its name stays."""
    from triage.cli import desking

    desking.remove(file, name)
