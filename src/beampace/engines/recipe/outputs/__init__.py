"""What programs print of crystal and data, read from their own files.

One module per program, one pure function per form: text to `Found`, or `Unreadable`. A parser takes nothing
for granted: what is missing, cut short or contradicts itself gives no numbers at all.
"""

from collections.abc import Callable, Mapping

from beampace.engines.recipe.model import Form
from beampace.engines.recipe.outputs.aimless import parse_aimless
from beampace.engines.recipe.outputs.fast_dp import parse_fast_dp_json, parse_fast_dp_log
from beampace.engines.recipe.outputs.found import Found, Shell, Statistics, Unreadable
from beampace.engines.recipe.outputs.staraniso import parse_staraniso, parse_table1
from beampace.engines.recipe.outputs.xds import parse_correct_lp
from beampace.engines.recipe.outputs.xdsapp import parse_xdsapp
from beampace.engines.recipe.outputs.xia2 import parse_xia2_json, parse_xia2_txt

PARSERS: Mapping[Form, Callable[[str], Found]] = {
    Form.AIMLESS: parse_aimless,
    Form.CORRECT: parse_correct_lp,
    Form.FAST_DP_JSON: parse_fast_dp_json,
    Form.FAST_DP_LOG: parse_fast_dp_log,
    Form.STARANISO: parse_staraniso,
    Form.TABLE1: parse_table1,
    Form.XDSAPP: parse_xdsapp,
    Form.XIA2_JSON: parse_xia2_json,
    Form.XIA2_TXT: parse_xia2_txt,
}
"""Form to parser."""

__all__ = ["PARSERS", "Found", "Shell", "Statistics", "Unreadable"]
