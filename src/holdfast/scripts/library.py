"""What comes with Holdfast for those who write scripts: examples, and the names they may use."""

import ast
import functools
from importlib.resources import files

from holdfast.scripts.schemas import ReferenceEntry, ReferenceView, ScriptExample


@functools.cache
def examples() -> list[ScriptExample]:
    """By their file names."""
    found = files("holdfast.scripts").joinpath("examples").iterdir()
    named = sorted((one.name.removesuffix(".py"), one) for one in found if one.name.endswith(".py"))
    return [_example(name, one.read_text()) for name, one in named if not name.startswith("_")]


def _example(name: str, source: str) -> ScriptExample:
    """Its docstring is what it is about; its title is what it calls itself."""
    tree = ast.parse(source)
    about = " ".join((ast.get_docstring(tree) or "").split())
    return ScriptExample(id=name, name=_title(tree) or name, about=about, source=source)


def _title(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="script"), args=[ast.Constant(value=str(title)), *_]):
                return title
    return ""


@functools.cache
def reference() -> ReferenceView:
    from holdfast.scripts.language.reference import REFERENCE

    return ReferenceView(names=[ReferenceEntry.model_validate(one) for one in REFERENCE])
