"""Keeps the page's templates compiled, beside the modules that Python keeps compiled and by the same switch.

To compile them takes a tenth of a second of every run, more than all else about the page. What is kept is as good as
the modules beside it: it is made anew where a template, this package or Jinja is another one.
"""

import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

import jinja2.compiler
from jinja2.bccache import Bucket, FileSystemBytecodeCache


class CompiledTemplates(FileSystemBytecodeCache):
    """The compiled templates of the environment that the module in `maker` makes."""

    def __init__(self, maker: str) -> None:
        """Keep them where Python keeps `maker` compiled; where nothing can be written there, nothing is kept."""
        super().__init__(str(Path(cache_from_source(maker)).parent), f"%s.{sys.implementation.cache_tag}.template")
        # Jinja itself looks at a template's text alone. What it makes of it is up to its release and to the maker.
        stats = [Path(file).stat() for file in (maker, jinja2.compiler.__file__)]
        self._makers = " ".join(f"{file.st_mtime_ns} {file.st_size}" for file in stats)

    def get_source_checksum(self, source: str) -> str:
        """Return what is another one wherever the template would compile to something else."""
        return super().get_source_checksum(f"{self._makers} {source}")

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, if Python is to keep its own."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                super().dump_bytecode(bucket)
