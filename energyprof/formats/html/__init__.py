"""One self-contained HTML page of reports, drawn as SVG by hand.

A charting library would be 50 kB to 1 MB of script in every page, and without scripts (a mail, a CI service's
preview, a printer) it would show nothing.
"""
