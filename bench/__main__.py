"""``python -m bench [name …]``: run all measurements, or the named ones."""

import importlib
import pkgutil
import sys
import time

import bench


def main(wanted: list[str]) -> int:
    """Exit code 1 if a measurement could not be made."""
    names = [
        module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")
    ]
    unknown = set(wanted) - set(names)
    if unknown:
        print(f"There is no {', '.join(sorted(unknown))}: choose from {', '.join(names)}.", file=sys.stderr)
        return 2
    return max((measure(name) for name in wanted or names), default=0)


def measure(name: str) -> int:
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    try:
        importlib.import_module(f"bench.{name}").main()
    except Exception as error:
        print(f"could not be measured: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"({time.monotonic() - began:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
