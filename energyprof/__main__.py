"""``python -m energyprof`` is the command ``energyprof``."""

from energyprof.cli import main

if __name__ == "__main__":
    main()
