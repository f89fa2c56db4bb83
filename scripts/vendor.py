"""Copies the front-end files that pages use from `node_modules/` to `static/vendor/`.

Lines that point to source maps are left out: the maps are not copied, and static files that name a missing one
cannot be collected with hashed names.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
TARGET = ROOT / "static" / "vendor"

# Latin and its extension are what the console's languages and people's names need most; the rest loads on demand.
INTER = "@fontsource-variable/inter"
FONTS = ("latin", "latin-ext", "cyrillic", "cyrillic-ext", "greek", "greek-ext", "vietnamese")
FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler/tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler/tabler.min.js",
    f"{INTER}/index.css": "inter/inter.css",
    f"{INTER}/LICENSE": "inter/LICENSE",
    **{
        f"{INTER}/files/inter-{name}-wght-normal.woff2": f"inter/files/inter-{name}-wght-normal.woff2"
        for name in FONTS
    },
}
SOURCE_MAP = re.compile(r"(?m)^\s*(?://[#@]|/\*[#@])\s*sourceMappingURL=.*$")


def main() -> None:
    """Make `static/vendor/` anew, aside, and put it in place of the old one."""
    new = TARGET.with_name("vendor.new")
    shutil.rmtree(new, ignore_errors=True)
    for source, target in FILES.items():
        destination = new / target
        destination.parent.mkdir(parents=True, exist_ok=True)
        copy(PACKAGES / source, destination)
    shutil.rmtree(TARGET, ignore_errors=True)
    new.rename(TARGET)


def copy(source: Path, destination: Path) -> None:
    if source.suffix in {".css", ".js"}:
        destination.write_text(SOURCE_MAP.sub("", source.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        shutil.copyfile(source, destination)


if __name__ == "__main__":
    main()
