"""How a file looks that is not what its name says, for the words of a refusal."""

SHOWN = 80

_KINDS = {
    b"PK\x03\x04": "a ZIP archive, as .xlsx files are",
    b"\xd0\xcf\x11\xe0": "an old Office file, as .xls files are",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
}


def kind_of(start: bytes) -> str | None:
    """What a file is by its first bytes, or None when they are those of no such kind."""
    return next((kind for magic, kind in _KINDS.items() if start.startswith(magic)), None)


def shown(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return f"«{line[:SHOWN]}…»" if len(line) > SHOWN else f"«{line}»"
