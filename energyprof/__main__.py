"""The command ``energyprof``, also as ``python -m energyprof``."""

import signal

# While the rest is loaded there is nothing to put away: Ctrl-C ends us without a word.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from energyprof.cli import main

if __name__ == "__main__":
    main()
