"""`python -m usersplit_sdk` is the command line."""

import sys

from usersplit_sdk.cli import main

sys.exit(main())
