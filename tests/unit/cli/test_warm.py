import subprocess
import sys


def test_every_kernel_of_the_simulation_and_the_look_is_compiled(tmp_path):
    environ = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin"}
    subprocess.run([sys.executable, "-m", "beampace", "warm"], env=environ, check=True, timeout=300)
    names = " ".join(path.name for path in tmp_path.rglob("*.nbc"))
    for kernel in ("find_spots", "scatter_photons", "join_frames"):
        assert kernel in names
