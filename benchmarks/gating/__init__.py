"""What ``gate.py`` claims, by kind: each module yields `claim.Claim`."""
