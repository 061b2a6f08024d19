"""How right a meter is: held against another one, and put right by a better one."""
