"""Reads a calibration file as little as memory allows: token by token, numbers packed, what no test needs left out.

Whole in memory, the colour strip's file takes 42 KB of the bracelet's 110; like this, 14. Only where a float has single
precision are lists packed to it: nothing is rounded that was not.
"""

import gc
import json
from array import array

from firmware.bracelet.settings import BadSettings

CHUNK = 512
PACKED_FROM = 2
SINGLE_PRECISION = 1.0 + 1e-9 == 1.0
SPACE = " \t\r\n"
# Members of the document and of its parts that no test reads.
NOT_OF_THE_DOCUMENT = (
    "limits",
    "guarantees",
    "lots",
    "matrices",
    "source",
    "excluded",
    "alpha",
    "beta",
    "coverage",
    "n",
    "technique",
)
BY_DRINK = ("matrices", "drinks")
NOT_OF_A_PART = ("curve", "lc_mol_l", "ld_mol_l", "lq_mol_l", "n_blanks")


class Reader:
    """A JSON document from an open text file; ValueError when it is not one.

    `drink`: of tables by drink only this one's line is kept, or some line, so that it stays unknown; None: all.
    `left_in_file`: of a document with this schema the analytes are looked through and not kept.
    """

    def __init__(self, file, drink=None, left_in_file: str = ""):
        self._file = file
        self._drink = drink
        self._left_in_file = left_in_file
        self._text = ""
        self._at = 0

    def document(self) -> dict:
        """The object in the file."""
        if self._peek() != "{":
            raise ValueError("not an object")
        return self._object(0, True)

    def analytes(self):
        """The analytes of the document, one after the other (generator); of the rest nothing is kept."""
        self._take("{")
        while True:
            name = self._string()
            self._take(":")
            if name == "analytes":
                break
            self._value(1, False)
            if self._take(",}") == "}":
                return
        self._take("[")
        if self._peek() == "]":
            return
        while True:
            yield self._value(1, True)
            if self._take(",]") == "]":
                return

    def _more(self) -> None:
        gc.collect()  # or what stays would lie scattered among what goes, and a long list find no room
        chunk = self._file.read(CHUNK)
        if not chunk:
            raise ValueError("the file ends too soon")
        self._text = self._text[self._at :] + chunk
        self._at = 0

    def _peek(self) -> str:
        while True:
            while self._at >= len(self._text):
                self._more()
            letter = self._text[self._at]
            if letter not in SPACE:
                return letter
            self._at += 1

    def _take(self, letters: str) -> str:
        letter = self._peek()
        if letter not in letters:
            raise ValueError("%r where one of %s belongs" % (letter, letters))
        self._at += 1
        return letter

    def _until(self, letters: str, start: int) -> int:
        """Offset of the first of these letters, at `start` letters from here or later."""
        offset = start
        while True:
            while self._at + offset >= len(self._text):
                self._more()
            if self._text[self._at + offset] in letters:
                return offset
            offset += 1

    def _object(self, depth: int, kept: bool, line=None) -> dict:
        found: "dict" = {}
        self._take("{")
        if self._peek() == "}":
            self._at += 1
            return found
        left_out = NOT_OF_THE_DOCUMENT if depth == 0 else NOT_OF_A_PART
        while True:
            name = self._string()
            self._take(":")
            keep = kept and name not in left_out and (line is None or not found or name == line)
            if name == "analytes" and depth == 0 and found.get("schema") == self._left_in_file:
                keep = False
            value = self._value(depth + 1, keep, self._drink if name in BY_DRINK else None)
            if keep:
                if line is not None:
                    found.clear()
                found[name] = value
            value = None  # or it would lie beside the next one
            if self._take(",}") == "}":
                return found
            self._peek()

    def _list(self, depth: int, kept: bool):
        found: "list" = []
        self._take("[")
        if self._peek() == "]":
            self._at += 1
            return found
        while True:
            self._peek()
            value = self._value(depth, kept)
            if kept:
                found = joined(found, value)
            if self._take(",]") == "]":
                return found

    def _string(self) -> str:
        self._peek()
        end = self._until('"', 1)
        while self._text[self._at + end - 1] == "\\":
            end = self._until('"', end + 1)
        text = self._text[self._at : self._at + end + 1]
        self._at += end + 1
        found = json.loads(text)
        if not isinstance(found, str):
            raise ValueError("a name is not a text")
        return found

    def _value(self, depth: int, kept: bool, line=None):
        letter = self._peek()
        if letter == "{":
            return self._object(depth, kept, line)
        if letter == "[":
            return self._list(depth, kept)
        if letter == '"':
            return self._string()
        end = self._until(",}]" + SPACE, 0)
        text = self._text[self._at : self._at + end]
        self._at += end
        return json.loads(text)


def joined(values, value):
    """The list with one value more; numbers as array('f') where a float is one of those anyway."""
    if isinstance(values, array) and not is_number(value):
        values = list(values)
    values.append(value)
    if SINGLE_PRECISION and len(values) == PACKED_FROM and all([is_number(one) for one in values]):
        return array("f", values)
    return values


def is_number(value) -> bool:
    """Whether an array of floats can hold it."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def one_drink(calibration: dict, drink: str) -> dict:
    """Of every table by drink only the declared one's line; for any other drink some line, so that it stays unknown."""
    for entry in calibration.get("analytes", ()):
        _one_drink(entry, drink)
    return calibration


def _one_drink(entry: dict, drink: str) -> dict:
    for part in (entry, entry.get("paired"), entry.get("unpaired")):
        if part and part.get("matrices"):
            part["matrices"] = _line(part["matrices"], drink)
    drinks = entry.get("drinks")
    if drinks:
        entry["drinks"] = _line(drinks, drink)
        guarantee = entry.get("guarantee")
        if guarantee:
            group = drinks.get(drink, "")
            cells = guarantee["cells"]
            guarantee["cells"] = {group: cells[group]} if group in cells else {}
    return entry


def _line(table: dict, drink: str) -> dict:
    name = drink if drink in table else next(iter(table))
    return {name: table[name]}


def read(opener, path: str, drink: str, left_in_file: str = "") -> dict:
    """What a test of this drink needs of a calibration file; BadSettings when it cannot be used.

    The analytes of a calibration of schema `left_in_file` are not in it: `analytes` reads them.
    """
    try:
        with opener(path, "r") as file:
            found = one_drink(Reader(file, drink, left_in_file).document(), drink)
    except OSError:
        raise BadSettings(path, "", "is not there") from None
    except (ValueError, UnicodeError) as error:
        raise BadSettings(path, "", "is not JSON: %s" % error) from None
    if found.get("schema") == left_in_file:
        found.pop("analytes", None)
    return found


def analytes(opener, path: str, drink: str):
    """The analytes of a calibration file as a test of this drink needs them, one after the other (generator)."""
    try:
        with opener(path, "r") as file:
            for entry in Reader(file, drink).analytes():
                yield _one_drink(entry, drink)
                del entry  # gone before the next one is read
    except OSError:
        raise BadSettings(path, "", "is not there") from None
    except (ValueError, UnicodeError) as error:
        raise BadSettings(path, "", "is not JSON: %s" % error) from None
