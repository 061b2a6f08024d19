"""Meters that are asked over a network: plugs, management controllers, Grid'5000's wattmeters."""
