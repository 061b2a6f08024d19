"""Sorting and filtering of one table: the only script of any page, and without it the table reads as well.

The browser runs it by its digest, which the page's policy names, and nothing else that a page may hold.
"""

from __future__ import annotations

import base64
import hashlib

from energyprof.formats.html.tags import Markup, tag

CLASS = "sortable"  # of the table
VALUE = "data_v"  # a cell's attribute: what it is sorted by, if not its words

_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "Filter: words that a row must hold";
  field.setAttribute("aria-label", field.placeholder);
  const count = document.createElement("span");
  count.className = "note";
  count.setAttribute("role", "status");
  const filter = () => {
    const words = field.value.toLowerCase().split(" ").filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    count.textContent = left + " of " + rows.length;
  };
  field.addEventListener("input", filter);
  table.parentNode.before(field, " ", count);
  filter();
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const order = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        const found = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
        return down ? -found : found;
      };
      body.append(...rows.sort(order));
    });
  });
}
"""
POLICY = "'sha256-" + base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode() + "'"


def script() -> Markup:
    """The element, for the end of a page whose policy has ``POLICY``."""
    return tag("script", Markup(_SCRIPT))
