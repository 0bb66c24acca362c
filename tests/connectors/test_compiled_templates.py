"""Compiled templates are used as long as they are what compiling would make, and are never needed."""

import os
import sys

import pytest
from jinja2 import DictLoader, Environment

from connectors.report.compiled_templates import CompiledTemplates


@pytest.fixture
def maker(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "maker.py").touch()
    return tmp_path / "maker.py"


def compiled(maker, source="hello {{ name }}", **options):
    """What the template says, and how often it was compiled for that."""
    times = []

    class Counting(Environment):
        def _compile(self, *arguments):
            times.append(1)
            return super()._compile(*arguments)

    cache = CompiledTemplates(str(maker))
    environment = Counting(loader=DictLoader({"a": source}), bytecode_cache=cache, autoescape=True, **options)
    return environment.get_template("a").render(name="<you>"), len(times)


def test_a_template_is_compiled_once(maker):
    assert compiled(maker) == ("hello &lt;you&gt;", 1)
    assert compiled(maker) == ("hello &lt;you&gt;", 0)


def test_another_template_is_compiled_anew(maker):
    compiled(maker)

    assert compiled(maker, "bye {{ name }}") == ("bye &lt;you&gt;", 1)


def test_what_another_maker_or_jinja_compiled_is_not_used(maker, monkeypatch, tmp_path):
    compiled(maker)
    os.utime(maker, ns=(1, 1))
    assert compiled(maker)[1] == 1

    (tmp_path / "compiler.py").touch()
    monkeypatch.setattr("jinja2.compiler.__file__", str(tmp_path / "compiler.py"))
    assert compiled(maker)[1] == 1


def test_nothing_is_kept_where_python_keeps_nothing(maker, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    assert [compiled(maker)[1], compiled(maker)[1]] == [1, 1]
    assert list((maker.parent / "__pycache__").iterdir()) == []


def test_without_a_place_to_keep_them_templates_are_compiled(maker):
    (maker.parent / "__pycache__").rmdir()

    assert [compiled(maker), compiled(maker)] == [("hello &lt;you&gt;", 1)] * 2
