import os
import shutil
from pathlib import Path

import pytest

from local.host.cgroup import HELPER_WEIGHT, Cgroup, CgroupError, Hierarchies, entering, hierarchies

HYBRID = """\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
UNIFIED = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
ROOT = Path("/sys/fs/cgroup")


def test_a_hybrid_computer_has_the_controllers_that_matter_beside_the_unified_hierarchy():
    assert hierarchies(HYBRID) == Hierarchies(
        unified=ROOT / "unified",
        memory=ROOT / "memory",
        cpu=ROOT / "cpu",
        legacy=(ROOT / "cpu", ROOT / "memory", ROOT / "pids", ROOT / "systemd"),
    )


def test_a_systemd_computer_has_one_hierarchy():
    assert hierarchies(UNIFIED) == Hierarchies(unified=ROOT, memory=None, cpu=None, legacy=())


def test_without_cgroup_v2_the_error_names_the_remedy():
    v1_only = "\n".join(line for line in HYBRID.splitlines() if "cgroup2" not in line)
    with pytest.raises(CgroupError, match="mount -t cgroup2"):
        hierarchies(v1_only)


def kernel_folder(folder: Path) -> Path:
    """What the kernel puts into a new group."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"controllers": "cpu memory pids", "subtree_control": "cpu"}.items():
        (folder / f"cgroup.{name}").write_text(text)
    return folder


def test_on_cgroup_v2_the_limit_is_set_and_controllers_are_enabled_on_the_way_down_but_not_inside(tmp_path):
    root, cloud = kernel_folder(tmp_path), kernel_folder(tmp_path / "dw-1")
    machine = kernel_folder(tmp_path / "dw-1/i-1")
    (machine / "memory.max").write_text("max")
    Cgroup("dw-1", "i-1", on=Hierarchies(unified=tmp_path, memory=None, cpu=None, legacy=())).create(memory_mib=2048)
    assert (machine / "memory.max").read_text() == "2147483648"
    assert [(group / "cgroup.subtree_control").read_text() for group in (root, cloud, machine)] == [
        "+memory +pids",
        "+memory +pids",
        "cpu",
    ]


def test_on_a_hybrid_computer_the_limit_is_set_in_the_memory_hierarchy(tmp_path):
    on = Hierarchies(unified=tmp_path / "unified", memory=tmp_path / "memory", cpu=None, legacy=(tmp_path / "memory",))
    for folder in ("", "dw-1", "dw-1/i-1"):
        kernel_folder(on.unified / folder)
    limit = kernel_folder(on.memory / "dw-1/i-1") / "memory.limit_in_bytes"
    limit.write_text("9" * 10)
    Cgroup("dw-1", "i-1", on=on).create(memory_mib=2048)
    assert limit.read_text() == "2147483648"


def test_the_cloud_and_its_helpers_outweigh_one_machine_so_that_a_busy_one_starves_nobody(tmp_path):
    on = Hierarchies(unified=tmp_path / "unified", memory=None, cpu=tmp_path / "cpu", legacy=(tmp_path / "cpu",))
    for folder in ("", "dw-1", "dw-1/cloud"):
        kernel_folder(on.unified / folder)
        (kernel_folder(on.cpu / folder) / "cpu.shares").write_text("1024")
    Cgroup("dw-1", "cloud", on=on).create(weight=HELPER_WEIGHT)
    assert [(on.cpu / folder / "cpu.shares").read_text() for folder in ("", "dw-1", "dw-1/cloud")] == ["1024", "4096", "3072"]


def test_on_cgroup_v2_the_weights_are_its_own(tmp_path):
    for folder in ("", "dw-1", "dw-1/cloud"):
        (kernel_folder(tmp_path / folder) / "cpu.weight").write_text("100")
    Cgroup("dw-1", "cloud", on=Hierarchies(unified=tmp_path, memory=None, cpu=None, legacy=())).create(weight=HELPER_WEIGHT)
    assert [(tmp_path / folder / "cpu.weight").read_text() for folder in ("", "dw-1", "dw-1/cloud")] == ["100", "400", "300"]


def test_a_command_joins_every_group_before_it_becomes_itself():
    joined = entering([ROOT / "unified/dw-1", ROOT / "memory/dw-1"], "sleep", "1")
    assert joined[:2] == ["sh", "-c"]
    assert joined[3:] == ["sh", "/sys/fs/cgroup/unified/dw-1", "/sys/fs/cgroup/memory/dw-1", "--", "sleep", "1"]


def test_a_group_that_is_gone_has_no_processes_and_is_gone_again(tmp_path):
    group = Cgroup("dw-1", on=Hierarchies(unified=tmp_path, memory=None, cpu=None, legacy=()))
    assert (group.populated(), list(group.pids())) == (False, [])
    group.kill()
    group.remove()


def services(folder: Path) -> Cgroup:
    """A machine's group with two services, the first of which has a group inside."""
    on = Hierarchies(unified=folder, memory=None, cpu=None, legacy=())
    for pid, path in enumerate((".", "system.slice/nginx.service", "system.slice/nginx.service/worker", "ssh.service"), 1):
        (folder / "i-1" / path).mkdir(parents=True, exist_ok=True)
        (folder / "i-1" / path / "cgroup.procs").write_text(f"{pid}\n")
    return Cgroup("i-1", on=on)


def going(monkeypatch, group: Path) -> None:
    """The group goes away between the moment in which it is found and the one in which somebody looks into it."""
    scan = os.scandir

    def scandir(folder):
        if folder == str(group) and group.exists():
            shutil.rmtree(group)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)


def test_the_processes_of_a_group_are_those_of_the_groups_inside_too_or_of_one_service(tmp_path):
    group = services(tmp_path)
    assert (sorted(group.pids()), sorted(group.pids(service="nginx"))) == ([1, 2, 3, 4], [2, 3])


def test_a_service_that_ends_while_processes_are_looked_for_is_passed_over(tmp_path, monkeypatch):
    group = services(tmp_path)
    going(monkeypatch, group.unified / "system.slice/nginx.service")
    assert sorted(group.pids()) == [1, 4]


def test_a_group_that_another_removes_at_the_same_time_is_removed(tmp_path, monkeypatch):
    group = Cgroup("dw-1", on=Hierarchies(unified=tmp_path, memory=None, cpu=None, legacy=()))
    group.unified.mkdir()
    removed = Path.rmdir

    def too_late(folder):
        removed(folder)
        raise FileNotFoundError(folder)

    monkeypatch.setattr(Path, "rmdir", too_late)
    group.remove()
    assert not group.unified.exists()
