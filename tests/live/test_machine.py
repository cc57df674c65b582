"""One machine, from its image to its removal, on a bench of its own beside whatever else runs on this computer."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from local.host import images, leftovers, machine, namespaces, volumes
from local.host.machine import Machine, MachineSpec
from local.host.packages import SOURCE, PackageProxy
from local.host.process import Process
from local.instance import CHECKOUT, Instance

from .bench import ADDRESS, ROUTER, Bench
from .conftest import eventually

pytestmark = [pytest.mark.live, pytest.mark.subprocess]
VOLUME, DEVICE = "vol-0bench", "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0bench"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    instance = Instance.open(tmp_path_factory.mktemp("machine") / ".local")
    yield instance
    leftovers.remove(instance)
    assert leftovers.find(instance) == []


@pytest.fixture(scope="module")
def image(cloud):
    proxy = PackageProxy(cloud)
    proxy.start()
    yield images.ensure(cloud)
    proxy.stop()


@pytest.fixture(scope="module")
def bench(cloud):
    with Bench(cloud) as bench:
        yield bench


def described(cloud, image, bench, *attached) -> Machine:
    return Machine(
        cloud,
        MachineSpec(
            instance_id="i-0bench",
            name=bench.netns,
            netns=bench.netns,
            memory_mib=1024,
            image=image,
            volumes=attached,
        ),
    )


@pytest.fixture(scope="module")
def first_boot(cloud, image, bench):
    server = described(cloud, image, bench)
    server.start()
    eventually(server.online, 30)
    result = server.run("cloud-init status --wait --long", 60)
    assert result.exit_code == 0, result
    yield server
    server.delete()


@pytest.fixture
def server(first_boot):
    """Running, whatever the test before did to it."""
    first_boot.start()
    eventually(first_boot.online, 30)
    return first_boot


def said(server: Machine, script: str, timeout_s: float = 60) -> str:
    result = server.run(script, timeout_s)
    assert result.exit_code == 0, result
    return result.stdout


def ask(server: Machine, script: str) -> None:
    """Run what ends the machine, perhaps before it can say that it worked."""
    with contextlib.suppress(OSError):
        server.run(script, 10)


def host_sees(server: Machine) -> str:
    return "\n".join(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(server.home) in line)


def test_cloud_init_gets_its_data_from_ec2s_metadata_service_and_vendor_data_runs_first(server):
    assert said(server, "hostname; cat /run/order; cloud-id").split() == ["web-a", "vendor", "bootcmd", "runcmd", "aws"]
    assert ADDRESS in said(server, "ip -brief -4 address show ens5")


def test_nothing_in_the_machine_failed_to_start(server):
    assert said(server, "systemctl --failed --no-legend") == ""
    eventually(lambda: server.run("systemctl is-system-running", 10).stdout == "running\n", 30)


def test_the_image_has_none_of_what_cloud_init_is_to_install(server):
    assert server.run("command -v haproxy nginx mysqld sshd", 10).stdout == ""
    assert SOURCE in said(server, "cat /etc/apt/sources.list.d/debian.sources")


def test_a_command_runs_as_a_service_of_the_machine_with_a_clean_environment(server):
    environment = dict(line.split("=", 1) for line in said(server, "env").splitlines())
    assert not {"HOME", "AWS_ENDPOINT_URL", "SSH_AUTH_SOCK", "VIRTUAL_ENV"} & environment.keys()
    assert environment["PATH"].startswith("/usr/local/sbin:")
    assert said(server, "cat /proc/self/cgroup").splitlines()[-1].startswith("0::/system.slice/command-")
    assert said(server, """printf '%s' "$0 %n \\$x" 'a  b'; id -u""") == "sh %n $xa  b0\n"


def test_a_command_reports_its_exit_code_and_both_outputs(server):
    result = server.run("echo out; echo err >&2; exit 7", 10)
    assert (result.exit_code, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_a_command_that_takes_too_long_is_killed_with_all_it_started(server):
    result = server.run("echo begun; sleep 987 & sleep 987", 1)
    assert result.exit_code < 0 and result.stdout == "begun\n"
    assert server.run("pgrep -f 'sleep 98[7]'", 10).stdout == ""


def test_the_memory_of_the_machine_is_limited(server):
    hog = "python3 -c \"x = bytearray(1500 << 20); print('all of it')\""
    assert "all of it" not in server.run(hog, 30).stdout
    eventually(server.online, 5)


def test_the_machine_cannot_make_device_nodes_of_this_computers_disks(server):
    assert "not permitted" in server.run("mknod /root/disk b 254 0", 10).stderr


def test_no_mount_of_the_machine_shows_on_this_computer(server):
    assert host_sees(server) == ""


def test_a_volume_attached_to_the_running_machine_is_a_block_device_there_until_it_is_released(server, cloud):
    server.attach(VOLUME, volumes.ensure(cloud, VOLUME, 1))
    try:
        assert server.run(f"blkid {DEVICE}", 10).exit_code == 2
        said(server, f"mkfs.ext4 -q {DEVICE} && mkdir -p /mnt/data && mount {DEVICE} /mnt/data && echo kept > /mnt/data/note")
        assert 'TYPE="ext4"' in said(server, f"blkid {DEVICE}")
        with pytest.raises(volumes.VolumeBusyError):
            volumes.release(cloud, VOLUME)
        assert volumes.ensure(cloud, VOLUME, 2) == volumes.device_of(cloud, VOLUME)
        assert said(server, f"blockdev --getsize64 {DEVICE}") == f"{2 << 30}\n"
        said(server, f"umount /mnt/data && e2fsck -fy {DEVICE} && resize2fs {DEVICE}")
    finally:
        volumes.release(cloud, VOLUME)
        server.detach(VOLUME)
    assert volumes.device_of(cloud, VOLUME) is None
    assert said(server, "ls /dev/disk/by-id") == ""


def test_a_volume_attached_before_the_start_is_there_from_the_start_and_after_a_reboot(server, cloud, image, bench):
    server.poweroff()
    server = described(cloud, image, bench, (VOLUME, volumes.ensure(cloud, VOLUME, 2)))
    server.start()
    eventually(server.online, 30)
    assert said(server, f"blockdev --getsize64 {DEVICE}") == f"{2 << 30}\n"
    said(server, f"blkid {DEVICE} || mkfs.ext4 -q {DEVICE}")
    before = server.leader_pid()
    ask(server, "systemctl reboot")
    eventually(lambda: server.leader_pid() not in (None, before), 30)
    eventually(server.online, 30)
    assert 'TYPE="ext4"' in said(server, f"blkid {DEVICE}")
    server.poweroff()
    volumes.delete(cloud, VOLUME)
    assert not volumes.file_of(cloud, VOLUME).exists()


def test_a_stopped_machine_keeps_its_disk_and_is_the_same_instance_when_it_starts(server):
    said(server, "echo kept > /root/note")
    begun = time.monotonic()
    server.poweroff()
    assert time.monotonic() - begun < 30
    assert (server.state(), server.leader_pid(), server.online()) == ("stopped", None, False)
    server.start()
    eventually(server.online, 30)
    assert said(server, "cat /root/note /var/lib/cloud/data/instance-id") == "kept\ni-0bench\n"


def test_a_service_may_hold_a_shutdown_but_not_past_the_deadline(server):
    said(server, "systemd-run --unit=holder -p 'ExecStop=sleep 60' -p TimeoutStopSec=60 sleep infinity")
    begun = time.monotonic()
    server.poweroff(deadline_s=3)
    assert 3 <= time.monotonic() - begun < 6
    assert server.state() == "stopped"


def test_a_machine_told_to_power_off_from_inside_stays_off(server):
    ask(server, "systemctl poweroff")
    eventually(lambda: server.state() == "stopped", 30)


def test_a_power_cut_ends_it_at_once_and_it_starts_again(server):
    said(server, "echo cut > /root/note; sync")
    begun = time.monotonic()
    server.cut()
    assert time.monotonic() - begun < 2
    assert server.state() == "stopped"
    server.start()
    eventually(server.online, 30)
    assert said(server, "cat /root/note") == "cut\n"


def test_a_power_cut_says_goodbye_to_nobody(server, bench):
    """Nor is a connection left whose end the kernel would tell once the machine is back."""
    listener = namespaces.inside(bench.router, lambda: socket.create_server((ROUTER, 7777)))
    said(server, f"systemd-run --quiet bash -c 'exec 3<>/dev/tcp/{ROUTER}/7777; sleep 600'")
    with listener, listener.accept()[0] as peer:
        server.cut()
        assert namespaces.command(["ip", "netns", "exec", bench.netns, "ss", "-H", "--all", "--tcp"]) == ""
        peer.settimeout(1)
        with pytest.raises(TimeoutError):
            peer.recv(1)


def test_a_command_on_a_machine_that_loses_power_is_an_error_and_not_a_result(server):
    cut = threading.Timer(1, server.cut)
    cut.start()
    with pytest.raises(OSError, match="went down"):
        server.run("sleep 30", 30)
    cut.join()


def test_a_machine_outlives_who_started_it_and_another_process_takes_it_over(server, cloud, image, bench):
    server.poweroff()
    starter = (
        "import sys, os, signal; from pathlib import Path; from local.instance import Instance;"
        "from local.host.machine import Machine, MachineSpec; home, image, name = sys.argv[1:];"
        "Machine(Instance.open(Path(home)), MachineSpec(instance_id='i-0bench', name=name, netns=name,"
        " memory_mib=1024, image=Path(image))).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    started = subprocess.run([sys.executable, "-c", starter, cloud.home, image, bench.netns], cwd=CHECKOUT, timeout=60)
    assert started.returncode == -signal.SIGKILL
    adopted = described(cloud, image, bench)
    assert adopted.state() == "running"
    eventually(adopted.online, 30)
    assert said(adopted, "hostname") == "web-a\n"


def test_a_machine_whose_container_manager_was_killed_is_still_under_control(server):
    manager = next(pid for pid in server.cgroup.pids() if b"systemd-nspawn" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(manager, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{manager}").exists(), 10)
    assert (server.state(), said(server, "hostname")) == ("running", "web-a\n")
    server.poweroff()
    assert server.state() == "stopped"


def test_a_process_is_found_again_and_its_group_is_ended_with_it(cloud):
    process = Process(cloud, "example")
    pid = process.start(["sh", "-c", "trap '' TERM; sleep 600 & sleep 600"])
    assert Process(cloud, "example").pid() == pid == process.start(["false"])
    process.stop(deadline_s=0.2)
    assert process.pid() is None
    assert not any(folder.exists() for folder in process.cgroup.folders)


def test_a_deleted_machine_leaves_no_disk(cloud, image, bench, server):
    server.delete()
    assert machine.existing(cloud) == []


def test_everything_of_a_killed_cloud_is_found_and_removed(server, cloud):
    server.attach(VOLUME, volumes.ensure(cloud, VOLUME, 1))
    said(server, f"mkfs.ext4 -q {DEVICE} && mkdir -p /mnt/data && mount {DEVICE} /mnt/data")
    found, removed = "\n".join(leftovers.find(cloud)), "\n".join(leftovers.remove(cloud))
    for kind in ("systemd-nspawn", "loop device", "network namespace", "control group"):
        assert kind in found and kind in removed
    assert leftovers.find(cloud) == []
    volumes.delete(cloud, VOLUME)
