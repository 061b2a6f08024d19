"""Federated training on devices: a SuperLink at the server, on each device a SuperNode and one client.

Flower carries the messages. What it runs for each of them (a ServerApp, a ClientApp, in Flower's own Python)
only passes them on, over a socket of this machine, to the process that trains, which may be an older Python.
"""
