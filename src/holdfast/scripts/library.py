"""What comes with Holdfast for those who write scripts: examples, and the names they may use."""

import ast
import functools

from holdfast.scripts.language import warm
from holdfast.scripts.language.reference import REFERENCE, Entry
from holdfast.scripts.schemas import ReferenceEntry, ReferenceView, ScriptExample


@functools.cache
def examples() -> list[ScriptExample]:
    """By their file names."""
    return [_example(name, source) for name, source in warm.examples().items()]


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
    """Signatures with their names, as they are called."""
    return ReferenceView(names=[_entry(one) for one in REFERENCE])


def _entry(one: Entry) -> ReferenceEntry:
    called = f"{one['name']}{one['signature']}"
    return ReferenceEntry.model_validate({**one, "signature": called if one["kind"] == "function" else ""})
