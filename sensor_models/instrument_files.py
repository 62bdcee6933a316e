"""Any file of scans, told by its content: our CSV, PalmSens session or export, CHI text export, Gamry .dta."""

from __future__ import annotations

from pathlib import Path

from sensor_models import chi_files, delimited_text, gamry_files, palmsens_files, scans
from sensor_models.errors import MalformedFile
from sensor_models.scans import Read, RecordedScan

BYTES_MOST = 1 << 30  # a file this large is not a set of scans; our CSV is read row by row and may be larger
KNOWN = (".csv", ".pssession", ".dta", ".txt")
HEAD_CHARACTERS = 20_000


def _is_our_csv(path: Path) -> bool:
    try:
        table = delimited_text.Table(path)
    except MalformedFile:
        return False
    table.close()
    return "scan_id" in table.header


def _unique(found: list[RecordedScan]) -> list[RecordedScan]:
    """The scans with names that differ: two measurements of one title are two scans."""
    seen: dict[str, int] = {}
    out = []
    for one in found:
        count = seen[one.scan_id] = seen.get(one.scan_id, 0) + 1
        out.append(one if count == 1 else one.renamed(f"{one.scan_id} ({count})"))
    return out


def read(path: Path) -> Read:
    """(the sound scans of a file, what is wrong with the others); raises MalformedFile when no scan is sound."""
    file, ending = str(path), path.suffix.lower()
    if not path.exists():
        raise MalformedFile(file, 0, "", "No such file or directory")
    if ending not in KNOWN:
        known = ", ".join(KNOWN)
        raise MalformedFile(file, 0, "", f"no reader for {path.suffix or 'a name without ending'} (known: {known})")
    if ending in {".csv", ".txt"} and _is_our_csv(path):
        return scans.read(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise MalformedFile(file, 0, "", error.strerror or "cannot be read") from None
    if size > BYTES_MOST:
        raise MalformedFile(file, 0, "", f"has {size} bytes: too large for a set of scans")
    text = delimited_text.whole_text(path)
    head = text[:HEAD_CHARACTERS].lstrip()
    if not head:
        raise MalformedFile(file, 0, "", "the file is empty")
    if ending == ".dta" or head.upper().startswith("EXPLAIN"):
        found, faults = gamry_files.read(text, file, path.stem)
    elif ending == ".pssession" or head.startswith("{"):
        found, faults = palmsens_files.read_session(text, file, path.stem)
    elif ending == ".txt" or chi_files.is_export(text):
        found, faults = chi_files.read(text, file, path.stem)
    elif any(character in head for character in ("\u00b5A", "uA", "nA", "mA", "\u03bcA")):
        found, faults = palmsens_files.read_export(text, file, path.stem)
    else:
        return scans.read(path)  # says which of our columns is missing
    return _unique(found), faults
