"""``python -m live_code``: the command line."""

import sys

from live_code.commands.cli import main

sys.exit(main())
