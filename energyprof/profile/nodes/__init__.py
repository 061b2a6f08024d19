"""Several nodes that train together: how they find each other, and how node 0 gathers what they recorded.

======================== =========================================================================
``store.py``             what nodes tell each other: names and bytes, in a folder that they share
``serving.py``           the same at an address: node 0 serves its folder to who holds the run's token
``remote.py``            the other end of that
``party.py``             one node among the others: it is there, is ready, goes on, is done
``awaiting.py``          what a process waits for: node 0's word, and that all are ready
``tombstone.py``         what node 0 leaves to who comes after its end
``heartbeat.py``         says that a node still runs, and how its clock stands to node 0's
``local.py``             the processes of one node: one meters, the others know whether it is there
``hydra.py``             which launch this is, of an mpiexec that does not say it
``standing.py``          how each node stands meanwhile, as node 0 shows it
``gather.py``            node 0 waits for what the others recorded, and joins it
======================== =========================================================================
"""
