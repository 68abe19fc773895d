"""Generated months as a source. They are synthetic, and kept apart from published ones in the lake."""

from collections.abc import Iterator

from flocon.errors import NotYetPublished, SourceError
from flocon.months import Month
from flocon.taxi import sample
from flocon.taxi.names import parse_file_name
from flocon.taxi.published import Published
from flocon.taxi.sample_schema import schema_of


class SampleSource:
    """Every month of a size and a seed; nothing is stored, a month is made anew each time it is streamed."""

    is_synthetic = True
    lake_prefix = "sample"

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self.spec = f"sample:rows={rows},seed={seed}"

    @classmethod
    def parse(cls, spec: str, *, rows: int, seed: int) -> "SampleSource":
        """The source of `sample` or `sample:rows=300000,seed=7`; the defaults are given beside it.

        Raises:
            SourceError: another option, or a value that is no whole number in range.
        """
        given = {"rows": rows, "seed": seed}
        for option in filter(None, spec.partition(":")[2].split(",")):
            name, _, value = (part.strip() for part in option.partition("="))
            if name not in given or not value.isdecimal():
                raise SourceError(f"{spec!r} is not a source: write it as sample:rows=300000,seed=7")
            given[name] = int(value)
        if given["rows"] < 1:
            raise SourceError(f"{spec!r} is not a source: a generated month has at least one row")
        return cls(**given)

    def probe(self, file_name: str) -> Published:
        """See `Source.probe`. The size is not known before the month is made."""
        service, month = self._month(file_name)
        schema_of(service, month)
        etag = sample.fingerprint(service, month, self.rows, self.seed)
        return Published(f"{self.spec}/{file_name}", f'"{etag}"', None, None)

    def stream(self, file_name: str, published: Published) -> Iterator[bytes]:
        """See `Source.stream`."""
        service, month = self._month(file_name)
        return sample.month_chunks(service, month, self.rows, self.seed)

    def _month(self, file_name: str) -> tuple[str, Month]:
        parsed = parse_file_name(file_name)
        if parsed is None:
            raise NotYetPublished(f"{file_name}: only months are generated")
        return parsed
