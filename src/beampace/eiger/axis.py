"""The sign of the scan axis, decided once.

DECTRIS's masters carry omega (-1, 0, 0), fast (-1, 0, 0) and slow (0, -1, 0) in the McStas frame.
P11's control programs overwrite omega with (1, 0, 0): CrystalControl together with fast (1, 0, 0)
and slow (0, 1, 0), MXCuBE in screening masters only and alone. Read literally the sign would
flip between screening and rotation of one crystal; the goniometer does not. A legacy master has no
vectors at all: DECTRIS's are meant, and nobody is told of what is always so. In any other master
(1, 0, 0) is meant: there are beamlines whose spindle turns that way.
"""

from __future__ import annotations

from beampace.core.geometry import Vec3, scaled
from beampace.eiger.chain import to_imgcif

DECTRIS_OMEGA: Vec3 = (-1.0, 0.0, 0.0)
REWRITTEN_OMEGA: Vec3 = (1.0, 0.0, 0.0)
_NOTHING: tuple[str, ...] = ()


def settle_axis(
    omega: Vec3 | None, *, dectris: bool, rewritten: bool, screening: bool, axis_sign: int = 0
) -> tuple[Vec3, tuple[str, ...]]:
    """The scan axis in imgCIF, and remarks.

    Args:
        omega: vector in the master (McStas), or None.
        dectris: whether fast and slow are DECTRIS's defaults (or absent).
        rewritten: whether fast and slow were rewritten to (1, 0, 0) and (0, 1, 0).
        screening: whether these are test shots.
        axis_sign: +1 or -1 takes the vector of the master as it stands, times the sign; 0 applies
            the rule above.
    """
    found, remarks = omega or DECTRIS_OMEGA, _NOTHING
    if rewritten and omega is not None:
        found = (-found[0], -found[1], found[2])
    elif axis_sign == 0 and dectris and screening and found == REWRITTEN_OMEGA:
        found = DECTRIS_OMEGA
        remarks = ("The rotation axis (1, 0, 0) contradicts the detector's; DECTRIS's convention is used.",)
    return scaled(to_imgcif(found), -1.0 if axis_sign < 0 else 1.0), remarks
