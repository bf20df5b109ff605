"""A certificate of erasure to print: what it states, in the reader's language, and how to verify the signed file.

The signed JSON is the certificate; this is its readable form. It carries the SHA-256 of that file's canonical form (RFC
8785), as text and as a QR code, so that paper and file can be held against each other.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from shared.pages.languages import catalogue
from shared.pages.render import filters
from shared.policy.rows import Language
from shared.stores.receipts import canonical

FONTS: Final = Path(__file__).with_name("fonts")
FAMILY: Final = "DejaVu"
MARGIN_MM: Final = 18
QR_MM: Final = 34
LINE_MM: Final = 5.5
SMALL, NORMAL, LARGE = 8, 10, 16
COUNTS: Final = ("matched", "destroyed", "depersonalised", "kept", "residual")


def certificate_pdf(certificate: Mapping[str, Any], language: Language) -> bytes:
    """`certificate`: the signed JSON object of a closed case."""
    return bytes(_Print(certificate, language).document().output())


class _Print:
    def __init__(self, certificate: Mapping[str, Any], language: Language) -> None:
        self._certificate = certificate
        self._language = language
        self._ = catalogue(language).gettext
        self._pdf = FPDF(format="A4")
        self._pdf.set_margin(MARGIN_MM)
        self._pdf.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
        self._pdf.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
        self._pdf.set_lang(language)

    def document(self) -> FPDF:
        self._pdf.add_page()
        self._heading()
        self._facts()
        self._receipts()
        self._kept()
        self._limits()
        self._verification()
        return self._pdf

    def _heading(self) -> None:
        _ = self._
        sha256 = hashlib.sha256(canonical(self._certificate)).hexdigest()
        self._pdf.set_title(_("Certificate of erasure"))
        self._qr(sha256)
        self._text(_("Certificate of erasure"), size=LARGE, bold=True, width=self._pdf.epw - QR_MM)
        self._text(self._certificate["controller"]["name"], width=self._pdf.epw - QR_MM)
        self._text(f"SHA-256: {sha256[:32]} {sha256[32:]}", size=SMALL, width=self._pdf.epw - QR_MM)
        self._pdf.set_y(max(self._pdf.get_y(), MARGIN_MM + QR_MM) + LINE_MM)

    def _facts(self) -> None:
        _, certificate = self._, self._certificate
        destroyed = [reader for reader, key in certificate["keys"].items() if key["destroyed_at"]]
        rows = [
            (_("Case"), certificate["case_id"]),
            (_("Person"), certificate["subject_id"]),
            (_("Request received"), self._moment(certificate["received_at"])),
            (_("Answer due by"), self._day(certificate["deadline"])),
            (_("Case closed"), self._moment(certificate["closed_at"])),
            (_("Stores with a signed receipt"), ", ".join(certificate["stores"])),
            (_("Keys destroyed"), ", ".join(destroyed) or "–"),
            (_("Recipients told / answered"), f"{len(certificate['disclosures'])} / {len(certificate['recipients'])}"),
            (_("Version of the policy"), certificate["policy"]["version"]),
            (_("Entry of the ledger"), f"{certificate['ledger']['sequence']} · {certificate['ledger']['hash'][:16]}…"),
        ]
        self._table([], rows, widths=(35, 65))
        waited = _("Waited for order")
        for deferral in certificate["deferrals"]:
            ended = self._moment(deferral["settled_at"]) if deferral["settled_at"] else "–"
            self._text(f"{waited} {deferral['order_id']} ({deferral['ground']}) · {ended}", size=SMALL)

    def _receipts(self) -> None:
        """Of all rounds: what each store erased; of the last one: what was left."""
        _ = self._
        self._title(_("What each store did"))
        names = (_("Store"), _("Found"), _("Destroyed"), _("Depersonalised"), _("Kept"), _("Left"))
        self._table(
            names, [(store, *map(str, counts)) for store, counts in self._sums()], widths=(28, 12, 15, 19, 13, 13)
        )

    def _sums(self) -> Iterable[tuple[str, list[int]]]:
        """The first round found what there was; what was destroyed adds up; kept and left are the last round's."""
        receipts = sorted(self._certificate["receipts"].items(), key=lambda item: int(item[0]))
        for store in self._certificate["stores"] if receipts else ():
            rounds = [of_stores[store]["collections"].values() for _, of_stores in receipts if store in of_stores]
            found = sum(count["matched"] for count in rounds[0])
            erased = [sum(count[kind] for counts in rounds for count in counts) for kind in COUNTS[1:3]]
            last = [sum(count[kind] for count in rounds[-1]) for kind in COUNTS[3:]]
            yield store, [found, *erased, *last]

    def _kept(self) -> None:
        self._title(self._("Kept, with its ground; nothing of it can be opened"))
        for row in self._certificate["kept"]:
            ground, _, article = row["ground"].rpartition(" (")
            self._text(f"{row['store']}.{row['collection']}: {self._(ground)} ({article}", size=SMALL)

    def _limits(self) -> None:
        self._title(self._("What this does not say"))
        for limit in self._certificate["limits"]:
            self._text(f"– {self._(limit)}", size=SMALL)

    def _verification(self) -> None:
        _ = self._
        self._title(_("How to verify it"))
        self._text(_("The signed file is the certificate; this page shows what it states. Ask the operator for the "
                     "file and the public keys. Then, without any network:"))  # fmt: skip
        self._text(f"sealed verify certificate-{self._certificate['case_id']}.json --keys FOLDER", size=SMALL)
        self._text(_("The SHA-256 above and in the picture is that of the file's canonical form (RFC 8785): it must be "
                     "the same."))  # fmt: skip
        signature, word = self._certificate["signature"], _("Signature")
        self._text(f"{word} (Ed25519, {signature['key_id']}): {signature['value']}", size=SMALL)

    def _title(self, text: str) -> None:
        self._pdf.ln(LINE_MM / 2)
        self._text(text, size=NORMAL + 2, bold=True)

    def _text(self, text: str, *, size: int = NORMAL, bold: bool = False, width: float = 0) -> None:
        self._pdf.set_font(FAMILY, "B" if bold else "", size)
        self._pdf.multi_cell(
            width or self._pdf.epw,
            LINE_MM * max(size, NORMAL) / NORMAL,
            text,
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )

    def _table(self, names: Iterable[str], rows: Iterable[Iterable[str]], *, widths: tuple[int, ...]) -> None:
        self._pdf.set_font(FAMILY, "", NORMAL - 1)
        headings = tuple(names)
        with self._pdf.table(
            col_widths=widths, first_row_as_headings=bool(headings), line_height=LINE_MM, text_align="LEFT",
            borders_layout="HORIZONTAL_LINES",
        ) as table:  # fmt: skip
            for cells in (headings, *rows) if headings else rows:
                row = table.row()
                for cell in cells:
                    row.cell(cell)

    def _qr(self, content: str) -> None:
        """At the top right, as filled squares."""
        matrix = segno.make(content, error="m", micro=False).matrix
        side = QR_MM / len(matrix)
        left = self._pdf.w - MARGIN_MM - QR_MM
        for y, line in enumerate(matrix):
            for x, dark in enumerate(line):
                if dark:
                    self._pdf.rect(left + x * side, MARGIN_MM + y * side, side, side, style="F")

    def _moment(self, iso: str) -> str:
        return self._written("moment", datetime.fromisoformat(iso))

    def _day(self, iso: str) -> str:
        return self._written("day", datetime.fromisoformat(iso).date())

    def _written(self, kind: str, value: date) -> str:
        """As on the pages; the font has no narrow space."""
        return filters(self._language)[kind](value).replace("\u202f", "\u00a0")
