"""`python -m perftui`."""

import sys

from perftui.commands import main

sys.exit(main())
