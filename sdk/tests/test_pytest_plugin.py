"""The pytest plugin, in runs of pytest of its own: marks, fixtures, options, and what it says of mistakes."""

from __future__ import annotations

import pytest

from usersplit_sdk import stand_ins

pytest_plugins = ["pytester"]

SHOP = """
import pytest
from usersplit_sdk import Client, RecordingHits, User

def document(key):
    return {
        "format": 1, "kind": "test", "key": key, "status": "running", "side": "server", "settings_group": 3, "conditions": [],
        "variants": [{"name": "control", "split_groups": [[1, 2400]]}, {"name": "green", "split_groups": []}],
    }

MIA, LOGGED = User("mia", 7), RecordingHits()
client = Client.from_documents([document("green_button"), document("red_banner")], hits=LOGGED, hit_window=0)
AS_DELIVERED = {"green_button": "control", "red_banner": "control"}
"""


QUICK = ("-p", "no:cacheprovider", "-p", "no:django", "-p", "no:hypothesispytest", "-p", "no:schemathesis")


@pytest.fixture
def shop(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a shop, whose tests run with the plugin as it is installed."""
    pytester.makepyfile(shop=SHOP)
    # As it is in the suite of an application, whatever this run has been started with.
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "USERSPLIT_URL", "USERSPLIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # Clients that other tests have left behind in this process do not count.
    monkeypatch.setattr(stand_ins, "_living", {})
    return pytester


def run(shop: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    shop.makepyfile(test_shop=f"import pytest\nfrom shop import AS_DELIVERED, LOGGED, MIA, client\n{source}")
    return shop.runpytest_inprocess(*QUICK, "--strict-markers", *options)


MARKS = """
pytestmark = pytest.mark.usersplit(red_banner="green")

def test_of_the_module():
    assert client.active_variants(MIA) == {"red_banner": "green"}

@pytest.mark.usersplit(green_button="green")
class TestClass:
    def test_of_the_class(self):
        assert client.active_variants(MIA) == {"green_button": "green", "red_banner": "green"}

    @pytest.mark.usersplit({"green_button": "control"}, red_banner=None)
    def test_closest_wins(self):
        assert client.active_variants(MIA) == {"green_button": "control"}
        assert client.explain("red_banner", MIA).reason == "TESTS_OFF"
        assert client.explain("green_button", MIA).reason == "FORCED"

@pytest.mark.parametrize("variant", [
    pytest.param("green", marks=pytest.mark.usersplit(green_button="green")),
    pytest.param(None, marks=pytest.mark.usersplit(green_button=None)),
])
def test_of_a_parameter(variant):
    assert client.get_active_variant("green_button", MIA) == variant

@pytest.fixture
def page():
    yield client.get_active_variant("green_button", MIA)
    assert client.get_active_variant("green_button", MIA) == "green"

@pytest.mark.usersplit(green_button="green")
def test_fixtures_see_it_too(page):
    assert page == "green"
"""


def test_marks_of_modules_classes_functions_and_parameters(shop: pytest.Pytester) -> None:
    run(shop, MARKS).assert_outcomes(passed=6)


AFTERWARDS = """
@pytest.mark.usersplit(green_button="green")
def test_passes(): ...

def test_then_it_is_over():
    assert client.active_variants(MIA) == AS_DELIVERED

@pytest.mark.usersplit(green_button="green")
def test_fails():
    assert not client.active_variants(MIA)

def test_over_after_a_failure():
    assert client.active_variants(MIA) == AS_DELIVERED

@pytest.fixture
def broken():
    raise LookupError

@pytest.fixture
def breaking():
    yield
    raise LookupError

@pytest.mark.usersplit
def test_with_a_broken_fixture(broken): ...

@pytest.mark.usersplit
def test_with_a_breaking_fixture(breaking): ...

@pytest.mark.usersplit
def test_that_is_skipped():
    pytest.skip("today")

def test_over_after_all_of_these():
    assert client.active_variants(MIA) == AS_DELIVERED
"""


def test_it_is_over_whatever_became_of_the_test(shop: pytest.Pytester) -> None:
    run(shop, AFTERWARDS).assert_outcomes(passed=5, failed=1, errors=2, skipped=1)


def test_workers_of_xdist_force_for_themselves(shop: pytest.Pytester) -> None:
    run(shop, AFTERWARDS, "-n2").assert_outcomes(passed=5, failed=1, errors=2, skipped=1)


FIXTURES = """
@pytest.mark.usersplit(green_button="green")
def test_hits_are_known_and_go_nowhere(usersplit_hits):
    client.get_active_variant("green_button", MIA)
    assert [(hit.test, hit.variant, hit.user_id, hit.forced) for hit in usersplit_hits] == [
        ("green_button", "green", "mia", True)
    ]
    assert LOGGED.hits == []

def test_hits_without_a_mark(usersplit_hits):
    client.get_active_variant("green_button", MIA)
    assert [(hit.variant, hit.forced) for hit in usersplit_hits] == [("control", False)]
    assert LOGGED.hits == []

def test_without_mark_and_fixture():
    client.get_active_variant("green_button", MIA)
    assert len(LOGGED.hits) == 1

def test_forcing_inside(usersplit):
    assert client.active_variants(MIA) == AS_DELIVERED
    usersplit.force(green_button="green")
    assert client.active_variants(MIA) == {"green_button": "green"}
    usersplit.off()
    assert client.active_variants(MIA) == {}
    usersplit.as_delivered()
    assert client.active_variants(MIA) == AS_DELIVERED

@pytest.mark.usersplit(green_button="green")
def test_more_than_the_mark_says(usersplit):
    usersplit.force(red_banner="green")
    assert client.active_variants(MIA) == {"green_button": "green", "red_banner": "green"}

def test_over():
    assert client.active_variants(MIA) == AS_DELIVERED
"""


def test_fixtures_force_and_tell_hits(shop: pytest.Pytester) -> None:
    run(shop, FIXTURES).assert_outcomes(passed=6)


MISTAKES = """
@pytest.mark.usersplit(gren_button="green")
def test_key():
    assert client.get_active_variant("green_button", MIA) == "green"

@pytest.mark.usersplit(green_button="gren")
def test_variant(): ...

@pytest.mark.usersplit(green_button=1)
def test_number(): ...

@pytest.mark.usersplit("green_button")
def test_position(): ...

def test_inside(usersplit):
    usersplit.force(red_baner="green")

@pytest.mark.usersplit_groups(vips=True)
def test_group(): ...

def test_over():
    assert client.active_variants(MIA) == AS_DELIVERED
"""


def test_a_typo_is_a_clear_error(shop: pytest.Pytester) -> None:
    result = run(shop, MISTAKES)
    result.assert_outcomes(passed=1, failed=4, errors=2)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.usersplit: green_button must be the name of a variant, or None for no variant; it is 1",
            "@pytest.mark.usersplit: takes green_button='green' or a dict, not 'green_button'",
            "*assert None == 'green'*",
            "no client has a test gren_button: did you mean green_button[?]",
            "the test green_button has no variant 'gren': did you mean green[?]",
            "no client has a test red_baner: did you mean red_banner[?]",
            "no client has a user group vips: there are no user groups at all",
        ]
    )


UNKNOWN = """
@pytest.mark.usersplit(blue_button="blue", red_banner="blue")
def test_nobody_delivers_it(usersplit_hits):
    assert client.active_variants(MIA) == {"blue_button": "blue", "red_banner": "blue"}
    assert client.get_active_variant("blue_button", MIA) == "blue"
    assert [hit.test for hit in usersplit_hits] == ["blue_button"]
"""


def test_unknown_ones_may_be_allowed(shop: pytest.Pytester) -> None:
    run(shop, UNKNOWN, "-o", "usersplit_allow_unknown=true").assert_outcomes(passed=1)


OFF = """
def test_without_a_mark():
    assert client.active_variants(MIA) == {}

@pytest.mark.usersplit(green_button="green")
def test_with_a_mark():
    assert client.active_variants(MIA) == {"green_button": "green"}

def test_as_delivered(usersplit):
    usersplit.as_delivered()
    assert client.active_variants(MIA) == AS_DELIVERED
"""


def test_all_tests_may_be_off_unless_a_mark_says_otherwise(shop: pytest.Pytester) -> None:
    run(shop, OFF, "-o", "usersplit_tests_off=true").assert_outcomes(passed=3)


UNITTEST = """
import unittest

@pytest.mark.usersplit(green_button="green")
class ShopTest(unittest.TestCase):
    def setUp(self):
        self.variant = client.get_active_variant("green_button", MIA)

    def test_variant(self):
        self.assertEqual(self.variant, "green")
"""


def test_cases_of_unittest(shop: pytest.Pytester) -> None:
    run(shop, UNITTEST).assert_outcomes(passed=1)


def test_a_run_without_marks_does_not_even_import_the_sdk(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_alone():
            assert "pytest_usersplit" in sys.modules
            assert [name for name in sys.modules if name.startswith("usersplit_sdk")] == []
        """
    )
    pytester.runpytest_subprocess(*QUICK).assert_outcomes(passed=1)


def test_marks_and_options_are_documented_where_pytest_shows_them(shop: pytest.Pytester) -> None:
    shop.runpytest_inprocess("--markers", *QUICK).stdout.fnmatch_lines(["@pytest.mark.usersplit(variants, *"])
    help_text = shop.runpytest_inprocess("--help", *QUICK).stdout.str()
    for name in (
        "usersplit_tests_off",
        "usersplit_allow_unknown",
        "--usersplit-url",
        "--usersplit-token",
        "--usersplit-wait",
    ):
        assert name in help_text


def test_without_a_server_the_remote_fixture_says_what_is_missing(shop: pytest.Pytester) -> None:
    result = run(shop, "def test_remote(usersplit_remote): ...")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["usersplit_remote needs a server: --usersplit-url*USERSPLIT_TOKEN"])
