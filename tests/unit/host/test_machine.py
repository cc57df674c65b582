import os
from pathlib import Path

import pytest

from local.host import boot, inside, leftovers, machine, process, volumes
from local.host.machine import Machine, MachineSpec
from local.instance import Instance


@pytest.fixture
def cloud(tmp_path) -> Instance:
    return Instance(home=tmp_path, id="dw-000000", api_port=1, packages_port=2)


@pytest.fixture
def stopped(cloud) -> Machine:
    netns = "dw-000000-i-0abc"
    spec = MachineSpec(instance_id="i-0abc", name=netns, netns=netns, memory_mib=512, image=Path("/image"))
    return Machine(cloud, spec)


def test_a_boot_starts_in_an_empty_group_and_in_the_machines_own_network():
    group = Path("/sys/fs/cgroup/dw-000000/i-0abc/guest")
    assert boot.script("dw-000000-i-0abc", "dw-000000-i-0abc", group) == (
        "find /sys/fs/cgroup/dw-000000/i-0abc/guest -depth -type d -exec rmdir {} + 2>/dev/null\n"
        "mkdir /sys/fs/cgroup/dw-000000/i-0abc/guest"
        " && echo $$ > /sys/fs/cgroup/dw-000000/i-0abc/guest/cgroup.procs || exit\n"
        "exec nsenter --net=/run/netns/dw-000000-i-0abc -- env"
        " SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_LOCK=0"
        " systemd-nspawn --quiet --boot --directory=root --machine=dw-000000-i-0abc --console=read-only"
        " --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off"
        " --capability=CAP_NET_ADMIN --drop-capability=CAP_MKNOD --system-call-filter=@memlock --bind=./disk:/dev/disk\n"
    )


def test_a_machine_that_is_down_is_not_online_and_runs_nothing(stopped):
    assert (stopped.state(), stopped.leader_pid(), stopped.online()) == ("stopped", None, False)
    with pytest.raises(OSError, match="dw-000000-i-0abc is not running"):
        stopped.run("true", timeout_s=1)
    with pytest.raises(OSError, match="is not running"):
        stopped.entering("bash")


def test_a_machine_whose_image_is_gone_does_not_start_and_says_what_to_do(stopped):
    with pytest.raises(machine.MachineError, match=r"The image /image .* replace the server"):
        stopped.start()


def test_a_command_inside_sees_nothing_of_this_computers_environment(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TERM", "xterm")
    assert inside.entering(42, "bash", "-l") == [
        *("nsenter", "--target=42", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--"),
        *("env", "-i", f"PATH={inside.PATH}", "LANG=C.UTF-8", "HOME=/root", "TERM=xterm", "bash", "-l"),
    ]


def test_the_machines_with_a_disk_here_are_known_by_their_folders(cloud):
    assert machine.existing(cloud) == []
    (cloud.home / "machines/i-2").mkdir(parents=True)
    (cloud.home / "machines/i-1").mkdir()
    assert machine.existing(cloud) == ["i-1", "i-2"]


def test_a_volume_has_the_path_that_ec2_gives_it():
    assert volumes.link_name("vol-0abc12") == "nvme-Amazon_Elastic_Block_Store_vol0abc12"


def test_a_pid_is_believed_only_when_the_process_started_at_the_recorded_time(cloud):
    record = process.Process(cloud, "balancer")
    assert record.pid() is None
    started = process.start_time(os.getpid())
    record.pidfile.write_text(f"{os.getpid()} {started}")
    assert record.pid() == os.getpid()
    record.pidfile.write_text(f"{os.getpid()} {started + 1}")
    assert record.pid() is None


def test_a_loop_device_of_a_removed_file_is_not_the_volume_that_has_its_name_now(cloud, monkeypatch):
    file = volumes.file_of(cloud, "vol-0abc")
    used = [(Path("/dev/loop0"), Path(f"{file} (deleted)")), (Path("/dev/loop1"), file)]
    monkeypatch.setattr(volumes, "loops", lambda: iter(used))
    assert volumes.device_of(cloud, "vol-0abc") == Path("/dev/loop1")


def test_everything_of_a_cloud_with_nothing_running_is_forgotten_with_its_folder(cloud):
    (cloud.home / "volumes").mkdir()
    leftovers.forget(cloud)
    leftovers.forget(cloud)
    assert not cloud.home.exists()
    assert leftovers.find(cloud) == []


def test_what_was_measured_outlives_the_cloud(cloud):
    for name in ("volumes", "drills"):
        (cloud.home / name / "2026").mkdir(parents=True)
    (cloud.home / "instance.json").write_text("{}")
    leftovers.forget(cloud)
    assert [path.relative_to(cloud.home).as_posix() for path in cloud.home.rglob("*")] == ["drills", "drills/2026"]
