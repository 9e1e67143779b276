"""The results, for people and for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from benchmarks import aims, detours, hot_sku, money, payments, prices, promising, routing
from benchmarks.aims import Aim
from benchmarks.cold_starts import API, FLOOR, FLOOR_WITH_CLIENT, ColdStart
from benchmarks.costs import BestAndMedian, Step
from benchmarks.detours import Detour
from benchmarks.hot_sku import Rush
from benchmarks.journey import LINES
from benchmarks.money import MoneyStep
from benchmarks.payments import FoldSpeed
from benchmarks.prices import Work
from benchmarks.promising import PromisingFigures
from benchmarks.routing import RoutingFigures
from benchmarks.throughput import CALLERS, Throughput

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class Cpu:
    """Of warm orders, in milliseconds; see ``benchmarks.costs.CpuTime``."""

    orders: int
    placing: BestAndMedian
    placing_itself: BestAndMedian
    lifecycle: BestAndMedian


@dataclass(frozen=True, slots=True)
class Report:
    """``steps`` are one order's invocations: its units and, of the fastest order, its CPU time.
    ``cold`` includes the floors."""

    date: str
    interpreter: str
    machine: str
    work: Work
    steps: Sequence[Step]
    cpu: Cpu
    throughput: Throughput
    cold: Mapping[str, ColdStart]
    memory_mb: Mapping[str, float]
    rushes: Sequence[Rush] = ()
    promising: PromisingFigures | None = None
    detours: tuple[Detour, ...] = ()
    money: tuple[MoneyStep, ...] = ()
    routing: RoutingFigures | None = None
    payments: tuple[FoldSpeed, ...] = ()

    @property
    def functions(self) -> list[str]:
        return sorted(self.memory_mb)

    @property
    def writes_per_reserved_line(self) -> float:
        """Write units of stock, beside the order's own commit."""
        taken = sum(
            step.writes.get("inventory", 0)
            for step in self.steps
            if (step.function, step.about) == ("sourcing", "reserve")
        )
        return taken / LINES

    def aims(self) -> list[Aim]:
        largest = max(self.memory_mb.values())
        return [
            Aim("write units an order", "at most", aims.WRITE_UNITS, self.work.write_units),
            Aim("state transitions an order", "at most", aims.TRANSITIONS, self.work.transitions),
            Aim(
                "CPU ms to capture, reserve, authorise",
                "at most",
                aims.PLACE_CPU_MS,
                self.cpu.placing_itself.best,
            ),
            Aim(
                "CPU ms of its whole lifecycle",
                "at most",
                aims.LIFECYCLE_CPU_MS,
                self.cpu.lifecycle.best,
            ),
            Aim(
                f"placed orders a second, {CALLERS} callers",
                "more than",
                aims.PLACED_PER_SECOND,
                self.throughput.placed,
            ),
            *(
                Aim(
                    f"cold start of {name}, × floor",
                    "at most",
                    limit_of(name),
                    self.cold[name].ratio,
                )
                for name in self.functions
            ),
            Aim("MB of memory, any function", "at most", aims.MEMORY_MB, largest),
            *(
                Aim(
                    f"mean gap to the optimum, %, {gap.lines} lines × {gap.nodes} nodes",
                    "at most",
                    aims.MEAN_GAP_PERCENT,
                    100 * gap.mean,
                )
                for gap in (self.routing.gaps if self.routing else ())
            ),
        ]


def limit_of(function: str) -> float:
    return aims.API_COLD_START_RATIO if function in API else aims.COLD_START_RATIO


def as_json(report: Report) -> str:
    lines = prices.bill(report.work)
    document = {
        **asdict(report),
        "writes_per_reserved_line": report.writes_per_reserved_line,
        "prices": {"date": prices.DATE, "region": prices.REGION},
        "dollars_per_million_orders": {
            f"{line.price.service} {line.price.unit}": float(line.dollars) for line in lines
        },
        "aims": [{**asdict(aim), "is_met": aim.is_met} for aim in report.aims()],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_text(report: Report) -> str:
    parts = [
        f"What an order costs — {report.date}, {report.interpreter}, {report.machine}",
        _work(report),
        _bill(report.work),
        _steps(report.steps),
        _cpu(report),
        _cold(report),
        _rushes(report.rushes),
        *([detours.as_text(report.detours, table)] if report.detours else []),
        *([money.as_text(report.money, table)] if report.money else []),
        *([promising.as_text(report.promising, table)] if report.promising else []),
        *([routing.as_text(report.routing, table)] if report.routing else []),
        *([payments.as_text(report.payments, table)] if report.payments else []),
        _aims(report.aims()),
    ]
    return "\n\n".join(parts)


def _work(report: Report) -> str:
    work = report.work
    return table(
        ("per order: two lines, card, accepted to delivered", ""),
        [
            ("Lambda invocations", work.invocations),
            ("Lambda GB-seconds", f"{work.gb_seconds:.3f}"),
            ("DynamoDB write units", f"{work.write_units:g}"),
            ("DynamoDB write units per reserved line", f"{report.writes_per_reserved_line:g}"),
            ("DynamoDB read units", f"{work.read_units:g}"),
            ("state transitions, the start included", work.transitions),
            ("queue messages", work.messages),
            ("bus events", work.bus_events),
            ("API calls", work.api_calls),
            ("e-mails", work.mails),
        ],
    )


def _bill(work: Work) -> str:
    lines = prices.bill(work)
    rows: list[Row] = [
        (line.price.service, line.price.unit, f"{line.amount:g}", f"{line.dollars:,.2f}")
        for line in sorted(lines, key=lambda line: -line.dollars)
    ]
    mails = sum((line.dollars for line in lines if line.price is prices.MAILS), Decimal())
    whole = prices.total(lines)
    rows += [("all", "", "", f"{whole:,.2f}"), ("all but mail", "", "", f"{whole - mails:,.2f}")]
    heading = f"$ per million orders ({prices.REGION}, {prices.DATE})"
    return table((heading, "of", "per order", "$"), rows)


def _steps(steps: Sequence[Step]) -> str:
    return table(
        ("function", "about", "CPU ms", "writes", "reads"),
        [
            (step.function, step.about, f"{step.cpu_ms:.1f}", units(step.writes), units(step.reads))
            for step in steps
        ],
    )


def units(by_table: Mapping[str, float]) -> str:
    return ", ".join(f"{table} {amount:g}" for table, amount in sorted(by_table.items()))


def _cpu(report: Report) -> str:
    cpu = report.cpu
    return table(
        (f"CPU ms in our functions, {cpu.orders} warm orders", "best", "median"),
        [
            ("to place: all until it is authorised", *_both(cpu.placing)),
            ("  of which capture, reserve, authorise", *_both(cpu.placing_itself)),
            ("whole lifecycle, mails and read models included", *_both(cpu.lifecycle)),
        ],
    ) + (
        f"\n\norders a second with {CALLERS} callers: {report.throughput.captured:.1f} captured,"
        f" {report.throughput.placed:.1f} placed"
    )


def _both(measured: BestAndMedian) -> tuple[str, str]:
    return f"{measured.best:.1f}", f"{measured.median:.1f}"


def _cold(report: Report) -> str:
    floors = {FLOOR: "floor: boto3, Logger", FLOOR_WITH_CLIENT: "floor with a DynamoDB client"}
    rows: list[Row] = [_cold_row(report, name, shown) for name, shown in floors.items()]
    rows += [_cold_row(report, name, name) for name in report.functions]
    return table(
        ("cold start, CPU ms", "import", "first call", "× floor", "× with client", "MB"), rows
    )


def _cold_row(report: Report, name: str, shown: str) -> Row:
    one = report.cold[name]
    memory = report.memory_mb.get(name, one.best.memory_mb)
    return (
        shown,
        f"{one.best.import_ms:.0f}",
        f"{one.best.call_ms:.0f}",
        f"{one.ratio:.2f}",
        f"{one.ratio / report.cold[FLOOR_WITH_CLIENT].ratio:.2f}",
        f"{memory:.0f}",
    )


def _rushes(rushes: Sequence[Rush]) -> str:
    limits = f"modelled: {hot_sku.WRITES_A_SECOND} write units a second for each item"
    return table(hot_sku.HEADING, hot_sku.rows(rushes)) + f"\n\n{limits}"


def _aims(found: Sequence[Aim]) -> str:
    rows = [
        ("met" if aim.is_met else "MISSED", aim.what, f"{aim.sense} {aim.limit:g}", _short(aim))
        for aim in found
    ]
    missed = len(aims.missed(found))
    verdict = "all aims are met" if not missed else f"{missed} of {len(found)} aims are missed"
    return table(("aim", "", "", "measured"), rows) + f"\n\n{verdict}"


def _short(aim: Aim) -> str:
    return f"{aim.measured:.2f}".rstrip("0").rstrip(".")


def table(heading: Sequence[str], rows: Iterable[Row]) -> str:
    """Columns that hold numbers only stand to the right."""
    cells = [list(heading), *([str(cell) for cell in row] for row in rows)]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(map(_is_number, column[1:])) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "─" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def _is_number(text: str) -> bool:
    return not text or text.replace(",", "").replace(".", "", 1).isdigit()
