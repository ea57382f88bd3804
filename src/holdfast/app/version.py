from importlib.metadata import version as _installed


def version() -> str:
    """The installed version of Holdfast."""
    return _installed("holdfast")
