"""How many machines train a job, where and when: policies side by side, on grids that change."""
