"""Made inputs for everything that energyprof reads."""
