"""What may be stored: the one definition that the wire, traces, reports and all other files of ours keep to.

What one takes, every other can write and read. Valid on Python 3.8: the training side keeps to it, too.
"""
