from pathlib import Path

import pytest

from local.host import packages
from local.host.packages import PackagesError, configure, configured_mirrors

DEBIAN = """\
http://mirror.example/debian Debian bookworm
http://mirror.example/debian Debian bookworm
http://mirror.example/debian Debian bookworm-updates
http://security.example/debian-security Debian bookworm-security
https://packages.example/tool Tool stable
"""


def test_the_mirror_is_the_archive_that_apt_is_configured_with():
    assert configured_mirrors(DEBIAN) == ["http://mirror.example/debian"]


def test_before_the_first_update_the_archive_is_known_by_its_folder():
    targets = "http://packages.example/tool stable\nhttps://mirror.example/debian/ trixie\n"
    assert configured_mirrors(targets.replace(" ", "  ", 1)) == ["https://mirror.example/debian"]


def test_a_list_of_mirrors_is_followed(tmp_path):
    listed = tmp_path / "debian.list"
    listed.write_text("# primary\nhttps://mirror.example/debian/\tpriority:1\nhttps://other.example/debian\n")
    assert configured_mirrors(f"mirror+file:{listed} Debian trixie\n") == ["https://mirror.example/debian"]


def test_a_computer_with_another_distribution_has_no_mirror_to_take():
    assert configured_mirrors("http://mirror.example/ubuntu Ubuntu noble\ncdrom:[disc] Debian trixie\n") == []


@pytest.fixture
def no_debian(monkeypatch, tmp_path):
    monkeypatch.delenv(packages.SETTING, raising=False)
    monkeypatch.setattr(packages, "_output", lambda *_: "http://mirror.example/ubuntu Ubuntu noble")
    defaults = tmp_path / "backends_debian"
    monkeypatch.setattr(packages, "DEFAULTS", (defaults, defaults))
    return defaults


def test_then_the_proxys_own_default_is_used(no_debian):
    no_debian.write_text("# comment\nhttp://default.example/debian/\n")
    assert packages.mirror() == "http://default.example/debian"


def test_and_without_one_the_error_says_how_to_name_one(no_debian):
    with pytest.raises(PackagesError, match=r"DEBIAN_MIRROR=http"):
        packages.mirror()


def test_a_mirror_set_by_the_user_comes_first(monkeypatch):
    monkeypatch.setenv(packages.SETTING, "http://chosen.example/debian/")
    assert packages.mirror() == "http://chosen.example/debian"


def test_the_proxy_listens_on_loopback_and_maps_the_one_name_to_the_mirror():
    text = configure(
        folder=Path("/cache/0"),
        log=Path("/log"),
        port=3142,
        socket_path=Path("/run/packages.socket"),
        mirror="http://mirror.example/debian",
        upstream="http://proxy.example:8080",
    )
    assert text == (
        "CacheDir: /cache/0\n"
        "LogDir: /log\n"
        "BindAddress: 127.0.0.1\n"
        "Port: 3142\n"
        "SocketPath: /run/packages.socket\n"
        "ForeGround: 1\n"
        "Remap-debian: http://debian.packages.internal/debian ; http://mirror.example/debian\n"
        "ExThreshold: 3650\n"
        "Proxy: http://proxy.example:8080\n"
    )


def test_proxies_that_run_together_have_a_folder_each_and_one_after_another_the_same(tmp_path):
    import os

    first, lock = packages._free_folder(tmp_path)
    second, other = packages._free_folder(tmp_path)
    assert (first.name, second.name) == ("0", "1")
    os.close(lock)
    again, lock = packages._free_folder(tmp_path)
    assert again == first
    os.close(lock)
    os.close(other)
