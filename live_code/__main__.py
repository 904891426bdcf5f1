import sys

from live_code.commands.cli import main

sys.exit(main())
