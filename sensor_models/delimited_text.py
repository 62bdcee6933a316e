"""Rows of a text table as people's programs write them: any usual encoding, separator, decimal sign and line end."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from sensor_models.errors import MalformedFile

SEPARATORS = (",", ";", "\t")
NAMED_SEPARATOR = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
FIELD_MOST = 1 << 20  # a longer field is an unclosed quotation mark that swallows the file


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("as_latin_1", _as_latin_1)


def encoding_of(head: bytes) -> str:
    """The encoding that a file's first bytes tell: a byte order mark, or zero bytes between the letters."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if head[1:2] == b"\x00":
        return "utf-16-le"
    if head[:1] == b"\x00":
        return "utf-16-be"
    return "utf-8-sig"


def whole_text(path: Path) -> str:
    """A whole text file, whatever its encoding (bytes that are not UTF-8 are read as Latin-1); raises MalformedFile."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MalformedFile(str(path), 0, "", error.strerror or "cannot be read") from None
    text = data.decode(
        encoding_of(data[:4]), errors="as_latin_1" if encoding_of(data[:4]) == "utf-8-sig" else "replace"
    )
    return text.removeprefix("\ufeff")


def number(text: str, *, decimal_comma: bool = False) -> float:
    """A number with a decimal point, or with a decimal comma where the separator allows one; raises ValueError."""
    text = text.strip()
    if "_" in text:
        raise ValueError(text)
    if decimal_comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    return float(text)


class Table:
    """Rows of a delimited file with their line numbers; the header is read at once, comments and blanks skipped."""

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        try:
            with path.open("rb") as raw:
                encoding = encoding_of(raw.read(4))
            errors = "as_latin_1" if encoding == "utf-8-sig" else "replace"
            self._stream = path.open(newline="", encoding=encoding, errors=errors)
        except OSError as error:
            raise MalformedFile(self.file, 0, "", error.strerror or "cannot be read") from None
        csv.field_size_limit(FIELD_MOST)
        self.line = 0
        first = next(self._lines(), None)
        named = NAMED_SEPARATOR.fullmatch(first.strip("\r\n ").strip('"')) if first else None
        if named:  # a spreadsheet's own first line
            first = next(self._lines(), None)
        if first is None:
            self._stream.close()
            raise MalformedFile(self.file, 0, "", "the file is empty")
        if "\x00" in first:
            self._stream.close()
            raise MalformedFile(self.file, 0, "", "is not a text table")
        self.separator = named[1] if named else max(SEPARATORS, key=first.count)
        self.header_line = self.line
        self.header = [name.strip().strip('"').strip() for name in first.strip().split(self.separator)]
        self.decimal_comma = self.separator != ","

    def close(self) -> None:
        """Let go of a file whose rows are not wanted."""
        self._stream.close()

    def _lines(self) -> Iterator[str]:
        for line in self._stream:
            self.line += 1
            if line.strip() and not line.lstrip("\ufeff \t").startswith("#"):
                yield line.lstrip("\ufeff")

    def rows(self) -> Iterator[list[str]]:
        """The rows after the header; `line` is the line number of the last one given. Raises MalformedFile."""
        reader = csv.reader(self._lines(), delimiter=self.separator)
        try:
            for row in reader:
                if any(field.strip() for field in row):
                    yield row
        except csv.Error as error:
            raise MalformedFile(self.file, self.line, "", f"is not CSV: {error}") from None
        finally:
            self._stream.close()

    def number(self, text: str, field: str) -> float:
        """A number of the last row given; raises MalformedFile naming the field."""
        try:
            return number(text, decimal_comma=self.decimal_comma)
        except ValueError:
            what = "is empty" if not text.strip() else f"{text!r} is not a number"
            raise MalformedFile(self.file, self.line, field, what) from None
