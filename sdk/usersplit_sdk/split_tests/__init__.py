"""Variants as code: a class per split test, a method per variant, and the run that calls the user's one.

    from usersplit_sdk.split_tests import SplitTest, variant

    class DelayTest(SplitTest):
        key = "catalogue_delay"

        @variant
        def control(self): ...

        @variant(name="long")
        def long_delay(self): time.sleep(2)

    with DelayTest(client, user, request) as run:
        run()

With a client the delivered test decides. Without one the choice is a hash of the test's key and the user's id, which
is weaker than split groups: nothing balances it against other tests.
"""

from usersplit_sdk.split_tests.declaring import InvalidSplitTest, variant
from usersplit_sdk.split_tests.multi_test import MultiTest
from usersplit_sdk.split_tests.param_test import ParamTest
from usersplit_sdk.split_tests.running import Run, SplitClient, per_call
from usersplit_sdk.split_tests.split_test import SplitTest

__all__ = [
    "InvalidSplitTest",
    "MultiTest",
    "ParamTest",
    "Run",
    "SplitClient",
    "SplitTest",
    "per_call",
    "variant",
]
