import sys

from live_code.cli import main

sys.exit(main())
