"""What no meter at one machine sees: network, data centre, manufacture and grid, from what was measured."""
