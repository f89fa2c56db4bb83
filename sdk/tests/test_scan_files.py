"""Which files are searched where git is not asked: what no ignore file leaves out, and is text."""

import os
from pathlib import Path

import pytest

from usersplit_sdk.scan_files import SIZE_LIMIT, Skipped, find_files, read_source
from usersplit_sdk.scan_ignore import parse_rules


def write(root: Path, *names: str, **files: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    for name, text in files.items():
        (root / name.replace("__", "/").replace("gitignore", ".gitignore")).write_text(text)


def walk(root: Path, exclude: str = "") -> list[str]:
    notes: list[str] = []
    found = find_files(os.fsencode(root), parse_rules(exclude.encode()), notes.append, use_git=False)
    names = [os.fsdecode(name) for name in found]
    assert notes == []
    return names


def test_walk_finds_every_file_but_what_belongs_to_version_control(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "a/c.py", "a/.hidden", ".git/config", "a/.git/x", ".hg/y", ".svn/z")
    assert sorted(walk(tmp_path)) == ["a/.hidden", "a/c.py", "b.py"]


def test_ignore_files_hold_in_their_folders_and_below(tmp_path: Path) -> None:
    write(tmp_path, "a.log", "keep.log", "in/a.log", "in/deep/keep.log", "in/x.py", "out/x.py", "gen/x.py")
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\n/gen/\n")
    (tmp_path / "in/.ignore").write_text("keep.log\nx.py\n")
    (tmp_path / "in/.gitignore").write_text("!a.log\n")
    assert [name for name in walk(tmp_path) if "ignore" not in name] == ["keep.log", "in/a.log", "out/x.py"]


def test_ignore_files_above_hold_within_the_repository(tmp_path: Path) -> None:
    write(tmp_path, "repo/.git/HEAD", "repo/src/x.py", "repo/src/x.log", "repo/src/y.txt", "repo/src/z.tmp")
    (tmp_path / ".gitignore").write_text("*.py\n")
    (tmp_path / "repo/.gitignore").write_text("/src/*.log\n")
    (tmp_path / "repo/.ignore").write_text("y.txt\n")
    (tmp_path / "repo/.git/info").mkdir()
    (tmp_path / "repo/.git/info/exclude").write_text("*.tmp\n")
    assert walk(tmp_path / "repo/src") == ["x.py"]


def test_excluded_is_excluded_whatever_ignore_files_say(tmp_path: Path) -> None:
    write(tmp_path, "a/x.py", "a/y.py", "b/x.py", "node_modules/z.py")
    (tmp_path / ".ignore").write_text("!x.py\n!node_modules\n")
    assert walk(tmp_path, "/a/x.py\nnode_modules/\n.ignore") == ["a/y.py", "b/x.py"]


def test_ignore_file_that_is_none_is_nothing(tmp_path: Path) -> None:
    write(tmp_path, "x.py", ".ignore/x.py", "pipe/x.py", "in/x.py")
    (tmp_path / ".gitignore").symlink_to(tmp_path / "x.py")
    os.mkfifo(tmp_path / "pipe/.gitignore")
    (tmp_path / "in/.gitignore").write_bytes(b"\0*\n")
    assert sorted(walk(tmp_path)) == [".ignore/x.py", "in/.gitignore", "in/x.py", "pipe/x.py", "x.py"]


def test_links_are_not_followed_and_loops_do_not_matter(tmp_path: Path) -> None:
    write(tmp_path, "code/x.py", "elsewhere/secret.py")
    (tmp_path / "code/loop").symlink_to(tmp_path / "code")
    (tmp_path / "code/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "code/file.py").symlink_to(tmp_path / "elsewhere/secret.py")
    assert walk(tmp_path / "code") == ["x.py"]
    with pytest.raises(Skipped, match="link"):
        read_source(os.fsencode(tmp_path / "code/file.py"))


def test_any_file_name_will_do(tmp_path: Path) -> None:
    names = ["line\nbreak.py", " blank ", "-dash", "*star*", "'quote\"", "\udcff\udcfe.py", "ключ.py"]
    write(tmp_path, *names)
    assert sorted(walk(tmp_path)) == sorted(names)


def test_deep_folders_are_walked(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 500)
    write(tmp_path, f"{deep}/x.py")
    assert walk(tmp_path) == [f"{deep}/x.py"]


def test_only_text_of_bearable_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xff\xfe latin \xe9")
    (tmp_path / "binary").write_bytes(b"GIF89a\0\1\2")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    os.mkfifo(tmp_path / "pipe")
    assert read_source(os.fsencode(tmp_path / "text")) == b"\xff\xfe latin \xe9"
    for name, why in (
        ("binary", "binary"),
        ("large", "large"),
        ("pipe", "unreadable"),
        ("none", "unreadable"),
    ):
        with pytest.raises(Skipped, match=why):
            read_source(os.fsencode(tmp_path / name))
    assert sorted(walk(tmp_path)) == ["binary", "large", "text"]


def test_single_file_is_itself(tmp_path: Path) -> None:
    write(tmp_path, "x.py", ".gitignore")
    (tmp_path / ".gitignore").write_text("x.py")
    assert walk(tmp_path / "x.py") == [""]


def test_without_git_the_walk_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "x.py", "x.log", ".git/HEAD")
    (tmp_path / ".gitignore").write_text("*.log\n.gitignore")
    monkeypatch.setenv("PATH", "")
    notes: list[str] = []
    assert list(find_files(os.fsencode(tmp_path), (), notes.append)) == [b"x.py"]
    assert notes == []


def test_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a/x.py", "b/x.py")
    real = os.scandir

    def refuse(path: bytes) -> object:
        if path.endswith(b"a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    notes: list[str] = []
    assert list(find_files(os.fsencode(tmp_path), (), notes.append, use_git=False)) == [b"b/x.py"]
    assert notes == [f"{tmp_path / 'a'} cannot be read: Permission denied"]
