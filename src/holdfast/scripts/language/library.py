"""What a script calls ``ta``. Pure."""

from typing import Final

from holdfast.scripts import ta
from holdfast.scripts.language.words import Names

FUNCTIONS: Final = {name: getattr(ta, name) for name in sorted(ta.__all__) if name.islower()}
TA: Final = Names("ta", **FUNCTIONS)
