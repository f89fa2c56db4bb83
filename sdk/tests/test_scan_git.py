"""With git: what it knows and does not ignore, without anything that the repository holds being run."""

import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usersplit_sdk.scan import scan
from usersplit_sdk.scan_blame import Blame
from usersplit_sdk.scan_files import find_files


def git(folder: Path, *arguments: str, date: str = "2026-01-02T12:00:00Z") -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    identity = (
        "-c",
        "user.name=Mia",
        "-c",
        "user.email=mia@usersplit.example",
        "-c",
        "protocol.file.allow=always",
    )
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    return os.fsdecode(done.stdout)


def commit(folder: Path, date: str = "2026-01-02T12:00:00Z", **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "change", date=date)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def listed(folder: Path, *, use_git: bool = True) -> list[str]:
    notes: list[str] = []
    names = [os.fsdecode(name) for name in find_files(os.fsencode(folder), (), notes.append, use_git=use_git)]
    assert notes == []
    return sorted(names)


def test_tracked_and_new_files_are_searched_and_ignored_ones_are_not(repository: Path) -> None:
    commit(repository, tracked="", gone="", ignored_but_tracked="")
    (repository / ".gitignore").write_text("ignored*\n")
    (repository / "ignored.py").write_text("")
    (repository / "new\nline.py").write_text("")
    (repository / "gone.py").unlink()
    assert listed(repository) == [
        ".gitignore",
        "ignored_but_tracked.py",
        "new\nline.py",
        "tracked.py",
    ]
    assert "ignored_but_tracked.py" not in listed(repository, use_git=False)


def test_folder_within_a_repository_is_searched_alone(repository: Path) -> None:
    (repository / "src").mkdir()
    (repository / ".gitignore").write_text("*.log\n")
    (repository / ".ignore").write_text("/src/generated.py\n")
    for name in ("src/x.py", "src/x.log", "src/generated.py", "other.py"):
        (repository / name).write_text("")
    assert listed(repository / "src") == ["x.py"]


def test_ignore_file_holds_for_tracked_files_too(repository: Path) -> None:
    (repository / "vendor").mkdir()
    (repository / "vendor/x.py").write_text("")
    commit(repository, x="", y="")
    (repository / ".ignore").write_text("vendor/\ny.py\n.ignore\n")
    assert listed(repository) == ["x.py"]


def test_file_in_a_conflict_is_listed_once(repository: Path) -> None:
    commit(repository, x="one\n")
    git(repository, "checkout", "-qb", "other")
    commit(repository, x="two\n")
    git(repository, "checkout", "-q", "-")
    commit(repository, x="three\n")
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "other")
    assert listed(repository) == ["x.py"]


def test_repositories_within_are_searched(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    commit(library, inner="")
    git(repository, "submodule", "--quiet", "add", str(library), "lib")
    (repository / "nested").mkdir()
    git(repository / "nested", "init", "-q")
    (repository / "nested/.gitignore").write_text("*.log")
    (repository / "nested/x.py").write_text("")
    (repository / "nested/x.log").write_text("")
    assert listed(repository) == [".gitmodules", "lib/inner.py", "nested/.gitignore", "nested/x.py"]
    git(repository, "submodule", "--quiet", "deinit", "-f", "lib")
    assert listed(repository) == [".gitmodules", "nested/.gitignore", "nested/x.py"]


def test_folder_replaced_by_a_link_is_not_followed(repository: Path, tmp_path: Path) -> None:
    (repository / "src").mkdir()
    (repository / "src/x.py").write_text("")
    commit(repository, y="")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.py").write_text("")
    shutil.rmtree(repository / "src")
    (repository / "src").symlink_to(tmp_path / "elsewhere")
    assert "src/x.py" not in listed(repository)


def test_pipe_in_place_of_a_file_is_not_waited_for(repository: Path) -> None:
    commit(repository, x="")
    (repository / "x.py").unlink()
    os.mkfifo(repository / "x.py")
    found = scan([os.fsencode(repository)], None, lambda text: None)
    assert (found.files, found.skipped) == (0, {"unreadable": 1})


def test_pipe_in_place_of_an_ignore_file_does_not_keep_git_for_ever(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usersplit_sdk.scan_files.GIT_SECONDS", 0.5)
    (repository / "x.py").write_text("")
    os.mkfifo(repository / ".gitignore")
    notes: list[str] = []
    assert list(find_files(os.fsencode(repository), (), notes.append)) == [b"x.py"]
    assert [note.partition(": ")[2] for note in notes] == ["it takes too long"]


def test_git_that_lies_in_the_folder_at_hand_is_not_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository, x="")
    (repository / "git").write_text("#!/bin/sh\ntouch was_run\n")
    (repository / "git").chmod(0o755)
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    assert listed(repository) == ["git", "x.py"]
    assert not (repository / "was_run").exists()


def test_folders_are_searched_however_deep_they_are(repository: Path) -> None:
    depth = 300
    folder = repository.joinpath(*["a"] * depth)
    folder.mkdir(parents=True)
    (folder / "x.py").write_text("")
    # The limit is brought down to the folders: pytest, which removes them, needs a call for each as well.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(sum(1 for _ in traceback.walk_stack(None)) + depth // 2)
    try:
        assert listed(repository) == ["a/" * depth + "x.py"]
    finally:
        sys.setrecursionlimit(limit)


def test_call_from_a_hook_of_another_repository_is_not_misled(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository, x="")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    assert listed(repository) == ["x.py"]


def test_nothing_that_a_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    spring = f"touch {trap}; cat"
    (repository / ".gitattributes").write_text("*.py diff=evil filter=evil\n")
    commit(repository, x="'old_banner'\n")
    for name in (
        "core.fsmonitor",
        "core.pager",
        "diff.evil.textconv",
        "filter.evil.clean",
        "core.sshCommand",
    ):
        git(repository, "config", name, spring)
    for name in ("post-index-change", "pre-commit", "post-checkout"):
        hook = repository / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{spring}\n")
        hook.chmod(0o755)
    (repository / "x.py").write_text("'old_banner'\nmore\n")
    assert listed(repository) == [".gitattributes", "x.py"]
    assert Blame().since(os.fsencode(repository / "x.py"), 1) == "2026-01-02"
    assert not trap.exists()


def test_repository_that_git_cannot_read_is_walked_and_that_is_said(repository: Path) -> None:
    commit(repository, x="")
    (repository / ".git/config").write_text("[core\n")
    notes: list[str] = []
    found = list(find_files(os.fsencode(repository), (), notes.append))
    assert found == [b"x.py"]
    assert len(notes) == 1
    assert "is not asked" in notes[0]


def test_blame_tells_the_day_of_the_commit_that_wrote_the_line(repository: Path) -> None:
    commit(repository, x="a\nb\n", date="2025-03-04T23:30:00Z")
    commit(repository, x="a\nc\n", date="2026-01-02T00:30:00Z")
    (repository / "x.py").write_text("new\na\r\nc\n")
    (repository / "y.py").write_text("a\n")
    blame = Blame()
    days = [blame.since(os.fsencode(repository / "x.py"), line) for line in (1, 2, 3, 4, 99)]
    assert days == [None, "2025-03-04", "2026-01-02", None, None]
    assert blame.since(os.fsencode(repository / "y.py"), 1) is None
    assert blame.since(os.fsencode(repository.parent / "none.py"), 1) is None


PARTS = st.sampled_from(["a", "b", "ab", "x.py", "[a]", "!a", "#a", "a b", "a*", "é", "a "])
ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "*",
        "?",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-z]",
        "[]a]",
        "[[:alpha:]]",
        "\\",
        "!",
        "#",
        " ",
        ".py",
        "x",
        "[",
        "]",
        "-",
        "\\*",
        "\\ ",
        "[\\]]",
        "é",
        "\t",
        "\r",
    ]
)
# A run of stars beside other characters means different things to git in different places.
SEGMENTS = st.just("**") | st.lists(ATOMS, max_size=4).map("".join).filter(lambda text: "**" not in text)
LINES = st.builds(
    lambda sign, segments, end: sign + "/".join(segments) + end,
    st.sampled_from(["", "", "", "!", "/"]),
    st.lists(SEGMENTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=10),
    st.dictionaries(
        st.sampled_from(["", "a/", "b/", "a/b/"]), st.lists(LINES, min_size=1, max_size=4), max_size=3
    ),
)
def test_walk_leaves_out_what_git_leaves_out(
    tmp_path_factory: pytest.TempPathFactory, files: set[str], ignores: dict[str, list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("ignores")
    git(folder, "init", "-q")
    for folder_name, lines in ignores.items():
        (folder / folder_name).mkdir(parents=True, exist_ok=True)
        (folder / folder_name / ".gitignore").write_bytes("\n".join(lines).encode())
    for name in sorted(files):
        path = folder / name
        if not any(parent.is_file() for parent in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    by_git = git(folder, "ls-files", "-z", "--others", "--exclude-standard").split("\0")[:-1]
    assert listed(folder, use_git=False) == sorted(by_git)
    assert listed(folder) == sorted(by_git)
