"""Stack tables in what programs and pages put around them: cells, strings, mails, forums, logs, narrow windows.

The truth is what the same table gives as the debugger prints it.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import quopri
import textwrap
from typing import Callable, Dict, List, Tuple

import pytest

from hogwalk.answer.render.json_report import document
from tests.text.test_tables import HEAD, STYLES, held, kf, numbered, report, rows

Lines = List[str]
WIDE: Tuple[Tuple[int, int, str], ...] = (  # Child-SP, RetAddr, call site: invented
    (0xFFFFB30F43C61010, 0xFFFFF80434D06DC7, "LarchAv+0x6941"),
    (0xFFFFB30F43C61050, 0xFFFFF80412A01341, "LarchAv+0x6dc7"),
    (0xFFFFB30F43C610D0, 0xFFFFF80412A01645, "nt!IopfCompleteRequest+0x341"),
    (0xFFFFB30F43C611D0, 0xFFFFF80412A01999, "BirchCry!Go+0x22"),
    (0xFFFFB30F43C615D0, 0xFFFFF80412A01AAA, "nt!IofCallDriver+0x55"),
    (0xFFFFB30F43C617D0, 0, "nt!KiStartSystemThread+0x2a"),
)


def ticked(address: int) -> str:
    return f"{address >> 32:08x}`{address & 0xFFFFFFFF:08x}"


def wide(arguments: str = "") -> Lines:
    return [f"{at:02x} {ticked(sp)} {ticked(back)}     {arguments}{site}" for at, (sp, back, site) in enumerate(WIDE)]


FOUR = ": 00000000`00000001 00000000`00000002 ffffe000`00000000 00000000`00000004 : "
TABLES: Dict[str, Lines] = {
    "kb": ["kd> kb", HEAD, *rows()],
    "kv": ["kd> kv", HEAD, *(f"{row} (FPO: [Non-Fpo])" for row in rows())],
    "k": ["kd> k", "ChildEBP RetAddr  ", *rows(lambda ebp, back, site: f"{ebp:08x} {back:08x} {site}")],
    "kn": ["kd> kn", " # ChildEBP RetAddr  ", *numbered()],
    "kf": ["kd> kf", "  Memory  ChildEBP RetAddr  ", *kf()],
    "x64 kn": ["3: kd> kn", " # Child-SP          RetAddr               Call Site", *wide()],
    "x64 kv": ["3: kd> kv", " # Child-SP          RetAddr               : Args to Child : Call Site", *wide(FOUR)],
}


def cells(lines: Lines) -> List[Lines]:
    """Head and rows in columns; kf's first row has no Memory."""
    head = [word for word in lines[1].replace("Args to Child", "").replace("Call Site", "").split() if word != ":"]
    rows = [line.replace(" : ", " ").split() for line in lines[2:]]
    most = max(map(len, rows))
    return [[*head, *[""] * (most - len(head) - 1), "Call Site"], *([""] * (most - len(row)) + row for row in rows)]


def separated(lines: Lines, delimiter: str = ",", every: bool = False) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL)
    writer.writerows(cells(lines))
    return text.getvalue()


def wrapped(lines: Lines, width: int, before: str = "", end: str = "\n") -> str:
    broken = [textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in lines]
    return "\n".join(end.join(before + piece for piece in pieces) for pieces in broken)


def mail(encoding: str, body: str, kind: str = "plain") -> str:
    return f"From: a@b.example\nContent-Type: text/{kind}\nContent-Transfer-Encoding: {encoding}\n\n{body}\n"


def page(lines: Lines) -> str:
    return "<html><pre>" + "".join(f"{html.escape(line)}<br>" for line in lines) + "</pre></html>"


def quoted_printable(text: str) -> str:
    return quopri.encodestring(text.encode()).decode("ascii")


def colored(lines: Lines) -> str:
    ways = ("[color=#ff0000]%s[/color]", "[b]%s[/b]", "%s")
    return "[font=Courier New][size=2]" + "\n".join(ways[at % 3] % line for at, line in enumerate(lines)) + "[/size]"


def celled(lines: Lines, end: str) -> str:
    rows = (end.join(f"<td>{html.escape(one)}</td>" for one in row) for row in cells(lines))
    return f"<table>{end}" + end.join(f"<tr>{end}{row}{end}</tr>" for row in rows) + f"{end}</table>"


FORMS: Dict[str, Callable[[Lines], str]] = {
    "comma separated": separated,
    "all quoted": lambda lines: separated(lines, every=True),
    "semicolons": lambda lines: separated(lines, ";"),
    "tabs": lambda lines: separated(lines, "\t"),
    "pipes between": lambda lines: "\n".join(" | ".join(row) for row in cells(lines)),
    "code in cells": lambda lines: "\n".join(
        f"| {' | '.join(f'`{cell}`' if cell else '' for cell in row)} |" for row in cells(lines)
    ),
    "JSON, a list": lambda lines: json.dumps({"lines": lines}),
    "JSON, a list of lines": lambda lines: json.dumps({"lines": lines}, indent=2),
    "JSON of HTML": lambda lines: json.dumps({"body": page(lines)}).replace("<", "\\u003c").replace("&", "\\u0026"),
    "Python": lambda lines: repr("\n".join(lines)),
    "strings of C": lambda lines: "\n".join(f'"{line}\\n"' for line in lines),
    "quoted-printable": lambda lines: mail("quoted-printable", quoted_printable("\n".join(lines))),
    "HTML, quoted-printable": lambda lines: mail("Quoted-Printable", quoted_printable(page(lines)), "html"),
    "base64": lambda lines: mail("base64", base64.encodebytes("\n".join(lines).encode()).decode("ascii")),
    "BBCode": lambda lines: "[quote=Bob]see[/quote]\n[code]" + "\n".join(lines) + "[/code]",
    "BBCode, colors": colored,
    "BBCode, each row": lambda lines: "\n".join(f"[I]{line}[/I]" for line in lines),
    "72 columns": lambda lines: wrapped(lines, 72),
    "60 columns": lambda lines: wrapped(lines, 60),
    "72 columns, quoted": lambda lines: wrapped(lines, 72, "> "),
    "flowed": lambda lines: wrapped(lines, 66, end=" \n"),
    "a window of 80": lambda lines: "\n".join(line[at : at + 80] for line in lines for at in range(0, len(line), 80)),
    "a disassembler's comment": lambda lines: "\n".join(f".text:10004452         ; {line}" for line in lines),
    "syslog": lambda lines: "\n".join(f"Nov 28 20:51:{at + 10} host kd[12]: {row}" for at, row in enumerate(lines)),
    "a logger": lambda lines: "\n".join(f"2026-11-28 20:51:55,{at + 123} INFO - {row}" for at, row in enumerate(lines)),
    "grep": lambda lines: "\n".join(f"crash.log:{at}:{line}" for at, line in enumerate(lines, 98)),
    "cat -n": lambda lines: "\n".join(f"{at:6}\t{line}" for at, line in enumerate(lines, 98)),
    "a patch": lambda lines: "\n".join(f"+{line}" for line in lines),
    "CDATA": lambda lines: "<log><![CDATA[" + "\n".join(lines) + "]]></log>",
    "XML, each row": lambda lines: "\n".join(f"<line>{html.escape(line)}</line>" for line in lines),
    "HTML cells": lambda lines: (
        "<table>"
        + "".join("<tr>" + "".join(f"<td>{html.escape(one)}</td>" for one in row) + "</tr>" for row in cells(lines))
    ),
    "HTML cells, a line each": lambda lines: (
        "<table>\n"
        + "\n".join(
            "<tr>\n" + "\n".join(f"<td>{html.escape(one)}</td>" for one in row) + "\n</tr>" for row in cells(lines)
        )
    ),
    "RTF": lambda lines: "{\\rtf1\\ansi " + "\\par\n".join(line.replace("\\", "\\\\") for line in lines) + "\\par}",
    "a chat": lambda lines: "Bob  10:22 AM\n```" + "\n".join(lines) + "```",
}


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_gives_the_rows_of_the_table_itself(form: str, table: str) -> None:
    lines = TABLES[table]
    right, found = report("\n".join(lines)), report(FORMS[form](lines))
    assert len(right.frames) == len(lines) - 2
    for what in ("frame_ptr", "return_address", "bytes"):
        assert [getattr(one, what) for one in found.frames] == [getattr(one, what) for one in right.frames]
    assert [frame.symbol for frame in found.frames] == [frame.symbol for frame in right.frames]
    assert held(found) == held(right)


def test_kf_without_its_head_keeps_its_first_row() -> None:
    whole, bare = report(STYLES["kf"]), report("\n".join(kf()))
    assert [frame.frame_ptr for frame in bare.frames] == [frame.frame_ptr for frame in whole.frames]
    assert held(bare) == held(whole)


def test_what_stands_before_a_head_alone_is_no_prefix() -> None:
    lines = ["see 1: ChildEBP RetAddr", *rows()]
    assert held(report("\n".join(lines))) == held(report(STYLES["kb"]))
    assert held(report("\n".join(["kd> kb; ChildEBP RetAddr", *rows()]))) == held(report(STYLES["kb"]))


def test_a_head_behind_its_command_is_no_part_of_it() -> None:
    found = report("\n".join(["0:000> kL ChildEBP RetAddr WARNING: Following frames may be wrong.", *rows()]))
    assert held(found) == held(report(STYLES["kb"]))
    assert document(found)["printed"]["command"] == "kL"


def test_a_mail_of_two_parts_and_what_is_no_base64() -> None:
    table = STYLES["kb"]
    first = mail("base64", base64.encodebytes(b"see below\n").decode("ascii"))
    second = mail("quoted-printable", quoted_printable(table))
    assert held(report(f"{first}--=_x\n{second}--=_x--\n")) == held(report(table))
    assert held(report(mail("base64", table))) == held(report(table))
