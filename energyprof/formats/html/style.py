"""How the page looks: light and dark, on a phone, a desktop and paper; nothing comes from outside."""

from __future__ import annotations

# Six colours that people without red or green cones can tell apart, and that contrast with the paper at 3 : 1
# (WCAG 2.2, 1.4.11); tests/formats/test_html.py holds both. They differ in lightness as much as in hue, since
# that is what colour-blind eyes and grey printers see.
LIGHT = ("#2456e6", "#cc7400", "#3d2b5e", "#199c88", "#86102a", "#0c95ef")
DARK = ("#3f74ff", "#e8c51e", "#f5b9f2", "#4aeaa0", "#a65c10", "#1375b5")
PAPER = ("#ffffff", "#15181c")  # light, dark
REST = ("#57606a", "#7b848d")  # nothing in particular

# Phases with these names have the same colour on every page; -1 is grey: the machine at rest, the program
# ending is a paler one.
PHASES = {
    "train": 0,
    "run": 0,
    "eval": 1,
    "startup": 2,
    "warmup": 3,
    "compile": 4,
    "checkpoint": 5,
    "idle": -1,
    "cooldown": -1,
}
# Together with the colours they tell twenty reports and more apart; in pixels, "" is a solid line.
DASHES = ("", "8 4", "2 4", "12 4 2 4")


def colour(i: int) -> str:
    """The CSS colour of the ``i``-th of several things; -1: nothing in particular."""
    return "var(--rest)" if i < 0 else f"var(--c{i % len(LIGHT)})"


def pale(i: int) -> str:
    """A paler one, for what comes seldom or is of more things than there are colours."""
    return f"color-mix(in srgb,{colour(i)} 55%,var(--paper))"


def phase_colours(names: list[str]) -> dict[str, str]:
    """A colour for each phase; others than the known names take those that are left, then paler ones."""
    known = {name: colour(PHASES[name]) for name in names if name in PHASES} | {"shutdown": pale(-1)}
    taken = {PHASES[name] for name in names if name in PHASES}
    free = [colour(i) for i in range(len(LIGHT)) if i not in taken] + [pale(i) for i in range(len(LIGHT))]
    own = [name for name in names if name not in known]
    return {name: known[name] for name in names if name in known} | {
        name: free[i % len(free)] for i, name in enumerate(own)
    }


def _colours(paper: str, ink: str, soft: str, rule: str, rest: str, colours: tuple[str, ...]) -> str:
    named = {"paper": paper, "ink": ink, "soft": soft, "rule": rule, "rest": rest}
    named |= {f"c{i}": value for i, value in enumerate(colours)}
    return "".join(f"--{name}:{value};" for name, value in named.items())


_LIGHT = _colours(PAPER[0], "#1b1f24", "#57606a", "#d5dae0", REST[0], LIGHT)
_DARK = _colours(PAPER[1], "#e8ebee", "#a2abb4", "#363c43", REST[1], DARK)

CSS = (
    f":root{{color-scheme:light dark;{_LIGHT}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    f"@media print{{:root{{color-scheme:light;{_LIGHT}}}}}"
    """
*{box-sizing:border-box}
body{margin:0 auto;max-width:68rem;padding:1rem;background:var(--paper);color:var(--ink);
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
 font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.2rem;margin:2.5rem 0 .5rem;padding-top:.5rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.25rem 0 .25rem}
p{margin:.25rem 0}
.note{color:var(--soft);font-size:.875rem}
.warn{border-left:4px solid var(--c1);padding-left:.6rem;margin:.5rem 0}
figure{margin:0 0 1.5rem}
.wide{overflow-x:auto;max-width:100%}
@media (max-width:60rem){.wide table{width:max-content}}
.wide td,.wide th{max-width:22rem;white-space:normal}
.wide thead th:not(:first-child){min-width:4rem}
table{border-collapse:collapse;font-size:.875rem;min-width:min(100%,20rem)}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--rule);
 overflow-wrap:normal}
thead th{color:var(--soft);font-weight:normal;white-space:nowrap}
tbody th{font-weight:600}
mark{color:inherit;background:none;border-bottom:2px solid var(--c1)}
figcaption{margin-top:.4rem}
details{margin:.4rem 0;font-size:.875rem}
summary{cursor:pointer;color:var(--soft);padding:.3rem 0}
.badge{display:inline-block;border:1px solid currentColor;border-radius:.25rem;padding:0 .4rem;
 font-size:.8rem;font-weight:600;white-space:nowrap}
.estimate{color:var(--ink);background:color-mix(in srgb,var(--c1) 25%,transparent)}
.reports{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));
 padding:0;margin:1rem 0;list-style:none}
.reports li{border:1px solid var(--rule);border-radius:.4rem;padding:.6rem .8rem}
.big{font-size:1.35rem;font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;margin:.4rem 0;padding:0;list-style:none;
 font-size:.875rem}
.legend svg{width:1.6rem;height:.8rem;vertical-align:middle;margin-right:.35rem}
.plot{display:grid;grid-template-columns:3.2rem minmax(0,1fr);font-size:.75rem;color:var(--soft);
 padding-right:.8rem}
.plot>svg{grid-column:2;width:100%;height:var(--height);display:block;overflow:visible}
.ys{position:relative;height:var(--height)}
.ys span{position:absolute;right:.45rem;transform:translateY(50%);line-height:1;white-space:nowrap}
.xs{grid-column:2;position:relative;height:1.55rem;font-size:.75rem;color:var(--soft)}
.xs span{position:absolute;top:.5rem;transform:translateX(-50%);line-height:1;white-space:nowrap}
.xname{grid-column:2;text-align:right}
.yname{grid-column:1/-1;margin-bottom:.5rem}
svg *{vector-effect:non-scaling-stroke}
.rule{stroke:var(--rule);stroke-width:1;fill:none}
.mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3;fill:none}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}
.thin{fill:none;stroke-width:1;opacity:.65;stroke-linejoin:round}
.dot{stroke-linecap:round;stroke-width:8;fill:none}
.band{stroke:none;opacity:.22}
.shade{stroke:none;opacity:.16}
.power{stroke:var(--ink);stroke-width:1.25;fill:none;stroke-linejoin:round}
.peaks{fill:var(--ink);stroke:none;opacity:.22}
.whisker{stroke:var(--ink);stroke-width:2;fill:none}
.fine{stroke:var(--soft);stroke-width:1;fill:none}
.bars{display:grid;gap:.2rem .8rem;grid-template-columns:minmax(4rem,max-content) minmax(0,1fr);
 font-size:.875rem}
.bar{display:flex;height:1.7rem;gap:1px;align-items:stretch}
.bar span{display:block;min-width:1px}
.bars .total{color:var(--soft);white-space:nowrap}
.reports h3{margin:0}
.rows{width:100%;table-layout:fixed}
.rows th[scope=row]{overflow-wrap:anywhere}
.rows td.drawn{padding-right:1rem}
.rows svg{display:block;width:100%;height:1.6rem;overflow:visible}
.rows .scale td,.rows .scale th,.rows tr:nth-last-child(2) *{border-bottom:0}
input[type=search]{font:inherit;width:min(100%,24rem);padding:.3rem .5rem;border:1px solid var(--rule);
 border-radius:.3rem;background:var(--paper);color:var(--ink)}
body:has(.sortable){max-width:100rem}
.wide .sortable{width:100%;font-size:.8125rem}
.sortable td,.sortable th{padding-right:.6rem}
.sortable thead th{white-space:nowrap}
.sortable tbody th{min-width:8rem;max-width:16rem;overflow-wrap:anywhere}
th button{all:unset;cursor:pointer}
th button:focus-visible{outline:2px solid var(--c0)}
th[aria-sort=ascending] button::after{content:" ↑"}
th[aria-sort=descending] button::after{content:" ↓"}
.rows .figure th{padding-top:1.1rem;font-size:1rem}
.phone{display:none}
.whole,.wide .whole{white-space:nowrap}
.rows thead th{white-space:normal}
@media screen and (min-width:60rem){.ratio{white-space:nowrap}}
@media (max-width:44rem){
 body{font-size:15px;padding:.75rem}
 .minor{display:none}
 .plot{grid-template-columns:2.6rem minmax(0,1fr)}
 .bars{grid-template-columns:minmax(0,1fr)}
 .rows,.rows tbody{display:block}
 .rows thead{display:none}
 .rows tr{display:flex;flex-wrap:wrap;column-gap:.9rem;padding:.3rem 0;border-bottom:1px solid var(--rule)}
 .rows .scale{border:0}
 .rows th,.rows td{border:0;padding:.1rem 0}
 .rows td:empty{display:none}
 .rows th,.rows td.drawn{flex:0 0 100%;padding:.1rem .8rem .1rem 0}
 .phone{display:inline}
}
@media print{
 body{max-width:none;font-size:10pt;padding:0}
 *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
 figure,.reports li,.figure,tr{break-inside:avoid}
 h2,h3{break-after:avoid}
 .wide{overflow:visible}
 summary{display:none}
}
"""
)
