"""Programs of recipes: what they are handed, what becomes of their endings, P11's own scripts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import beampace.engines.recipe
from beampace.core.errors import InputError
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Exit
from beampace.engines.recipe import load_recipe
from beampace.results import Result
from beampace.results.shown import summary_of
from beampace.work import ProcessOptions, Switch
from beampace.work.errand import Errand
from beampace.work.recipe import process_by_recipe
from tests.support.look_data import TINY, grid_scenario, write_scan
from tests.support.recipe_outputs import (
    STARANISO_LOG,
    aimless_log,
    fast_dp_json,
    table1,
    xdsapp_results,
    xia2_json,
)
from tests.support.recipes import RECORD, leaving, write_program, write_recipe

P11 = Path(beampace.engines.recipe.__file__).parent / "p11"
EXAMPLES = P11.parent / "examples"


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A short rotation scan in a directory with a hostile name."""
    directory = tmp_path_factory.mktemp("raw") / "it's $(touch planted); `id` & -x"
    directory.mkdir()
    return write_scan(directory, replace(TINY, n_frames=6))[0]


def ran(master: Path, recipe: Path, out: Path, **wishes):
    options = ProcessOptions(master, out=out, **{"patience_s": 0.0, **wishes})
    finished = process_by_recipe(options, load_recipe(recipe), RecordedProgress())
    assert Result.from_json((out / "result.json").read_bytes()) == finished.result
    return finished


def test_a_program_gets_its_arguments_as_they_are(scan, tmp_path):
    command = [
        "python3", str(write_program(tmp_path / "p.py")),
        "{master}", "--dir={out}", "{first}:{last}/{frames}", "{d_min}",
        "{cores}", "{{{prefix}}}", "{recipe_dir}", "{companion}",
    ]  # fmt: skip
    recipe = write_recipe(tmp_path, command=command, prefix="$HOME", results={"arguments": "argv.json"})
    done = ran(scan, recipe, tmp_path / "out", images=(2, 5), d_min=2.5, cores=2)
    assert (done.exit, done.result.verdict.code, done.result.engine) == (Exit.RESULT, "finished", "tool")
    out = tmp_path / "out"
    assert json.loads((out / "tool/argv.json").read_text()) == [
        str(scan), f"--dir={out}/tool", "2:5/4", "2.50", "2", "{$HOME}", str(tmp_path),
        str(out / "scan_master.h5"),
    ]  # fmt: skip
    assert done.result.files["arguments"] == "tool/argv.json" and done.result.hashes["arguments"]
    assert (out / "report.html").exists() and done.result.dataset.frames.used == (2, 5)
    assert done.result.parameters.other["recipe"]["sha256"] == load_recipe(recipe).sha256
    assert not list(tmp_path.rglob("planted"))


def test_lines_of_the_environment_run_before_and_never_see_data(scan, tmp_path):
    body = RECORD + "pathlib.Path('seen').write_text(os.environ['GREETING'])\n"
    lines = ["export GREETING='made by $0'", "touch prepared"]
    done = ran(scan, write_recipe(tmp_path, body=body, environment=lines), tmp_path / "out")
    out = tmp_path / "out" / "tool"
    assert done.result.verdict.code == "finished", done.result.verdict
    assert (out / "seen").read_text() == "made by $0" and (out / "prepared").exists()
    assert json.loads((out / "argv.json").read_text()) == [str(scan)]
    assert not list(tmp_path.rglob("planted")) and not list(scan.parent.rglob("planted"))


ENDINGS = {
    "the last words of a crash": ("print('first'); sys.exit('it broke')", {}, "engine_failed", "it broke"),
    "a rule of the recipe": (
        "print('no spots at all'); sys.exit(3)",
        {"failures": [{"pattern": "^no spots", "code": "no_diffraction"}]},
        "no_diffraction",
        "no spots at all",
    ),
    "a rule that also counts at exit 0": (
        "print('licence expired')",
        {"failures": [{"pattern": "licence expired", "code": "licence_expired", "always": True}]},
        "licence_expired",
        "",
    ),
    "a rule that does not count at exit 0": (
        "print('licence expired')",
        {"failures": [{"pattern": "licence expired", "code": "licence_expired"}]},
        "finished",
        "listed",
    ),
    "nothing where something must be": (
        "pass",
        {"results": {"mtz": "*.mtz"}, "required": ["mtz"]},
        "engine_failed",
        "left no *.mtz",
    ),
    "a program that is not there": (
        "pass",
        {"command": ["/nowhere/at-all"]},
        "engine_missing",
        "/nowhere/at-all",
    ),
    "not there behind the lines": (
        "pass",
        {"command": ["/nowhere/at-all"], "environment": ["true"]},
        "engine_missing",
        "/nowhere/at-all",
    ),
    "longer than it may take": (
        "import time; time.sleep(60)",
        {"resources": {"minutes": 0.01}},
        "timed_out",
        "0.01 minutes",
    ),
    "a signal": ("os.kill(os.getpid(), 9)", {}, "engine_failed", "signal 9"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_endings(scan, tmp_path, name):
    body, keys, code, words = ENDINGS[name]
    done = ran(scan, write_recipe(tmp_path, body=RECORD + body, **keys), tmp_path / "out")
    assert done.result.verdict.code == code, done.result.verdict
    assert words in done.result.verdict.words
    assert done.result.files["output"] == "tool.log"


def test_what_the_program_says_in_our_form(scan, tmp_path):
    told = {
        "verdict": {"code": "little_data", "words": "Said by the tool.", "next_step": "Collect more."},
        "columns": {"frame": [1, 2], "score": [0.5, 1.5]},
        "of its own": 1,
    }
    body = RECORD + f"pathlib.Path('result.json').write_text({json.dumps(json.dumps(told))})"
    done = ran(scan, write_recipe(tmp_path, body=body, read="result"), tmp_path / "out")
    assert (done.result.verdict.code, done.result.verdict.words) == ("little_data", "Said by the tool.")
    assert done.result.columns["score"] == (0.5, 1.5)


SUMMARY = {
    "file": "deep/summary.json",
    "keys": {"code": "status", "space_group": "crystal.sg", "unit_cell": "crystal.cell", "d_min": "limit"},
    "codes": {"good": "finished", "empty": "no_diffraction"},
}


@pytest.mark.parametrize(("status", "code"), [("good", "finished"), ("empty", "no_diffraction")])
def test_what_the_program_says_in_its_own_form(scan, tmp_path, status, code):
    told = {"status": status, "limit": 1.9, "crystal": {"sg": 96, "cell": [78, 78, 37, 90, 90, 90]}}
    body = RECORD + f"os.mkdir('deep'); open('deep/summary.json', 'w').write({json.dumps(json.dumps(told))})"
    done = ran(scan, write_recipe(tmp_path, body=body, read="json", summary=SUMMARY), tmp_path / "out")
    assert done.result.verdict.code == code, done.result.verdict
    if code == "finished":
        crystal = done.result.crystal
        assert (crystal.space_group, crystal.laue_group) == ("P 43 21 2", "4/mmm")
        assert crystal.unit_cell == (78, 78, 37, 90, 90, 90)
        assert done.result.parameters.other["found"] == {"d_min": 1.9}


def test_a_summary_of_another_form_names_file_and_key(scan, tmp_path):
    body = RECORD + "os.mkdir('deep'); open('deep/summary.json', 'w').write('{\"status\": \"good\"}')"
    done = ran(scan, write_recipe(tmp_path, body=body, read="json", summary=SUMMARY), tmp_path / "out")
    assert done.result.verdict.code == "engine_failed"
    assert "deep/summary.json" in done.result.verdict.words and "crystal.sg" in done.result.verdict.words


AIMLESS = {"read": "outputs", "outputs": [{"form": "aimless", "file": "*aimless.log"}]}


def test_numbers_a_program_leaves_are_judged_like_those_of_other_engines(scan, tmp_path):
    body = leaving({"deep/aimless.log": aimless_log(), "all.mtz": "m"})
    recipe = write_recipe(tmp_path, body=body, results={"mtz": "*.mtz", "log_file": "*.log"}, **AIMLESS)
    result = ran(scan, recipe, tmp_path / "out").result
    assert result.verdict.code == "little_data"  # of 6 frames, whatever the log says
    assert result.verdict.words.endswith(
        "Merged to 2.00 Å in P 43 21 2 or P 41 21 2 (not decided): 99.1 % complete, 6.9-fold, CC1/2 0.999; "
        f"{6 * TINY.width:g} degrees in 6 frames."
    )
    assert "tool/all.mtz" in result.verdict.next_step
    crystal, statistics = result.crystal, result.statistics
    assert crystal.space_group_candidates == ("P 43 21 2", "P 41 21 2") and not crystal.space_group_sure
    assert (crystal.laue_group, crystal.unit_cell) == ("4/mmm", (78.4, 78.4, 37.2, 90, 90, 90))
    assert (statistics.overall.d_min, statistics.overall.completeness) == (2.0, 0.991)
    assert statistics.overall.cc_half_significant and len(statistics.shells) == 4
    assert statistics.method.startswith("Read from deep/aimless.log.")
    other = result.parameters.other
    assert other["read_from"] == {"crystal": "deep/aimless.log", "statistics": "deep/aimless.log"}
    assert other["found"]["deep/aimless.log"]["anomalous_multiplicity"]["overall"] == 3.6
    assert result.versions["aimless"] == "0.7.9"
    assert "6.9" in (tmp_path / "out/report.html").read_text()
    assert result.files["log_file"] == "tool/deep/aimless.log"


def test_enough_data_are_merged_data(tmp_path):
    master = write_scan(tmp_path / "raw", TINY)[0]  # 12 degrees
    recipe = write_recipe(tmp_path, body=leaving({"aimless.log": aimless_log()}), **AIMLESS)
    result = ran(master, recipe, tmp_path / "out").result
    assert result.verdict.code == "merged", result.verdict
    assert result.verdict.next_step.startswith("Use its files in tool/; try every space group that is left")
    shown = summary_of(result)
    assert (shown["d_min"], shown["completeness"], shown["cc_half"]) == (2.0, 0.991, 0.999)
    assert shown["candidates"] == ["P 43 21 2", "P 41 21 2"] and shown["cell"][2] == 37.2
    assert shown["doubts"] == {"signal": "", "low_resolution": ""}


def test_numbers_of_a_program_can_be_doubted_without_its_shells(tmp_path):
    master = write_scan(tmp_path / "raw", TINY)[0]
    text = xia2_json().replace('"CC half": [0.999, 0.999', '"CC half": [0.999, 0.93')
    outputs = [{"form": "xia2_json", "file": "xia2.json"}]
    recipe = write_recipe(tmp_path, body=leaving({"xia2.json": text}), read="outputs", outputs=outputs)
    result = ran(master, recipe, tmp_path / "out").result
    assert result.statistics.inner.cc_half == 0.93 and result.statistics.shells == ()
    assert "Even at low resolution CC1/2 is only 0.93" in " ".join(result.verdict.warnings)
    assert summary_of(result)["doubts"]["low_resolution"].startswith("CC1/2 is only 0.93")


def test_a_reference_of_free_flags_is_refused_before_the_program_starts(scan, tmp_path):
    done = ran(scan, write_recipe(tmp_path), tmp_path / "out", free_r=tmp_path / "reference.mtz")
    assert (done.exit, done.result.verdict.code) == (Exit.BAD_INPUT, "bad_request")
    assert "--free-r: the recipe tool makes its own files" in done.result.verdict.words
    assert not (tmp_path / "out/tool").exists()


def test_an_output_that_cannot_be_read_leaves_files_and_a_warning(scan, tmp_path):
    body = leaving({"aimless.log": aimless_log()[:-250], "all.mtz": "m"})
    done = ran(scan, write_recipe(tmp_path, body=body, results={"mtz": "*.mtz"}, **AIMLESS), tmp_path / "out")
    assert (done.exit, done.result.verdict.code) == (Exit.RESULT, "finished")
    assert done.result.statistics is None and done.result.crystal is None
    assert "aimless.log could not be read: " in done.result.verdict.warnings[0]
    assert done.result.files["mtz"] == "tool/all.mtz"
    assert "could not be read" in (tmp_path / "out/report.html").read_text()


def test_statistics_without_a_crystal_are_shown_but_not_judged(scan, tmp_path):
    outputs = [{"form": "table1", "file": "*.table1"}]
    recipe = write_recipe(tmp_path, body=leaving({"x.table1": table1()}), read="outputs", outputs=outputs)
    result = ran(scan, recipe, tmp_path / "out").result
    assert result.verdict.code == "finished" and "not of which crystal" in result.verdict.words
    assert result.statistics.overall.n_unique == 9500 and result.statistics.shells == ()


def test_a_program_that_failed_is_not_judged_by_its_numbers(scan, tmp_path):
    body = leaving({"aimless.log": aimless_log()}) + "sys.exit('no')"
    result = ran(scan, write_recipe(tmp_path, body=body, **AIMLESS), tmp_path / "out").result
    assert result.verdict.code == "engine_failed" and result.statistics is None


def test_links_that_a_program_leaves_are_neither_listed_nor_followed(scan, tmp_path):
    outside = tmp_path / "precious.mtz"
    outside.write_text("kept")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.tmp").write_text("kept")
    body = RECORD + (
        f"os.symlink({str(outside)!r}, 'link.mtz'); os.symlink({str(tmp_path / 'elsewhere')!r}, 'dir')\n"
        "open('own.mtz', 'w').write('x'); open('scratch.tmp', 'w').write('y' * 1000)"
    )
    recipe = write_recipe(tmp_path, body=body, results={"mtz": "*.mtz"}, intermediates=["*.tmp", "*.mtz"])
    errand = Errand({"job": "k"}, tidy=True)
    done = ran(scan, recipe, tmp_path / "out", errand=errand)
    assert [done.result.files.get(name) for name in ("mtz", "mtz_2")] == ["tool/own.mtz", None]
    assert not (tmp_path / "out/tool/scratch.tmp").exists() and (tmp_path / "out/tool/own.mtz").exists()
    assert outside.exists() and (tmp_path / "elsewhere/other.tmp").exists()


def test_cancelling_ends_what_the_program_started(scan, tmp_path):
    body = RECORD + (
        "import subprocess, time\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "open('part.mtz', 'w').write('x'); os.rename('pids', 'ready'); time.sleep(300)"
    )
    recipe = write_recipe(tmp_path, body=body, results={"mtz": "*.mtz"})
    switch, ready = Switch(), tmp_path / "out/tool/ready"

    def stop():
        end = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < end:
            time.sleep(0.02)
        switch.switch_off("Enough.")

    thread = threading.Thread(target=stop)
    thread.start()
    options = ProcessOptions(scan, out=tmp_path / "out", patience_s=0.0)
    done = process_by_recipe(options, load_recipe(recipe), switch)
    thread.join()
    assert (done.exit, done.result.verdict.code) == (Exit.CANCELLED, "cancelled")
    assert done.result.files["mtz"] == "tool/part.mtz"
    assert not [pid for pid in map(int, ready.read_text().split()) if alive(pid)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_recipe_for_rotations_refuses_a_grid(tmp_path):
    master, _ = write_scan(tmp_path / "raw", replace(grid_scenario(3, 2), n_frames=6))
    done = ran(master, write_recipe(tmp_path), tmp_path / "out")
    assert done.result.verdict.code == "not_a_rotation"
    done = ran(master, write_recipe(tmp_path, kinds=["screening", "stills"]), tmp_path / "out2")
    assert done.result.verdict.code == "bad_request" and "screening, stills" in done.result.verdict.words


def test_a_master_named_like_an_option(tmp_path):
    master, _ = write_scan(tmp_path / "raw", replace(TINY, n_frames=2, name="scan"))
    trick = master.rename(master.with_name("--help_master.h5"))
    done = ran(trick, write_recipe(tmp_path, command=["/bin/echo", "{name}"]), tmp_path / "out")
    assert done.result.verdict.code == "bad_request" and "option" in done.result.verdict.words


def p11(tmp_path: Path, name: str, body: str) -> Path:
    """P11's recipe with stand-in scripts in the place of its own."""
    write_program(tmp_path / "scripts" / f"{name}_sbatch.sh", body)
    text = (P11 / f"{name}.toml").read_text()
    assert 'prefix = "/asap3/petra3/gpfs/common/p11/processing"\n' in text
    path = tmp_path / f"{name}.toml"
    path.write_text(text.replace("/asap3/petra3/gpfs/common/p11/processing", str(tmp_path / "scripts")))
    path.chmod(0o644)
    return path


def arguments(directory: Path) -> list[str]:
    return json.loads((directory / "argv.json").read_text())


@pytest.mark.parametrize("name", ["xdsapp", "autoproc"])
def test_scripts_of_p11_for_rotations(scan, tmp_path, name):
    out = tmp_path / "out"
    done = ran(scan, p11(tmp_path, name, RECORD), out, d_min=1.8)
    assert done.result.verdict.code == "finished", done.result.verdict
    expected = {
        "xdsapp": [str(scan), f"{out}/xdsapp", "1.80"],
        "autoproc": [str(scan), f"{out}/autoproc/processing"],
    }
    assert arguments(out / name) == expected[name]


def test_numbers_of_xdsapp(scan, tmp_path):
    body = leaving({"results_lyso_1.txt": xdsapp_results(), "lyso_1_F.mtz": "m", "lyso_1_I.mtz": "m"})
    result = ran(scan, p11(tmp_path, "xdsapp", body), tmp_path / "out").result
    assert result.verdict.code == "little_data", result.verdict
    assert "xdsapp/lyso_1_F.mtz" in result.verdict.next_step
    assert (result.crystal.mosaicity_deg, result.crystal.n_spots) == (0.101, 1000)
    assert (result.statistics.overall.r_meas, result.statistics.outer.n_unique) == (0.06, None)


def test_numbers_of_autoproc_are_those_of_its_isotropic_data(scan, tmp_path):
    left = {
        "processing/truncate-unique.table1": table1(),
        "processing/staraniso_alldata-unique.table1": table1(cut=True),
        "processing/staraniso_alldata.log": STARANISO_LOG,
        "processing/truncate-unique.mtz": "m",
    }
    result = ran(scan, p11(tmp_path, "autoproc", leaving(left)), tmp_path / "out").result
    assert result.statistics.overall.completeness == 0.991
    assert result.crystal.space_group == "P 43 21 2" and result.verdict.code == "little_data"
    assert any("anisotropic" in warning for warning in result.verdict.warnings)
    told = result.parameters.other["found"]["processing/staraniso_alldata-unique.table1"]
    assert told["completeness_ellipsoidal"]["overall"] == 0.932
    assert "autoproc/processing/truncate-unique.mtz" in result.verdict.next_step


def test_of_data_that_staraniso_cut_completeness_is_asked_inside(scan, tmp_path):
    left = {"staraniso_alldata-unique.table1": table1(cut=True), "staraniso_alldata.log": STARANISO_LOG}
    result = ran(scan, p11(tmp_path, "autoproc", leaving(left)), tmp_path / "out").result
    assert result.statistics.overall.completeness == 0.601 and "93 % complete" in result.verdict.words
    assert any("60.1 % of all" in warning for warning in result.verdict.warnings)


EXAMPLE_FILES = {
    "xia2": {"xia2.json": xia2_json(), "DataFiles/AUTOMATIC_DEFAULT_free.mtz": "m"},
    "fast_dp": {"fast_dp.json": fast_dp_json(), "fast_dp.mtz": "m"},
}


@pytest.mark.parametrize("name", EXAMPLE_FILES)
def test_examples(scan, tmp_path, name):
    program = write_program(tmp_path / name, leaving(EXAMPLE_FILES[name]))
    text = (EXAMPLES / f"{name}.toml").read_text().replace(f'"{name}", "', f'"{program}", "', 1)
    path = tmp_path / f"{name}.toml"
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("environment")))
    path.chmod(0o644)
    result = ran(scan, path, tmp_path / "out", images=(2, 5), cores=2).result
    assert result.verdict.code == "little_data", result.verdict
    assert result.statistics.overall.n_unique == 9500 and result.crystal.laue_group == "4/mmm"
    said = " ".join(arguments(tmp_path / "out" / name))
    companion = tmp_path / "out/scan_master.h5"
    expected = {
        "xia2": f"pipeline=dials nproc=2 image={companion}:2:5",
        "fast_dp": f"-j 1 -k 2 -l /opt/xds-plugins/durin-plugin.so -1 2 -N 5 {companion}",
    }
    assert said == expected[name]


@pytest.mark.parametrize(
    "path", sorted((*P11.glob("*.toml"), *EXAMPLES.glob("*.toml"))), ids=lambda path: path.name
)
def test_recipes_of_the_package_are_recipes(path):
    assert load_recipe(path).recipe.name == path.stem


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Test shots: the file names make the kind."""
    directory = tmp_path_factory.mktemp("shots") / "screening_001"
    master, simulation = write_scan(directory, replace(TINY, n_frames=2, name="shots"))
    (directory / "info.txt").write_text("run type:           screening\nframes:             2\n")
    return master, simulation


@pytest.mark.parametrize("name", ["mosflm", "edna"])
def test_scripts_of_p11_for_test_shots(shots, tmp_path, name):
    master, simulation = shots
    body = RECORD + "if len(sys.argv) == 4: open(sys.argv[2], 'w').write(open(sys.argv[1]).read())"
    out = tmp_path / "out"
    done = ran(master, p11(tmp_path, name, body), out)
    assert done.result.verdict.code == "finished", (done.result.verdict, done.result.dataset)
    said = arguments(out / name)
    if name == "mosflm":
        assert said[:4] == [str(master.parent), "shots_master.h5", f"{out}/mosflm", "2"]
        detector, beam = simulation.dataset.detector, simulation.dataset.beam
        x, y = detector.pixel(beam.direction)
        sides = [(0, y), (detector.image_size[0], y), (x, 0), (x, detector.image_size[1])]
        assert float(said[4]) == pytest.approx(
            max(detector.resolution_at(beam, *side) for side in sides), abs=0.006
        )
    else:
        assert said == [f"{out}/edna/edna_input.xml", f"{out}/edna/edna_output.xml", f"{out}/edna"]
        assert f"<value>{master}</value>" in (out / done.result.files["characterisation"]).read_text()


def test_dozor_is_started_before_the_frames_are_there(tmp_path):
    master, _ = write_scan(tmp_path / "raw", replace(grid_scenario(3, 2), n_frames=6))
    kept = [
        str(shutil.move(path, tmp_path / path.name)) for path in sorted(master.parent.glob("*_data_*.h5"))
    ]
    body = (
        RECORD + f"import shutil; [shutil.move(f, {str(master.parent)!r}) for f in {list(map(str, kept))!r}]"
    )
    done = ran(master, p11(tmp_path, "dozor", body), tmp_path / "out")
    assert done.result.verdict.code == "finished", done.result.verdict
    assert arguments(tmp_path / "out/dozor") == [str(master)]
    assert done.result.dataset.frames.usable == 6


def beampace(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "beampace", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


def test_on_the_command_line(scan, tmp_path):
    (tmp_path / "recipes").mkdir()
    write_recipe(tmp_path / "recipes", about="Counts nothing.")
    (tmp_path / "recipes/wrong.toml").write_text("name = 3\n")
    wished = ["process", str(scan), "--engine", "tool", "--quiet", "0", "--json", "--out"]
    said = beampace(*wished, str(tmp_path / "out"), "--recipes", str(tmp_path / "recipes"))
    assert (said.returncode, json.loads(said.stdout)["verdict"]["code"]) == (0, "finished"), said.stderr
    said = beampace(*wished, str(tmp_path / "out2"), BEAMPACE_RECIPES=f"/absent:{tmp_path / 'recipes'}")
    assert json.loads(said.stdout)["engine"] == "tool"
    said = beampace("process", str(scan), "--engine", "tol", "--recipes", str(tmp_path / "recipes"))
    words = said.stderr.replace("\n", "")
    assert (
        said.returncode == 2
        and "there are dials, " in words
        and ", tool. " in words
        and "wrong.toml" in words
    )
    said = beampace("check", "--json", BEAMPACE_RECIPES=str(tmp_path / "recipes"))
    found = {item["what"]: item for item in json.loads(said.stdout)["findings"]}
    assert found["recipe tool"]["ok"] and "Counts nothing." in found["recipe tool"]["says"]
    assert not found["recipe"]["ok"] and "wrong.toml" in found["recipe"]["says"]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a file away")
def test_a_recipe_of_the_daemons_account_is_believed_by_its_content_only(tmp_path):
    path = write_recipe(tmp_path)
    known = load_recipe(path).sha256
    os.chown(path, 65534, 65534)  # as where jobs run as another account than the daemon
    with pytest.raises(InputError, match="another account"):
        load_recipe(path)
    with pytest.raises(InputError, match="another account"):
        load_recipe(path, sha256="0" * 64)
    assert load_recipe(path, sha256=known).sha256 == known
