"""The command line, thin: every command calls one function of a room."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bundlebook.errors import BundlebookError
from bundlebook.exercises import learn_command

if TYPE_CHECKING:
    import pandas as pd

    from bundlebook.shop import Shop

# The library that reads notebooks would check addresses with an optional package, which no notebook needs and which
# works for two seconds at its import. Without it that one check is left out.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

#: Seeds that NumPy and Keras both take.
_SEED = click.IntRange(0, 2**32 - 1)


class _BadPlan(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """Shows what a reader can mend as a message instead of a traceback; a report that cannot start exits with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BundlebookError as error:
            kind = _BadPlan if ctx.invoked_subcommand == "report" else click.ClickException
            raise kind(str(error)) from None


@click.group(cls=_Commands)
@click.version_option(package_name="bundlebook")
def main() -> None:
    """Bundlebook: a reproducible workbook on personalised product bundles."""


main.add_command(learn_command)


def _told(data: str, accept_loss: bool) -> "Shop":
    """Load a shop, and say on stderr what of a reader's folder is lost and what was assumed."""
    from bundlebook.shop import check_losses, load_shop

    shop = load_shop(data)
    if data not in ("completejourney", "sample"):
        for line in (*check_losses(shop, accept_loss), *(f"note: {note}" for note in shop.notes)):
            click.echo(line, err=True)
    return shop


def _chapters_for(shop: "Shop") -> tuple[str, ...]:
    """Beginnings of the chapters that this shop can be given, none for all; says on stderr why others are left out."""
    from bundlebook.chapters import chapter_files
    from bundlebook.errors import BundlebookError
    from bundlebook.profiles import item_vectors
    from bundlebook.shop import clean, group_baskets, time_split

    cleaned, _ = clean(shop)
    try:
        split = time_split(group_baskets(cleaned))
        split.task("validation")
    except BundlebookError as error:
        click.echo(
            f"Chapters {', '.join(_WITHOUT_PREDICTION)} only. All others judge what returning users buy next, and "
            f"here {error.problem}.\n  Remedy: leave out --chapters; the analyst's report needs no returning users",
            err=True,
        )
        return _WITHOUT_PREDICTION
    try:
        item_vectors(cleaned, split)
    except BundlebookError as error:
        click.echo(
            f"Without chapter {_DESCRIBES}. It describes users by what their items are like, and here "
            f"{error.problem}.\n  Remedy: {error.remedy}",
            err=True,
        )
        return *(file.stem[:2] for file in chapter_files() if file.stem[:2] != _DESCRIBES), "data-card", "model-cards"
    return ()


#: The chapter that needs a catalogue which tells items apart.
_DESCRIBES = "08"
#: Chapters that need no user who comes back.
_WITHOUT_PREDICTION = ("01", "02", "03")
_STATE = click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the event store [default: `feedback` in the shop's folder].",
)  # fmt: skip
_ACCEPT = click.option("--accept-loss", is_flag=True, help="Go on although more than 20 % of the revenue is lost.")


@main.command("refresh")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
def _refresh(files: tuple[Path, ...]) -> None:
    """Execute chapters in place (all, or the FILES named) and store them normalised."""
    from bundlebook import chapters

    chapters.refresh(files)


@main.command("doctor")
def _doctor() -> None:
    """Say in plain words whether this machine is ready for the chapters."""
    from bundlebook.doctor import examine

    findings = []
    for finding in examine():
        click.echo(str(finding))
        findings.append(finding)
    broken = [finding.subject for finding in findings if finding.state == "mend"]
    if broken:
        click.echo(f"\nMend first: {', '.join(broken)}.")
        raise SystemExit(1)
    click.echo("\nReady: `make lab` opens the chapters, `make report` renders them.")


@main.command("sample")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
@click.option("--seed", default=None, type=_SEED, help="Another seed makes another shop.")
def _sample(out: Path, seed: int | None) -> None:
    """Simulate the sample shop and write its tables and its planted truth."""
    from bundlebook import paths
    from bundlebook.simulator import SAMPLE_SEED, write_sample

    for file in write_sample(out, SAMPLE_SEED if seed is None else seed):
        click.echo(f"wrote {paths.shown(file)}")


@main.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--from", "files", multiple=True, required=True, metavar="FILE", type=click.Path(path_type=Path),
    help="Export of the shop system: CSV, parquet or xlsx. Give the option again for more files.",
)  # fmt: skip
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Say what a column is: user_id=Kunde.")
@click.option("--dates", type=click.Choice(["day-first", "month-first"]), help="Say how 01/02/2021 is meant.")
@click.option("--encoding", metavar="NAME", help="Say the encoding of the CSV files, for example gb18030.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Say the decimal mark.")
@click.option("--timezone", metavar="ZONE", help="Say the shop's time zone, for example Europe/Berlin.")
@click.option("--currency", metavar="SIGN", help="Say the currency.")
@click.option(
    "--guests", type=click.Choice(["aside", "receipt"]), default="aside", show_default=True,
    help="Rows without a customer: set them aside, or take each receipt for a user of its own.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Write without asking.")
def _new(folder: Path, files: tuple[Path, ...], columns: tuple[str, ...], yes: bool, **said: Any) -> None:
    """Make the FOLDER of a shop out of exports of any shop system; every guess is told with its evidence."""
    from bundlebook import paths
    from bundlebook.shop import (
        MOST_LOST,
        NO_CUSTOMER,
        Wishes,
        aside_lines,
        capabilities,
        check_losses,
        check_new,
        load_shop,
        preview,
        propose_shop,
        write_shop,
    )  # fmt: skip

    pairs = [column.partition("=") for column in columns]
    if not all(ours and theirs for ours, _, theirs in pairs):
        raise click.UsageError("write --column OURS=THEIRS, for example --column user_id=Kunde")
    check_new(folder)
    proposal = propose_shop(list(files), Wishes({ours: theirs for ours, _, theirs in pairs}, **said))
    click.echo(f"{proposal}\n")
    for name, before, after in preview(proposal):
        click.echo(f"{name}, first rows as they are\n{_table(before)}\n\nas user_data.csv\n{_table(after)}\n")
    if not yes and not _is_terminal():
        raise click.ClickException(
            "nothing was written, for nobody can be asked here; to write what is shown above, add --yes"
        )
    if not yes and not click.confirm(f"Write {paths.shown(folder)}?", default=True):
        raise click.ClickException("nothing was written; say what was guessed wrong, for example with --column")
    written = write_shop(proposal, folder)
    click.echo(f"wrote {paths.shown(folder)}: {written.kept:,} of {written.rows:,} rows became events")
    for line in (*map(str, written.notes), *aside_lines(written)):
        click.echo(f"  {line.strip()}")
    shop = load_shop(folder)
    if shop.losses["rows"].sum() > written.rows - written.kept:
        for line in check_losses(shop, accept=True):
            click.echo(line, err=True)
    click.echo(f"\n{capabilities(shop)}")
    lost = float(shop.losses["revenue"].sum())
    accept = " --accept-loss" if lost > MOST_LOST else ""
    if accept:
        click.echo(f"\n{lost:.0%} of {shop.worth} is lost: look at set_aside.csv before you accept that.")
        if said["guests"] == "aside" and written.aside["reason"].eq(NO_CUSTOMER).any() and "basket_id" in shop.events:
            click.echo(
                "Rows without a customer can be kept, each receipt as a user of its own:"
                f" delete {paths.shown(folder)} and run the same command with --guests receipt."
            )
    click.echo(f"\nNext: {_typed()} report --data {shlex.quote(str(folder))}{accept}")


def _typed() -> str:
    """How this command was called, so that the next one can be copied: its folder need not be on the search path."""
    called = Path(sys.argv[0])
    return shlex.quote(sys.argv[0]) if called.stem == "bundlebook" and not shutil.which("bundlebook") else "bundlebook"


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _table(table: "pd.DataFrame") -> str:
    return table.to_string(index=False, max_colwidth=24)


@main.command("ask")
@click.option("--history", required=True, help="Purchases, oldest first: 1001:1@2021-01,1002:2@2021-02")
@click.option("--item", required=True, help="Number of the item asked for, for example 1005.")
@click.option("--at", required=True, help="Month asked for, for example 2021-05.")
@click.option("--data", default="completejourney", show_default=True, help="Shop that the network learned from.")
@click.option("--seed", default=2021, show_default=True, type=_SEED, help="Seed of the network.")
@_ACCEPT
def _ask(history: str, item: str, at: str, data: str, seed: int, accept_loss: bool) -> None:
    """Say how likely a customer with this HISTORY buys the item in that month (chapter 06)."""
    from bundlebook.ask import answer, parse

    if data not in ("completejourney", "sample"):
        _told(data, accept_loss)
    click.echo(str(answer(parse(history), item, at, data, seed, progress=True)))


@main.command("offer")
@click.option("--data", required=True, help='Shop: a folder of tables, "sample" or "completejourney".')
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A .parquet or .csv file.")
@click.option("--user", "some", multiple=True, metavar="ID", help="Offer to these users only.")
@click.option(
    "--users", "listed", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Offer to the users of this file only: a CSV with a column user_id, or one identifier a line.",
)  # fmt: skip
@click.option("--segment", help="Offer to the users of one segment only, for example frequent-large.")
@click.option("--at", metavar="DATE", help="First day of the offer [default: the day after the last purchase].")
@click.option("--k", "--bundles", "k", default=3, show_default=True, type=click.IntRange(1), help="Bundles per user.")
@click.option("--budget", type=click.FloatRange(min=0), help="Most money given away as discounts, per user and period.")
@click.option(
    "--holdout", "--hold-out", "holdout", default=0.1, show_default=True, type=click.FloatRange(0, 1, max_open=True),
    help="Everybody's chance to get no offer, so that its effect can be measured.",
)  # fmt: skip
@click.option(
    "--model", default="counting", show_default=True, metavar="NAME",
    help='What P is made of: "counting", "trees", "stacked" or "stacked with trees".',
)  # fmt: skip
@click.option("--seed", default=2021, show_default=True, help="Seed of the draw.")
@click.option("--pseudonyms", is_flag=True, help="Write pseudonyms instead of the real user_id: a file to show around.")
@click.option(
    "--processes", type=click.IntRange(1),
    help="Processes that work side by side; the file is the same [default: one per core where users are many].",
)  # fmt: skip
@_STATE
@_ACCEPT
def _offer(
    data: str,
    out: Path,
    some: tuple[str, ...],
    listed: Path | None,
    budget: float | None,
    pseudonyms: bool,
    state: Path | None,
    accept_loss: bool,
    **settings: Any,
) -> None:
    """Write bundles for the users of a shop to a file, with a random group that gets none.

    The file holds the real user_id, for you must reach these users: keep it to yourself. Pages show pseudonyms.
    A run that was interrupted goes on where it stopped when it is started again with the same options.
    """
    import numpy as np

    from bundlebook import paths
    from bundlebook.feedback import has_store, offers_by_bundle, read_offers, write_offers
    from bundlebook.shop import read_catalogue

    paths.check_writable(out, file=True)
    users = [*some, *(_identifiers(listed) if listed else [])]
    source = data if has_store(data, state) else _told(data, accept_loss)
    shop = read_catalogue(data) if isinstance(source, str) else source
    written = write_offers(
        source,
        out,
        users if some or listed else None,
        budget=np.inf if budget is None else budget,
        pseudonyms=pseudonyms,
        state=state,
        progress=sys.stderr.isatty(),
        **settings,
    )
    who = ", ".join(
        f"{n:,} {shop.user_word if n == 1 else shop.user_words} in group {name}"
        for name, n in sorted(written.users.items())
    )
    click.echo(f"wrote {written.bundles:,} bundles to {paths.shown(out)}: {who}")
    for note in written.notes:
        click.echo(f"note: {note}", err=True)
    if not pseudonyms:
        click.echo("its user_id are the real ones, for you must reach these users: keep it to yourself")
    if sum(written.users.values()) > _MOST_SUMMED:
        return
    for row in offers_by_bundle(read_offers(out)).head(5).itertuples():
        to = f"{row.users:,} {shop.user_word if row.users == 1 else shop.user_words}"
        mostly = f", {row.of_segment:.0%} of them {row.segment}" if row.segment and row.users > 1 else ""
        cut = f"{row.discount:.0%} off, pays if P rises {row.break_even_low:.2f} times or more"
        called = row.items if row.names == row.items else f"{row.names} ({row.items})"
        click.echo(f"  {called}: to {to}{mostly}; P {row.p_least:.2f} or more; {cut if row.discount else 'full price'}")


#: Users up to whom the bundles of an offer are summed up on the screen: the whole file is read for it.
_MOST_SUMMED = 20_000


def _identifiers(file: Path) -> list[str]:
    lines = file.read_text("utf-8-sig").splitlines()
    head = [name.strip().strip('"') for name in lines[0].split(",")] if lines else []
    if "user_id" in head:
        import pandas as pd

        return pd.read_csv(file, dtype=str, keep_default_na=False)["user_id"].tolist()
    return [line.strip() for line in lines if line.strip()]


@main.command("measure")
@click.option("--data", required=True, help='Shop: a folder of tables, "sample" or "completejourney".')
@click.option("--offers", "file", required=True, type=click.Path(path_type=Path), help="The file that `offer` wrote.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Page to write [default: beside OFFERS].")
@_STATE
@_ACCEPT
def _measure(data: str, file: Path, out: Path | None, state: Path | None, accept_loss: bool) -> None:
    """Say what offers changed: users who were offered bundles against those held out, on one page."""
    from bundlebook import paths
    from bundlebook.feedback import has_store, held_shop, measure, read_offers
    from bundlebook.reports import write_uplift_page

    out = out or file.with_suffix(".html")
    paths.check_writable(out, file=True)
    offers = read_offers(file)
    shop = held_shop(data, state) if has_store(data, state) else _told(data, accept_loss)
    found = measure(shop, offers)
    click.echo(str(found))
    write_uplift_page(shop, found, out)
    click.echo(f"wrote {paths.shown(out)}")


@main.command("update")
@click.option("--data", required=True, help='Shop: a folder of tables, "sample" or "completejourney".')
@click.option(
    "--from", "files", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
    help="New events, CSV or parquet with the columns of user_data [default: the shop's own log, if it has changed].",
)  # fmt: skip
@click.option("--rollback", "back", is_flag=True, help="Undo the last file that was taken in.")
@click.option("--forget", "user", metavar="USER", help="Delete a customer from everything that is kept.")
@click.option("--accept", is_flag=True, help="Take in what would be refused as changed or worse.")
@click.option("--today", metavar="DATE", help="Later events are of the future [default: the computer's date].")
@click.option("--began", metavar="DATE", help="The shop's first day [default: that of the first file].")
@click.option("--quiet", is_flag=True, help="Say something only when it went wrong.")
@_STATE
def _update(
    data: str,
    files: tuple[Path, ...],
    back: bool,
    user: str | None,
    accept: bool,
    today: str | None,
    began: str | None,
    quiet: bool,
    state: Path | None,
) -> None:
    """Take new events in, judge what is learned from them, and keep it if it is not worse.

    A file that is taken in twice changes nothing. A run that is ended at any moment leaves everything as it was.

    Exit code: 0 taken in, or nothing new; 1 a file was refused; 3 what was learned is worse, and nothing was taken in;
    4 another run is at work.
    """
    from bundlebook.feedback import Busy, NotPromoted, forget, rollback, update

    if back + (user is not None) + bool(files) > 1:
        raise click.UsageError("--from, --rollback and --forget are three different runs")
    try:
        if back:
            told = rollback(data, state)
        elif user is not None:
            told = str(forget(data, user, state))
        else:
            told = str(update(data, files, state, today, began, accept))
    except (NotPromoted, Busy) as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(3 if isinstance(error, NotPromoted) else 4) from None
    if not quiet:
        click.echo(told)


@main.command("report")
@click.argument("batch", required=False)
@click.option("--data", help='Shop for every report: a folder of tables, "sample" or "completejourney".')
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run only these reports: name, its beginning, or a pattern."
)
@click.option(
    "--jobs", "slots", type=click.IntRange(1), help="Reports that run at a time [default: 2, or the cluster's threads]."
)
@click.option("--chapters", is_flag=True, help="With --data: run the chapters on that shop, not the analyst's report.")
@click.option("--force", is_flag=True, help="Run again what is still up to date.")
@click.option("--timeout", type=click.IntRange(1), help="Most seconds for one cell.")
@click.option("-p", "--parameter", "settings", multiple=True, metavar="NAME=VALUE", help="Set a parameter.")
@click.option("--no-code", is_flag=True, help="Leave the code out of the pages.")
@click.option("--pdf", is_flag=True, help="Print every page to PDF with a headless Chromium.")
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Where to run."
)
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler; without it, --engine dask uses this machine.")
@_ACCEPT
def _report(
    batch: str | None,
    data: str | None,
    only: tuple[str, ...],
    chapters: bool,
    no_code: bool,
    accept_loss: bool,
    **options: Any,
) -> None:
    """Run a BATCH of notebooks (a YAML file) and render each to one HTML file.

    Without a BATCH: all chapters, or with --data the analyst's report on that shop (batch `shop`).

    Exit code: 0 all good, 1 some failed, 2 the plan is wrong and nothing ran, 130 interrupted.
    """
    from bundlebook.reports import report

    if chapters and batch not in (None, "chapters"):
        raise click.UsageError(f"--chapters runs the chapters, not {batch}")
    if data not in (None, "completejourney", "sample"):
        shop = _told(data, accept_loss)
        if chapters and not only:
            only = _chapters_for(shop)
    batch = batch or ("shop" if data is not None and not chapters else "chapters")
    raise SystemExit(report(batch, data, only, code="hidden" if no_code else None, **options))


@main.command("evaluate")
@click.option("--data", required=True, help='Shop: a folder of tables, "sample" or "completejourney".')
@click.option("--level", default="auto", show_default=True, help="Level of items, for example item_id or category.")
@click.option("--seed", default=2021, show_default=True, type=_SEED, help="Seed of all draws.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="Runs of what is learned.")
@click.option("--networks/--no-networks", default=True, show_default=True, help="Whether networks take part.")
@click.option(
    "--memory", "memory_gb", type=click.FloatRange(min=0, min_open=True), help="Gigabytes a recommender may take."
)
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Minutes a fit may take, by estimate.",
)
@click.option(
    "--in-all",
    default=6.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Minutes for all methods together, by estimate; trees and networks beyond that are left out, and named.",
)
@click.option("--quick", is_flag=True, help="Simple methods only, at most 1,000 users judged: a minute or two.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
@_ACCEPT
def _evaluate(data: str, seed: int, seeds: int, out: Path | None, accept_loss: bool, **options: Any) -> None:
    """Judge every recommender on a shop of your own: the leaderboard of chapter 07."""
    from bundlebook import paths
    from bundlebook.evaluation import Options
    from bundlebook.reports import evaluate_shop

    shop, judged = _told(data, accept_loss), Options(seed=seed, seeds=seeds)
    try:
        evaluate_shop(shop, out or paths.out() / "evaluation", options=judged, say=click.echo, **options)
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; finished rows are kept, the same command goes on") from None


@main.command("protect")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write [default: FOLDER.protected]."
)
def _protect(folder: Path, out: Path | None) -> None:
    """Encrypt a FOLDER into one file, with the key of BUNDLEBOOK_KEY or of this machine (chapter 15)."""
    from bundlebook import paths
    from bundlebook.trust import protect

    file = protect(folder, out)
    click.echo(f"wrote {paths.shown(file)} and read it back")
    click.echo("the folder itself is unchanged; keep a copy of the key before you delete it (chapter 15)")


@main.command("unprotect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder to write to.")
def _unprotect(file: Path, out: Path) -> None:
    """Decrypt a FILE made by protect into a new folder; a file that was changed gives nothing."""
    from bundlebook import paths
    from bundlebook.trust import unprotect

    click.echo(f"wrote {paths.shown(unprotect(file, out))}")


@main.command("about")
@click.argument("user")
@click.option("--data", required=True, help='Shop: a folder of tables, "sample" or "completejourney".')
@click.option("--who", help="Name for the access log [default: the name you are logged in with].")
@_ACCEPT
def _about(user: str, data: str, who: str | None, accept_loss: bool) -> None:
    """Print everything a shop holds about one USER, and why this user is shown what (chapter 15).

    Every call is entered in the access log first.
    """
    import getpass

    from bundlebook.trust import AccessLog, describe_user

    found = describe_user(_told(data, accept_loss), user)
    AccessLog().append(who or getpass.getuser(), f"about {found.called}")
    click.echo(str(found))


@main.command("access-log")
@click.option("--noted", metavar="CODE", help="A code that was noted earlier: check that it is still in the log.")
def _access_log(noted: str | None) -> None:
    """Print who read what about whom, after checking that no line was changed."""
    from bundlebook.trust import AccessLog

    log = AccessLog()
    code = log.verify(noted)
    table = log.table()
    click.echo(table.to_string(index=False) if len(table) else "nothing was read yet")
    click.echo(f"code of the last line: {code}\nnote it elsewhere; with --noted it shows whether lines were cut off")
