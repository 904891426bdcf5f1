"""The commands that work on records: runs, compare, reproduce, report, export."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from live_code.tools.settings import StoreSettings

if TYPE_CHECKING:
    from live_code.records.compare import History
    from live_code.stages.record.reading import Record

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    _add_runs(commands)
    _add_compare(commands)
    _add_reproduce(commands)
    _add_report(commands)
    _add_export(commands)


def _add_runs(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("runs", help="list the records below a folder, newest first")
    command.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: this folder")
    command.add_argument("--where", default="", metavar="COND", help="such as 'mAP>0.5 and commit=abc'")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=_runs)


def _add_compare(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("compare", help="tell what differs between runs, likely causes first")
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder or id, as `runs` shows it")
    command.add_argument("--json", action="store_true", help="for programs")
    command.add_argument("--html", type=Path, metavar="FILE", help="write a page that needs no network")
    command.add_argument("--offline", action="store_true", help="ask no git server for the commits between")
    command.set_defaults(command=_compare)


def _add_reproduce(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("reproduce", help="run a record again: same commit, lock and config")
    command.add_argument("run", type=Path, metavar="RUN", help="a run's folder or id, as `runs` shows it")
    command.add_argument("--in", dest="in_dir", type=Path, metavar="DIR", help="the data (default: where it was)")
    command.add_argument("--out", dest="out_dir", type=Path, metavar="DIR", help="default: reproduced-ID")
    command.add_argument("--verify", action="store_true", help="compare the results; the exit code tells")
    command.add_argument(
        "--tolerance", type=float, default=1e-6, metavar="T", help="for metrics (default: %(default)g)"
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value that was hidden, or git_url="
    )
    command.set_defaults(command=_reproduce)


def _add_report(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("report", help="write one page about runs that needs no network")
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN|DIR", help="records, or folders of records")
    command.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="default: %(default)s")
    command.add_argument("--where", default="", metavar="COND", help="such as 'mAP>0.5 and commit=abc'")
    command.set_defaults(command=_report)


def _add_export(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("export", help="put records into the words of other tools")
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN|DIR", help="records, or folders of records")
    command.add_argument("--provenance", action="store_true", help="an in-toto statement beside each record")
    command.add_argument("--key", type=Path, metavar="PEM", help="sign the statement with this private key")
    command.add_argument("--sbom", action="store_true", help="a CycloneDX bill of materials beside each record")
    command.add_argument("--mlflow", action="store_true", help="a run of MLflow, where MLFLOW_TRACKING_URI says")
    command.set_defaults(command=_export)


def _runs(arguments: argparse.Namespace) -> int:
    from live_code.records import listing

    records = listing.find(arguments.folder, arguments.where)
    print(listing.as_json(records) if arguments.json else "\n".join(listing.show(records)))
    return 0


def _reproduce(arguments: argparse.Namespace) -> int:
    from live_code.errors import ConfigError
    from live_code.records import listing
    from live_code.records.reproduce import Wanted, reproduce

    for pair in (pair for pair in arguments.set if "=" not in pair):
        raise ConfigError(f"--set {pair} has no value.", hint="Write --set KEY=VALUE.")
    given = dict(pair.split("=", 1) for pair in arguments.set)
    wanted = Wanted(arguments.in_dir, arguments.out_dir, arguments.verify, arguments.tolerance, given)
    return reproduce(listing.named(arguments.run), wanted, arguments.environ)


def _export(arguments: argparse.Namespace) -> int:
    from live_code.errors import ConfigError, MissingExtra
    from live_code.records import listing

    wanted = {"provenance": arguments.provenance or arguments.sbom, "mlflow": arguments.mlflow}
    if not any(wanted.values()):
        raise ConfigError("nothing is asked for.", hint="Add --provenance, --sbom or --mlflow.")
    records = [record for path in arguments.runs for record in listing.given(path)]
    for extra in (name for name, value in wanted.items() if value):
        try:
            _EXPORTS[extra](records, arguments)
        except ImportError as error:
            raise MissingExtra(extra, error) from error
    return 0


def _export_provenance(records: Sequence[Record], arguments: argparse.Namespace) -> None:
    from live_code.errors import RecordError
    from live_code.records.export import sbom, slsa
    from live_code.tools import files
    from live_code.tools.terminal import log

    for record in records:
        if arguments.sbom:
            files.write_text(record.path.with_name("sbom.cdx.json"), sbom.text(record) + "\n")
            print(record.path.with_name("sbom.cdx.json"))
        if arguments.provenance:
            try:
                statement = slsa.statement(record)
            except RecordError as error:
                if len(records) == 1:
                    raise
                log.warning(str(error))  # of many runs some fail
                continue
            path = record.path.with_name("provenance.json")
            files.write_json(path, slsa.signed(statement, arguments.key) if arguments.key else statement)
            print(path)


def _export_mlflow(records: Sequence[Record], arguments: argparse.Namespace) -> None:
    from live_code.records.export import mlflow_run

    for record in records:
        print(mlflow_run.log(record))


_EXPORTS = {"provenance": _export_provenance, "mlflow": _export_mlflow}


def _report(arguments: argparse.Namespace) -> int:
    from live_code.records import listing

    records = [record for path in arguments.runs for record in listing.given(path, arguments.where)]
    return _write_page(arguments.output, records, [], arguments.settings().store)


def _write_page(path: Path, records: Sequence[Record], histories: Sequence[History], settings: StoreSettings) -> int:
    """The page's libraries are an extra of the package: most containers never write one."""
    from live_code.errors import MissingExtra, RecordError
    from live_code.tools.store import find

    if not records:
        raise RecordError("there is no record to report on.", hint="Name a run.json or a folder with runs.")
    try:
        from live_code.records import report
    except ImportError as error:
        raise MissingExtra("report", error) from error
    report.write(path, records, find(settings), histories)
    print(path)
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from live_code.errors import ConfigError
    from live_code.records import compare, listing
    from live_code.records.compare import history, text

    if len(arguments.runs) < 2:
        raise ConfigError("a run alone differs from nothing.", hint="Name two runs or more.")
    records = [listing.named(path) for path in arguments.runs]
    first = records[0]
    pairs = ((first, other) for other in records[1:])
    compared = [history.between(*pair, arguments.settings(), offline=arguments.offline) for pair in pairs]
    histories = [entry for entry in compared if entry]
    if arguments.html:
        return _write_page(arguments.html, records, histories, arguments.settings().store)
    differences, scores = compare.between(records), compare.metrics(records)
    shown = text.as_json(records, differences, scores, histories) if arguments.json else None
    sys.stdout.write((shown or "\n".join(text.show(records, differences, scores, histories))) + "\n")
    return 0
