import shutil
import stat

from local.host import images, packages


def test_the_key_follows_what_the_guest_files_hold_and_who_may_execute_them(tmp_path):
    guest = tmp_path / "guest"
    shutil.copytree(images.GUEST, guest)
    assert images.key(guest) == images.key()
    file = guest / "etc/systemd/network/05-ens5.network"
    file.chmod(0o600)  # another umask
    assert images.key(guest) == images.key()
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    executable = images.key(guest)
    file.write_text(file.read_text() + "\n# changed\n")
    assert len({images.key(), executable, images.key(guest)}) == 3


def test_the_key_follows_the_packages(monkeypatch):
    before = images.key()
    monkeypatch.setattr(images, "TOOLS", (*images.TOOLS, "jq"))
    assert images.key() != before


def test_the_key_does_not_follow_the_mirror(monkeypatch):
    before = images.key()
    monkeypatch.setenv(packages.SETTING, "http://other.example/debian")
    assert images.key() == before


def test_what_servers_are_for_is_not_in_the_image():
    included = images.recipe()[3].removeprefix("--include=").split(",")
    assert "cloud-init" in included
    assert not {"haproxy", "nginx", "mysql-server", "openssh-server", "python3-boto3"} & set(included)


def test_the_images_package_source_is_the_name_the_proxy_knows():
    text = (images.GUEST / "etc/apt/sources.list.d/debian.sources").read_text()
    assert f"URIs: {packages.SOURCE}\nSuites: {images.SUITE}\n" in text


def test_cloud_init_finds_the_datasource_that_the_image_brings():
    settings = (images.GUEST / "etc/cloud/cloud.cfg.d/90-local-cloud.cfg").read_text()
    assert "datasource_list: [LocalEc2]" in settings
    assert (images.GUEST / "usr/lib/python3/dist-packages/cloudinit/sources/DataSourceLocalEc2.py").exists()
